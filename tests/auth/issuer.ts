/** An OpenID provider over real TLS: it says what it is, publishes its keys, and logs in whoever comes. */
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { JsonObject } from '@coffer/base';
import { createCertificateAuthority } from '@coffer/testkit';
import { newKey, publicJwk, seconds, signJwt, type SigningKey } from './signed-jwt.ts';

export const CLIENT = { id: 'coffer', secret: 'the client secret+&%' } as const;

/** What somebody at the browser is sent away with. */
interface IssuedCode {
  readonly redirectUri: string;
  readonly challenge: string;
  readonly nonce: string;
  readonly scope: string;
}

export class TestIssuer {
  readonly url: string;
  /** PEM, of the authority that its certificate is of. */
  readonly ca: string;
  /** The paths that were asked for. */
  readonly asked: string[] = [];
  /** Claims of whoever is at the browser. */
  person: JsonObject = { sub: 'ana', email: 'ana@example.com' };
  /** What the userinfo endpoint says more. */
  userinfo: JsonObject = { groups: ['staff', 'admins'] };
  /** Changes the claims of an ID token before it is signed. */
  alter: (claims: Record<string, JsonObject[string]>) => void = () => undefined;
  /** Answers in place of everything else. */
  answer: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
  key: SigningKey = newKey();
  published: readonly SigningKey[] = [this.key];
  readonly #codes = new Map<string, IssuedCode>();
  readonly #close: () => Promise<void>;

  private constructor(url: string, ca: string, close: () => Promise<void>) {
    this.url = url;
    this.ca = ca;
    this.#close = close;
  }

  static async start(): Promise<TestIssuer> {
    const authority = await createCertificateAuthority();
    const certificate = await authority.issue({ commonName: 'issuer', ipAddresses: ['127.0.0.1'] });
    const server = createServer(
      { cert: certificate.certificatePem, key: certificate.privateKeyPem },
      (request, response) => {
        issuer.serve(request, response).catch(() => response.destroy());
      },
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const issuer = new TestIssuer(`https://127.0.0.1:${port}`, authority.certificatePem, async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    });
    return issuer;
  }

  close(): Promise<void> {
    return this.#close();
  }

  /** From now on it signs with another key; `publish`: and says so. */
  rotate(publish = true): void {
    this.key = newKey();
    if (publish) this.published = [this.key];
  }

  sign(claims: JsonObject, header: JsonObject = {}): string {
    return signJwt(this.key, { iss: this.url, iat: seconds(), exp: seconds(300), ...claims }, header);
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', this.url);
    this.asked.push(url.pathname);
    if (this.answer?.(request, response) === true) return;
    const json = (status: number, body: unknown): void => {
      response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
    };
    switch (url.pathname) {
      case '/.well-known/openid-configuration':
        return json(200, {
          issuer: this.url,
          authorization_endpoint: `${this.url}/authorize`,
          token_endpoint: `${this.url}/token`,
          userinfo_endpoint: `${this.url}/userinfo`,
          jwks_uri: `${this.url}/keys`,
        });
      case '/keys':
        return json(200, { keys: this.published.map(publicJwk) });
      case '/authorize':
        return this.#authorize(url, response);
      case '/token': {
        const tokens = this.#redeem(request, new URLSearchParams(await text(request)));
        return json(tokens === undefined ? 400 : 200, tokens ?? { error: 'invalid_grant', error_description: 'no' });
      }
      case '/userinfo':
        if (request.headers.authorization !== 'Bearer an access token') return json(401, {});
        return json(200, { sub: this.person['sub'], ...this.userinfo });
      default:
        return json(404, {});
    }
  }

  /** Somebody is at the browser, and has just logged in. */
  #authorize({ searchParams: asked }: URL, response: ServerResponse): void {
    const [redirectUri, state] = [asked.get('redirect_uri') ?? '', asked.get('state') ?? ''];
    const code = randomUUID();
    this.#codes.set(code, {
      redirectUri,
      challenge: asked.get('code_challenge') ?? '',
      nonce: asked.get('nonce') ?? '',
      scope: asked.get('scope') ?? '',
    });
    const right =
      asked.get('client_id') === CLIENT.id &&
      asked.get('response_type') === 'code' &&
      asked.get('code_challenge_method') === 'S256' &&
      (asked.get('scope') ?? '').split(' ').includes('openid');
    const target = new URL(redirectUri);
    target.searchParams.set('state', state);
    if (right) target.searchParams.set('code', code);
    else target.searchParams.set('error', 'invalid_request');
    response.writeHead(302, { Location: target.href }).end();
  }

  #redeem({ headers }: IncomingMessage, form: URLSearchParams): JsonObject | undefined {
    const code = form.get('code') ?? '';
    const issued = this.#codes.get(code);
    this.#codes.delete(code);
    const [id, secret] = [CLIENT.id, CLIENT.secret].map((part) => new URLSearchParams({ x: part }).toString().slice(2));
    const verifier = form.get('code_verifier') ?? '';
    const right =
      issued !== undefined &&
      headers.authorization === `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` &&
      form.get('grant_type') === 'authorization_code' &&
      form.get('redirect_uri') === issued.redirectUri &&
      verifier.length >= 43 &&
      createHash('sha256').update(verifier).digest('base64url') === issued.challenge;
    if (!right) return undefined;
    const hash = createHash('sha256').update('an access token').digest().subarray(0, 16).toString('base64url');
    const claims: Record<string, JsonObject[string]> = {
      iss: this.url,
      aud: CLIENT.id,
      iat: seconds(),
      exp: seconds(300),
      auth_time: seconds(),
      nonce: issued.nonce,
      at_hash: hash,
      scope: issued.scope,
      ...this.person,
    };
    this.alter(claims);
    return { token_type: 'Bearer', access_token: 'an access token', id_token: signJwt(this.key, claims) };
  }
}
