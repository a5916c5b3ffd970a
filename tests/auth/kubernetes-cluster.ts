/** Stands in for the API server of a Kubernetes cluster, over real TLS: it issues tokens, and reviews them as the real one does. */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { JsonObject } from '@coffer/base';
import { createCertificateAuthority } from '@coffer/testkit';
import { newKey, publicJwk, seconds, signJwt, type SigningKey } from './signed-jwt.ts';

export const REVIEWER = 'system:serviceaccount:vault:vault';
const OWN_AUDIENCE = 'https://kubernetes.default.svc';

interface Review {
  readonly bearer: string;
  readonly spec: { readonly token: string; readonly audiences?: readonly string[] };
}

export class TestCluster {
  readonly url: string;
  /** PEM. */
  readonly ca: string;
  readonly reviews: Review[] = [];
  /** The service accounts that exist: `namespace/name` to uid. */
  readonly accounts = new Map<string, string>([['vault/vault', 'uid-of-vault']]);
  /** Who may ask for reviews, as system:auth-delegator. */
  readonly delegators = new Set([REVIEWER]);
  /** Answers in place of a review. */
  answer: ((response: ServerResponse) => void) | undefined;
  key: SigningKey = newKey();
  readonly #close: () => Promise<void>;

  private constructor(url: string, ca: string, close: () => Promise<void>) {
    this.url = url;
    this.ca = ca;
    this.#close = close;
  }

  static async start(): Promise<TestCluster> {
    const authority = await createCertificateAuthority('kubernetes');
    const certificate = await authority.issue({ commonName: 'kube-apiserver', ipAddresses: ['127.0.0.1'] });
    const tls = { cert: certificate.certificatePem, key: certificate.privateKeyPem };
    const server = createServer(tls, (request, response) => {
      cluster.serve(request, response).catch(() => response.destroy());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const cluster = new TestCluster(`https://127.0.0.1:${port}`, authority.certificatePem, async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    });
    return cluster;
  }

  close(): Promise<void> {
    return this.#close();
  }

  /** A token as `kubectl create token` makes it, of an account that comes to be if there is none. */
  token(namespace: string, name: string, claims: JsonObject = {}): string {
    const uid = this.accounts.get(`${namespace}/${name}`) ?? `uid-of-${name}`;
    this.accounts.set(`${namespace}/${name}`, uid);
    return signJwt(this.key, {
      iss: OWN_AUDIENCE,
      sub: `system:serviceaccount:${namespace}:${name}`,
      aud: [OWN_AUDIENCE],
      iat: seconds(),
      nbf: seconds(),
      exp: seconds(3600),
      'kubernetes.io': { namespace, pod: { name: 'pod', uid: 'pod-uid' }, serviceaccount: { name, uid } },
      ...claims,
    });
  }

  /** A token as it was kept in a secret before Kubernetes 1.24: without an end. */
  olderToken(namespace: string, name: string): string {
    const uid = this.accounts.get(`${namespace}/${name}`) ?? `uid-of-${name}`;
    this.accounts.set(`${namespace}/${name}`, uid);
    const prefix = 'kubernetes.io/serviceaccount/';
    return signJwt(this.key, {
      iss: 'kubernetes/serviceaccount',
      sub: `system:serviceaccount:${namespace}:${name}`,
      [`${prefix}namespace`]: namespace,
      [`${prefix}secret.name`]: `${name}-token-x7`,
      [`${prefix}service-account.name`]: name,
      [`${prefix}service-account.uid`]: uid,
    });
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const json = (status: number, body: unknown): void => {
      response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
    };
    const failure = (code: number, reason: string): void =>
      json(code, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: reason, reason, code });
    if (request.url === '/openid/v1/jwks') return json(200, { keys: [publicJwk(this.key)] });
    if (request.method !== 'POST' || request.url !== '/apis/authentication.k8s.io/v1/tokenreviews') {
      return failure(404, 'NotFound');
    }
    const bearer = (request.headers.authorization ?? '').replace('Bearer ', '');
    const { kind, spec } = JSON.parse(await text(request)) as { kind: string; spec: Review['spec'] };
    this.reviews.push({ bearer, spec });
    if (this.answer !== undefined) return this.answer(response);
    const caller = this.#userOf(bearer);
    if (caller === undefined) return failure(401, 'Unauthorized');
    if (!this.delegators.has(caller.username)) return failure(403, 'Forbidden');
    if (kind !== 'TokenReview') return failure(400, 'BadRequest');
    const audiences = spec.audiences ?? [OWN_AUDIENCE];
    const user = this.#userOf(spec.token);
    const common = user?.audiences.filter((audience) => audiences.includes(audience)) ?? [];
    const review = { kind, apiVersion: 'authentication.k8s.io/v1', metadata: { creationTimestamp: null }, spec };
    if (user === undefined || (common.length === 0 && user.audiences.length > 0)) {
      return json(201, { ...review, status: { user: {}, error: '[invalid bearer token, token lookup failed]' } });
    }
    const { username, uid } = user;
    const groups = ['system:serviceaccounts', 'system:authenticated'];
    // An older token is good for every audience that is asked for.
    const status = {
      authenticated: true,
      user: { username, uid, groups },
      audiences: common.length > 0 ? common : audiences,
    };
    return json(201, { ...review, status });
  }

  #userOf(token: string) {
    const [header = '', payload = '', signature = ''] = token.split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString() || '{}') as Record<string, string>;
    const resigned = signJwt(this.key, claims).split('.')[2];
    const exp = Number(claims['exp'] ?? Infinity);
    const [, , namespace = '', name = ''] = (claims['sub'] ?? '').split(':');
    const uid = this.accounts.get(`${namespace}/${name}`);
    if (header === '' || resigned !== signature || exp < seconds() || uid === undefined) return undefined;
    if (uidClaimed(claims) !== uid) return undefined;
    return { username: claims['sub'] ?? '', uid, audiences: [claims['aud'] ?? []].flat() };
  }
}

function uidClaimed(claims: Readonly<Record<string, unknown>>): unknown {
  const projected = claims['kubernetes.io'] as { serviceaccount: { uid: string } } | undefined;
  return projected?.serviceaccount.uid ?? claims['kubernetes.io/serviceaccount/service-account.uid'];
}
