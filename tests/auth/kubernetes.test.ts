/** The auth method kubernetes over HTTP, with an API server that stands in for a cluster's. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { startTestServer, type TestServer } from '../dev-server.ts';
import { apiAt, type Api, textOf } from './api.ts';
import { TestCluster } from './kubernetes-cluster.ts';
import { hmacJwt, newKey, publicPem, seconds, signJwt, unsignedJwt } from './signed-jwt.ts';

let server: TestServer;
let api: Api;
let cluster: TestCluster;
let reviewer = '';
before(async () => {
  server = await startTestServer();
  api = apiAt(server.address);
  await api.ok('PUT', 'sys/policies/acl/app', { policy: 'path "app" { capabilities = ["read"] }' });
  cluster = await TestCluster.start();
  reviewer = cluster.token('vault', 'vault');
  await api.ok('POST', 'sys/auth/kubernetes', { type: 'kubernetes' });
});
after(async () => {
  await cluster.close();
  await server.close();
});

const configure = (more: JsonObject = {}) =>
  api.ok('POST', 'auth/kubernetes/config', {
    kubernetes_host: cluster.url,
    kubernetes_ca_cert: cluster.ca,
    token_reviewer_jwt: reviewer,
    ...more,
  });
const role = (more: JsonObject = {}, name = 'app') =>
  api.ok('POST', `auth/kubernetes/role/${name}`, {
    bound_service_account_names: 'web',
    bound_service_account_namespaces: 'shop',
    token_policies: 'app',
    ...more,
  });
const login = (jwt: string, name = 'app') => api('POST', 'auth/kubernetes/login', { role: name, jwt }, { token: '' });
async function refusedLogin([status, error]: readonly [number, string | RegExp], jwt: string, name = 'app') {
  const answer = await login(jwt, name);
  assert.equal(answer.status, status, answer.error);
  if (typeof error === 'string') assert.equal(answer.error, error);
  else assert.match(answer.error, error);
}
const DENIED = [403, 'permission denied'] as const;

describe('kubernetes: the configuration and the roles', () => {
  const refused = (error: string | RegExp, body: JsonObject) =>
    api.refused([400, error], 'POST', 'auth/kubernetes/config', body);

  it('are needed for a login', async () => {
    await refusedLogin([400, 'missing role'], 'x', '');
    await refusedLogin([400, 'missing jwt'], '');
    await refusedLogin([400, 'invalid role name "app"'], 'x');
    await role();
    await refusedLogin([500, /could not load backend configuration/], cluster.token('shop', 'web'));
  });

  it('are refused as Vault refuses them', async () => {
    await refused('no host provided', {});
    await refused(/field "pem_keys"/, { kubernetes_host: cluster.url, pem_keys: 'x' });
    await refused(/field "kubernetes_ca_cert": could not parse CA PEM/, {
      kubernetes_host: cluster.url,
      kubernetes_ca_cert: 'x',
    });
    await refused(/field "kubernetes_host"/, { kubernetes_host: 'ftp://x' });
    await refused(/field "jwks_url": .*certificate/, { jwks_url: `${cluster.url}/openid/v1/jwks` });
    await refused(/"use_annotations_as_alias_metadata" is not supported/, {
      kubernetes_host: cluster.url,
      use_annotations_as_alias_metadata: true,
    });
    const refusedRole = (error: string | RegExp, body: JsonObject) =>
      api.refused([400, error], 'POST', 'auth/kubernetes/role/new', body);
    const base = { bound_service_account_names: 'web', bound_service_account_namespaces: 'shop' };
    await refusedRole('"bound_service_account_names" can not be empty', { bound_service_account_namespaces: 'x' });
    await refusedRole(/"bound_service_account_namespaces" can not be empty/, { bound_service_account_names: 'x' });
    await refusedRole('can not mix "*" with values', { ...base, bound_service_account_names: '*,web' });
    await refusedRole('can not mix "*" with values', { ...base, bound_service_account_namespaces: ['shop', '*'] });
    await refusedRole(/invalid alias_name_source "pod"/, { ...base, alias_name_source: 'pod' });
    await refusedRole(/^period of "800h0m0s" is greater than the backend's maximum lease TTL/, {
      ...base,
      period: '800h',
    });
    await refusedRole(/namespace_selector" is not supported/, {
      ...base,
      bound_service_account_namespace_selector: '{"matchLabels":{"a":"b"}}',
    });
  });

  it('are shown without the token of the reviewer', async () => {
    await configure();
    const { data } = await api.ok('GET', 'auth/kubernetes/config');
    assert.ok(!JSON.stringify(data).includes(reviewer));
    assert.deepEqual(
      [data['kubernetes_host'], data['token_reviewer_jwt_set'], data['disable_iss_validation'], data['pem_keys']],
      [cluster.url, true, true, []],
    );
    await api.ok('POST', 'auth/kubernetes/config', { kubernetes_host: 'kube.example.com:6443' });
    assert.equal(
      (await api.ok('GET', 'auth/kubernetes/config')).data['kubernetes_host'],
      'https://kube.example.com:6443',
    );
    await role({ audience: 'vault', token_ttl: '10m' }, 'Shown');
    const shown = (await api.ok('GET', 'auth/kubernetes/role/shown')).data;
    assert.deepEqual(
      [shown['audience'], shown['alias_name_source'], shown['bound_service_account_names'], shown['token_ttl']],
      ['vault', 'serviceaccount_uid', ['web'], 600],
    );
    await api.ok('DELETE', 'auth/kubernetes/role/shown');
    assert.deepEqual((await api.ok('LIST', 'auth/kubernetes/role')).data['keys'], ['app']);
  });
});

describe('kubernetes: a login by TokenReview', () => {
  beforeEach(async () => {
    cluster.answer = undefined;
    await configure();
    await api.ok('DELETE', 'auth/kubernetes/role/app');
    await role();
  });

  it('is of a service account that the cluster knows', async () => {
    const { status, auth, error } = await login(cluster.token('shop', 'web'));
    assert.equal(status, 200, error);
    assert.deepEqual(auth['metadata'], {
      role: 'app',
      service_account_name: 'web',
      service_account_namespace: 'shop',
      service_account_secret_name: '',
      service_account_uid: 'uid-of-web',
    });
    const token = textOf(auth['client_token']);
    assert.equal((await api.lookup(token))['display_name'], 'kubernetes-shop-web');
    const older = await login(cluster.olderToken('shop', 'web'));
    assert.deepEqual(
      [older.status, (older.auth['metadata'] as JsonObject)['service_account_secret_name']],
      [200, 'web-token-x7'],
    );
    await api.ok('DELETE', 'auth/kubernetes/role/app');
    await api.refused([400, /role app does not exist during renewal/], 'POST', 'auth/token/renew-self', {}, { token });
  });

  it('asks with the reviewer`s token, or with the reviewed one, which then has to be allowed to', async () => {
    cluster.reviews.length = 0;
    const jwt = cluster.token('shop', 'web');
    await login(jwt);
    assert.equal(cluster.reviews[0]?.bearer, reviewer);
    await configure({ token_reviewer_jwt: '', disable_local_ca_jwt: true });
    await refusedLogin(DENIED, jwt);
    assert.equal(cluster.reviews[1]?.bearer, jwt);
    cluster.delegators.add('system:serviceaccount:shop:web');
    assert.equal((await login(jwt)).status, 200);
    cluster.delegators.delete('system:serviceaccount:shop:web');
    assert.match(server.log(), /login failed: .*tokenreviews: status 403/);
  });

  it('names and namespaces are those of the role, and nothing is asked for others', async () => {
    cluster.reviews.length = 0;
    await refusedLogin([403, 'service account name not authorized'], cluster.token('shop', 'db'));
    await refusedLogin([403, 'namespace not authorized'], cluster.token('shop2', 'web'));
    assert.equal(cluster.reviews.length, 0);
    await role({ bound_service_account_names: 'web-*,api', bound_service_account_namespaces: '*' });
    for (const name of ['web-1', 'api']) assert.equal((await login(cluster.token('any', name))).status, 200);
    await refusedLogin([403, 'service account name not authorized'], cluster.token('any', 'web'));
  });

  it('is refused once the service account is gone, or another one of the same name is there', async () => {
    const jwt = cluster.token('shop', 'web');
    cluster.accounts.delete('shop/web');
    await refusedLogin(DENIED, jwt);
    cluster.accounts.set('shop/web', 'another-uid');
    await refusedLogin(DENIED, jwt);
    cluster.accounts.set('shop/web', 'uid-of-web');
    assert.equal((await login(jwt)).status, 200);
  });

  it('is refused where anybody else has signed', async () => {
    const key = newKey();
    const claims = { 'kubernetes.io': { namespace: 'shop', serviceaccount: { name: 'web', uid: 'uid-of-web' } } };
    const good = { ...claims, sub: 'system:serviceaccount:shop:web', aud: ['https://kubernetes.default.svc'] };
    const forged = [signJwt(key, good), hmacJwt('secret', good), unsignedJwt(good), 'x', 'a.b.c', ' '];
    for (const jwt of forged) await refusedLogin(DENIED, jwt);
    await refusedLogin([403, /could not parse UID/], cluster.token('shop', 'web', { 'kubernetes.io': {} }));
    await refusedLogin([403, /token is expired/], cluster.token('shop', 'web', { exp: seconds(-100) }));
  });

  it('has the audience that the role asks for', async () => {
    await role({ audience: 'vault' });
    await refusedLogin(
      [403, 'invalid audience (aud) claim: audience claim does not match any expected audience'],
      cluster.token('shop', 'web'),
    );
    assert.equal((await login(cluster.token('shop', 'web', { aud: ['vault'] }))).status, 200);
    assert.deepEqual(cluster.reviews.at(-1)?.spec.audiences, ['vault']);
  });

  it('believes no answer that is not a review of this token', async () => {
    const jwt = cluster.token('shop', 'web');
    const user = { username: 'system:serviceaccount:shop:web', uid: 'uid-of-web' };
    const audiences = ['https://kubernetes.default.svc'];
    const right = { authenticated: true, user, audiences };
    const answers: readonly JsonObject[] = [
      {},
      { status: {} },
      { status: 'Failure' },
      { status: { ...right, authenticated: 'true' } },
      { status: { ...right, authenticated: false } },
      { status: { ...right, error: 'x' } },
      { status: { ...right, audiences: ['other'] } },
      { status: { authenticated: true, user } },
      { status: { ...right, user: { ...user, username: 'system:serviceaccount:kube-system:web' } } },
      { status: { ...right, user: { ...user, username: 'web' } } },
      { status: { ...right, user: { ...user, uid: 'other' } } },
      { status: { authenticated: true, audiences } },
    ];
    for (const answer of answers) {
      cluster.answer = (response) => response.writeHead(201).end(JSON.stringify(answer));
      await refusedLogin(DENIED, jwt);
    }
    for (const [status, text] of [
      [500, '{}'],
      [302, ''],
      [201, 'no JSON'],
      [201, 'x'.repeat(2_000_000)],
    ] as const) {
      cluster.answer = (response) => response.writeHead(status, { Location: `${cluster.url}/x` }).end(text);
      await refusedLogin(DENIED, jwt);
    }
    cluster.answer = (response) => response.writeHead(201).end(JSON.stringify({ status: right }));
    assert.equal((await login(jwt)).status, 200, 'the right answer is one');
    cluster.answer = (response) => response.destroy();
    await refusedLogin(DENIED, jwt);
    assert.ok(!server.log().includes(jwt) && !server.log().includes(reviewer));
  });

  it('verifies the signature first where it has keys', async () => {
    await configure({ pem_keys: publicPem(cluster.key) });
    assert.equal((await login(cluster.token('shop', 'web'))).status, 200);
    cluster.reviews.length = 0;
    await configure({ pem_keys: publicPem(newKey()) });
    await refusedLogin(DENIED, cluster.token('shop', 'web'));
    assert.equal(cluster.reviews.length, 0);
    await configure({ disable_iss_validation: false });
    await refusedLogin([403, 'invalid issuer (iss) claim'], cluster.token('shop', 'web'));
    assert.equal((await login(cluster.olderToken('shop', 'web'))).status, 200);
  });
});

describe('kubernetes: a login by the keys of the cluster alone', () => {
  const local = (source: JsonObject) => api.ok('POST', 'auth/kubernetes/config', source);
  before(async () => {
    cluster.answer = undefined;
    await role({ audience: 'vault' });
  });
  const jwt = (claims: JsonObject = {}) => cluster.token('shop', 'web', { aud: ['vault'], ...claims });

  it('needs a token that ends, and that was made for us', async () => {
    await local({ pem_keys: publicPem(cluster.key) });
    cluster.reviews.length = 0;
    assert.equal((await login(jwt())).status, 200);
    assert.equal(cluster.reviews.length, 0);
    await refusedLogin([403, /invalid audience/], cluster.token('shop', 'web'));
    await role({ audience: '' });
    await refusedLogin([403, 'audience claim found in JWT but no audience bound to the role'], jwt());
    await refusedLogin([403, /no issued at|no expiration time/], cluster.olderToken('shop', 'web'));
    await role({ audience: 'vault' });
    await refusedLogin([403, /token is expired/], jwt({ exp: seconds(-100) }));
    await refusedLogin(DENIED, signJwt(newKey(), { aud: 'vault', exp: seconds(60) }));
    await refusedLogin(DENIED, hmacJwt(publicPem(cluster.key), { aud: 'vault', exp: seconds(60) }));
    await refusedLogin([403, 'namespace not authorized'], cluster.token('other', 'web', { aud: ['vault'] }));
  });

  it('follows the keys that the cluster publishes', async () => {
    await local({ jwks_url: `${cluster.url}/openid/v1/jwks`, jwks_ca_pem: cluster.ca, issuer: 'x' });
    assert.equal((await login(jwt())).status, 200);
    const old = jwt();
    cluster.key = newKey();
    assert.equal((await login(jwt())).status, 200);
    await refusedLogin(DENIED, old);
  });
});
