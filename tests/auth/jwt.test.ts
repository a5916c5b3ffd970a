/** The auth method jwt over HTTP, with a real issuer over TLS: its keys, its configuration, its roles. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { type Api, startAuthServer, textOf } from './api.ts';
import { TestIssuer } from './issuer.ts';
import { jwtLogins } from './jwt-logins.ts';
import { newKey, publicPem, seconds, signJwt } from './signed-jwt.ts';

let server: Awaited<ReturnType<typeof startAuthServer>>;
let api: Api;
let issuer: TestIssuer;
before(async () => {
  server = await startAuthServer();
  ({ api } = server);
  issuer = await TestIssuer.start();
  await api.ok('POST', 'sys/auth/jwt', { type: 'jwt' });
});
after(async () => {
  await issuer.close();
  await server.close();
});

const { login, configure, role, refusedLogin } = jwtLogins(() => api);

describe('jwt: where keys come from', () => {
  beforeEach(async () => {
    await api('DELETE', 'auth/jwt/role/app');
    await role({ bound_audiences: 'coffer' });
  });
  const jwt = (more: JsonObject = {}) => issuer.sign({ sub: 'build', aud: 'coffer', ...more });

  it('a discovery document over TLS', async () => {
    await configure({ oidc_discovery_url: issuer.url, oidc_discovery_ca_pem: issuer.ca });
    const { auth, status } = await login(jwt());
    assert.equal(status, 200);
    assert.deepEqual(auth['token_policies'], ['app', 'default']);
    assert.deepEqual(auth['metadata'], { role: 'app' });
    const token = textOf(auth['client_token']);
    assert.equal((await api.lookup(token))['display_name'], 'jwt-build');
    assert.equal((await api.lookup(token))['path'], 'auth/jwt/login');
  });

  it('a JWKS URL, and keys that the issuer changes without notice', async () => {
    await configure({ jwks_url: `${issuer.url}/keys`, jwks_ca_pem: issuer.ca });
    assert.equal((await login(jwt())).status, 200);
    const withdrawn = issuer.sign({ sub: 'build', aud: 'coffer' });
    issuer.rotate();
    assert.equal((await login(jwt())).status, 200);
    await refusedLogin(withdrawn, /failed to verify id token signature/);
    issuer.rotate(false);
    await refusedLogin(jwt(), /error validating token: error verifying token signature: failed to verify/);
    issuer.rotate();
  });

  it('several JWKS URLs', async () => {
    const other = await TestIssuer.start();
    try {
      const pairs = [other, issuer].map(({ url, ca }) => ({ jwks_url: `${url}/keys`, jwks_ca_pem: ca }));
      await configure({ jwks_pairs: pairs });
      assert.deepEqual((await api.ok('GET', 'auth/jwt/config')).data['jwks_pairs'], pairs);
      assert.equal((await login(jwt())).status, 200);
      assert.equal((await login(other.sign({ sub: 'other', aud: 'coffer' }))).status, 200);
      await refusedLogin(signJwt(newKey(), { sub: 'x', aud: 'coffer', exp: seconds(60) }), /failed to verify/);
    } finally {
      await other.close();
    }
  });

  it('public keys of each kind, tried one after the other', async () => {
    const keys = (['RS256', 'ES256', 'EdDSA'] as const).map((alg) => newKey(alg));
    await configure({ jwt_validation_pubkeys: keys.map(publicPem), bound_issuer: 'https://ci.example.com' });
    const claims = { iss: 'https://ci.example.com', sub: 'build', aud: ['x', 'coffer'], exp: seconds(60) };
    for (const key of [...keys, { ...(keys[0] ?? newKey()), alg: 'PS256' as const }]) {
      assert.equal((await login(signJwt(key, claims))).status, 200, key.alg);
    }
    await refusedLogin(signJwt(newKey(), claims), /no known key successfully validated the token signature/);
    await refusedLogin(signJwt(keys[1] ?? newKey(), { ...claims, iss: 'https://ci.example.com/' }), /invalid issuer/);
    await configure({ jwt_validation_pubkeys: keys.map(publicPem), jwt_supported_algs: 'ES256' });
    assert.equal((await login(signJwt(keys[1] ?? newKey(), claims))).status, 200);
    await refusedLogin(signJwt(keys[0] ?? newKey(), claims), /token signed with unexpected algorithm/);
  });

  it('of an issuer that cannot be had say no more to the caller', async () => {
    await configure({ jwks_url: `${issuer.url}/keys`, jwks_ca_pem: issuer.ca });
    issuer.answer = (_, response) => {
      response.writeHead(500).end('internal: the database password is hunter2');
      return true;
    };
    await refusedLogin(
      jwt(),
      /^error validating token: error verifying token signature: failed to get the keys of the issuer$/,
    );
    issuer.answer = undefined;
    assert.equal((await login(jwt())).status, 200);
  });
});

describe('jwt: the configuration', () => {
  const refused = (error: string | RegExp, body: JsonObject) =>
    api.refused([400, error], 'POST', 'auth/jwt/config', body);
  const pem = publicPem(newKey());

  it('names exactly one source of keys, and is refused as Vault refuses it', async () => {
    const one =
      /^exactly one of 'jwt_validation_pubkeys', 'jwks_url', 'jwks_pairs' or 'oidc_discovery_url' must be set$/;
    await refused(one, {});
    await refused(one, { jwks_url: `${issuer.url}/keys`, jwt_validation_pubkeys: pem });
    await refused("both 'oidc_client_id' and 'oidc_client_secret' must be set for OIDC", {
      oidc_discovery_url: issuer.url,
      oidc_client_id: 'x',
    });
    await refused("'oidc_discovery_url' must be set for OIDC", {
      jwt_validation_pubkeys: pem,
      oidc_client_id: 'x',
      oidc_client_secret: 'y',
    });
    await refused(/^error parsing public key: /, { jwt_validation_pubkeys: 'not a key' });
    await refused(/invalid jwt_supported_algs/, { jwt_validation_pubkeys: pem, jwt_supported_algs: 'HS256' });
    await refused(/invalid jwt_supported_algs/, { jwt_validation_pubkeys: pem, jwt_supported_algs: 'none' });
    await refused(/invalid response_mode: "fragment"/, { jwt_validation_pubkeys: pem, oidc_response_mode: 'fragment' });
    const query = { oidc_response_mode: 'query', oidc_response_types: 'id_token' };
    await refused('query response_mode may not be used with an id_token response_type', {
      jwt_validation_pubkeys: pem,
      ...query,
    });
    await refused(/"form_post".* not supported/, { jwt_validation_pubkeys: pem, oidc_response_mode: 'form_post' });
    await refused(/"provider_config" is not supported/, {
      oidc_discovery_url: issuer.url,
      provider_config: { provider: 'azure' },
    });
    await refused(/'jwks_pairs' when using multiple/, {
      jwks_pairs: [{ jwks_url: 'https://x' }],
      jwks_ca_pem: issuer.ca,
    });
    await refused(/invalid jwks_pairs/, { jwks_pairs: ['https://x'] });
  });

  it('takes no private key, and no key that is too short', async () => {
    const { privateKey } = newKey();
    const secret = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    await refused(/error parsing public key: data does not contain any valid/, { jwt_validation_pubkeys: secret });
    await refused(/1024 bits/, { jwt_validation_pubkeys: publicPem(newKey('RS256', 1024)) });
  });

  it('is only taken when the issuer answers, over TLS that it can trust, as the issuer that was named', async () => {
    const unchanged = (await api.ok('GET', 'auth/jwt/config')).data;
    await refused(/^error checking oidc discovery URL: .*certificate/, { oidc_discovery_url: issuer.url });
    await refused(/^error checking jwks URL: .*certificate/, { jwks_url: `${issuer.url}/keys` });
    await refused(/issuer did not match the returned issuer/, {
      oidc_discovery_url: `${issuer.url}/`,
      oidc_discovery_ca_pem: issuer.ca,
    });
    await refused(/status 404/, { jwks_url: `${issuer.url}/nothing`, jwks_ca_pem: issuer.ca });
    await refused(/not a JSON Web Key Set/, {
      jwks_url: `${issuer.url}/.well-known/openid-configuration`,
      jwks_ca_pem: issuer.ca,
    });
    await refused(/could not parse CA PEM/, { jwks_url: `${issuer.url}/keys`, jwks_ca_pem: 'x' });
    await refused(/starts with https/, { jwks_url: 'file:///etc/passwd' });
    assert.deepEqual((await api.ok('GET', 'auth/jwt/config')).data, unchanged);
  });

  it('is shown without the client secret, and keeps namespace_in_state', async () => {
    const provider = { oidc_discovery_url: issuer.url, oidc_discovery_ca_pem: issuer.ca };
    await configure({
      ...provider,
      oidc_client_id: 'id',
      oidc_client_secret: 'very secret',
      namespace_in_state: false,
    });
    await configure({ ...provider, oidc_client_id: 'id', oidc_client_secret: 'very secret', default_role: 'APP' });
    const { data } = await api.ok('GET', 'auth/jwt/config');
    assert.ok(!JSON.stringify(data).includes('very secret'));
    assert.deepEqual(
      [data['oidc_client_id'], data['default_role'], data['namespace_in_state'], data['jwt_validation_pubkeys']],
      ['id', 'app', false, []],
    );
  });
});

describe('jwt: roles', () => {
  const refused = (error: string | RegExp, body: JsonObject) =>
    api.refused([400, error], 'POST', 'auth/jwt/role/new', body);

  it('are refused as Vault refuses them', async () => {
    const base = { role_type: 'jwt', user_claim: 'sub', bound_subject: 'x' };
    await refused("invalid 'role_type': saml", { ...base, role_type: 'saml' });
    await refused('a user claim must be defined on the role', { role_type: 'jwt', bound_subject: 'x' });
    await refused("'allowed_redirect_uris' must be set if 'role_type' is 'oidc' or unspecified.", {
      user_claim: 'sub',
    });
    await refused('must have at least one bound constraint when creating/updating a role', {
      role_type: 'jwt',
      user_claim: 'sub',
    });
    await refused("invalid 'bound_claims_type': regex", { ...base, bound_claims_type: 'regex' });
    await refused(/claim is not a string: a/, { ...base, bound_claims_type: 'glob', bound_claims: { a: 1 } });
    await refused(/not a string, bool, int or list: a/, { ...base, bound_claims: { a: { b: 1 } } });
    await refused(/not a string, bool, int or list: a/, { ...base, bound_claims: { a: 2 ** 53 } });
    await refused('metadata key "role" is reserved and may not be a mapping destination', {
      ...base,
      claim_mappings: { a: 'role' },
    });
    await refused('multiple keys are mapped to metadata key "x"', { ...base, claim_mappings: { a: 'x', b: 'x' } });
    await refused(/'callback_mode' direct is not supported/, { ...base, callback_mode: 'direct' });
    await refused(/'verbose_oidc_logging' is not supported/, { ...base, verbose_oidc_logging: true });
    await refused(/"clock_skew_leeway" must be a duration/, { ...base, clock_skew_leeway: 'soon' });
    assert.equal((await api('GET', 'auth/jwt/role/new')).status, 404);
  });

  it('are listed, shown, changed field by field, and deleted', async () => {
    await role(
      { bound_subject: 'x', claim_mappings: { '/a/b': 'c' }, expiration_leeway: '2m', clock_skew_leeway: -1 },
      'Web',
    );
    await api.ok('POST', 'auth/jwt/role/web', { groups_claim: 'groups', token_ttl: '5m' });
    assert.deepEqual((await api.ok('LIST', 'auth/jwt/role')).data['keys'], ['app', 'web']);
    const { data } = await api.ok('GET', 'auth/jwt/role/WEB');
    const shown = [
      'role_type',
      'bound_subject',
      'groups_claim',
      'claim_mappings',
      'expiration_leeway',
      'clock_skew_leeway',
    ];
    assert.deepEqual(
      shown.map((name) => data[name]),
      ['jwt', 'x', 'groups', { '/a/b': 'c' }, 120, -1],
    );
    assert.deepEqual([data['token_ttl'], data['bound_audiences'], data['user_claim']], [300, null, 'sub']);
    await api.ok('POST', 'auth/jwt/role/web', { num_uses: 4, max_ttl: '1h', token_policies: 'ops' });
    const older = (await api.ok('GET', 'auth/jwt/role/web')).data;
    assert.deepEqual(
      ['num_uses', 'max_ttl', 'ttl', 'period', 'policies', 'bound_cidrs'].map((name) => older[name]),
      [4, 3600, undefined, undefined, undefined, undefined],
    );
    await api.refused([400, /^period of "1000h0m0s" is greater/], 'POST', 'auth/jwt/role/web', { period: '1000h' });
    await api.ok('DELETE', 'auth/jwt/role/web');
    assert.equal((await api('GET', 'auth/jwt/role/web')).status, 404);
  });
});
