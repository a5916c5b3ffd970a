/** What the auth method jwt asks of a token, and of whoever has signed it. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { type Api, startAuthServer, textOf } from './api.ts';
import { TestIssuer } from './issuer.ts';
import { jwtLogins } from './jwt-logins.ts';
import { hmacJwt, newKey, publicPem, seconds, signJwt, unsignedJwt } from './signed-jwt.ts';

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

describe('jwt: what a login needs', () => {
  const key = newKey();
  const good = { iss: 'ci', sub: 'build', aud: 'coffer', exp: seconds(300), iat: seconds() };
  const sign = (claims: JsonObject, header: JsonObject = {}) => signJwt(key, { ...good, ...claims }, header);
  before(async () => {
    await configure({ jwt_validation_pubkeys: publicPem(key), default_role: 'app' });
    await role({ bound_audiences: 'coffer,other' });
  });

  it('a role, and a token', async () => {
    assert.equal((await login(sign({}), '')).status, 200);
    assert.equal((await login(` ${sign({})}\r\n`)).status, 200, 'as a file has it');
    await refusedLogin('', /^missing token$/);
    await refusedLogin(' \n', /^missing token$/);
    await refusedLogin(sign({}), /^role "none" could not be found$/, 'none');
    await api.ok('POST', 'auth/jwt/role/people', {
      user_claim: 'sub',
      allowed_redirect_uris: 'http://localhost:8250/oidc/callback',
    });
    await refusedLogin(sign({}), /^role with oidc role_type is not allowed$/, 'people');
    await configure({ jwt_validation_pubkeys: publicPem(key) });
    await refusedLogin(sign({}), /^missing role$/, '');
  });

  it('a signature by the key, and nothing that only looks like one', async () => {
    const claims = { ...good, sub: 'root' };
    const [header = '', , signature = ''] = sign({}).split('.');
    const forged = [
      unsignedJwt(claims),
      unsignedJwt(claims, { alg: 'NONE' }),
      `${unsignedJwt(claims)}${signature}`,
      hmacJwt(publicPem(key), claims),
      hmacJwt(publicPem(key).trim(), claims, { kid: '../../dev/null' }),
      hmacJwt('', claims),
      `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${signature}`,
      sign({}).slice(0, -4),
      sign({}, { alg: 'HS256' }),
      sign({}, { alg: 'RS512' }),
      sign({}, { crit: ['b64'], b64: false }),
      sign({}, { crit: ['exp'], exp: 1 }),
      signJwt(newKey(), claims, { jwk: newKey().publicKey.export({ format: 'jwk' }) as JsonObject }),
      signJwt(newKey(), claims, { jku: `${issuer.url}/keys`, kid: issuer.key.kid }),
      signJwt(newKey('ES256'), claims, { alg: 'RS256' }),
      `${sign({})}.`,
      sign({}).replace('.', '..'),
      'x',
      '...',
    ];
    for (const jwt of forged) await refusedLogin(jwt, /^error validating token: error verifying token signature: /);
    assert.equal((await login(sign({}, { kid: "' OR 1=1" }))).status, 200, 'keys without names are all tried');
  });

  it('a token of a size that is worth the work', async () => {
    const before = issuer.asked.length;
    await refusedLogin(sign({ padding: 'x'.repeat(40_000) }), /more than 32768 characters/);
    let deep: JsonObject = {};
    for (let level = 0; level < 200; level++) deep = { deep };
    await refusedLogin(sign(deep), /more than 100 levels of nesting/);
    assert.equal(issuer.asked.length, before);
  });

  it('times that hold, within the leeways of the role', async () => {
    const only = (claims: JsonObject) => signJwt(key, { sub: 'build', aud: 'coffer', ...claims });
    const cases: readonly (readonly [JsonObject, RegExp | null])[] = [
      [{}, /no issued at \(iat\), not before \(nbf\), or expiration time \(exp\) claims in token/],
      [{ exp: seconds(-50) }, null],
      [{ exp: seconds(-70) }, /invalid expiration time \(exp\) claim: token is expired/],
      [{ exp: 0, iat: seconds() }, /token is expired/],
      [{ exp: -1 }, /token is expired/],
      [{ exp: 1e300 }, /the claim "exp" is not a time/],
      [{ exp: 'tomorrow' }, /the claim "exp" is not a time/],
      [{ exp: String(seconds(60)) }, /the claim "exp" is not a time/],
      [{ exp: [seconds(60)] }, /the claim "exp" is not a time/],
      [{ iat: seconds(-200) }, null],
      [{ iat: seconds(-220) }, /token is expired/],
      [{ nbf: seconds(50), exp: seconds(300) }, null],
      [{ nbf: seconds(70), exp: seconds(300) }, /invalid not before \(nbf\) claim: token not yet valid/],
      [{ exp: seconds(300) }, /not yet valid/],
      [{ exp: seconds(200) }, null],
      [{ iat: seconds(70), nbf: seconds(), exp: seconds(300) }, /token issued in the future/],
      [{ iat: seconds(), exp: 253402300799 }, null],
    ];
    for (const [claims, error] of cases) {
      if (error === null) assert.equal((await login(only(claims))).status, 200, JSON.stringify(claims));
      else await refusedLogin(only(claims), error);
    }
    await role({ clock_skew_leeway: -1, expiration_leeway: -1 });
    await refusedLogin(only({ exp: seconds(-2) }), /token is expired/);
    await refusedLogin(only({ iat: seconds(-2) }), /token is expired/);
    await role({ clock_skew_leeway: '10m', expiration_leeway: 0 });
    assert.equal((await login(only({ exp: seconds(-500), iat: seconds(-900) }))).status, 200);
    await role({ clock_skew_leeway: 0 });
  });

  it('an audience and a subject that are bound', async () => {
    for (const aud of ['coffer', ['x', 'other']]) assert.equal((await login(sign({ aud }))).status, 200);
    const wrong = /invalid audience \(aud\) claim: audience claim does not match any expected audience/;
    for (const aud of ['Coffer', 'coffer ', '', [], ['coffe', 'r'], null]) await refusedLogin(sign({ aud }), wrong);
    for (const aud of [{ coffer: true }, 7, [7, 'coffer']]) await refusedLogin(sign({ aud }), /invalid audience/);
    await role({ bound_subject: 'build' }, 'bound');
    await refusedLogin(sign({}), /^audience claim found in JWT but no audiences bound to the role$/, 'bound');
    assert.equal((await login(sign({ aud: [] }), 'bound')).status, 200);
    for (const sub of ['', 'Build', 'build\n']) {
      await refusedLogin(sign({ aud: [], sub }), /invalid subject \(sub\) claim/, 'bound');
    }
    await refusedLogin(sign({ aud: [], sub: ['build'] }), /the claim "sub" is not a string/, 'bound');
  });

  it('a user, by the claim that names it', async () => {
    for (const [sub, error] of [
      [undefined, /^claim "sub" not found in token$/],
      [null, /^claim "sub" not found in token$/],
      [7, /^claim "sub" could not be converted to string$/],
      ['', /^claim "sub" is empty$/],
      ['x'.repeat(513), /longer than 512/],
    ] as const) {
      const claims: JsonObject = sub === undefined ? { aud: good.aud, exp: good.exp, iat: good.iat } : { ...good, sub };
      await refusedLogin(signJwt(key, claims), error);
    }
    await role({ user_claim: '/who/0/name~1x', user_claim_json_pointer: true, bound_audiences: 'coffer' }, 'pointer');
    const { auth } = await login(sign({ who: [{ 'name/x': 'bea' }] }), 'pointer');
    assert.equal((await api.lookup(textOf(auth['client_token'])))['display_name'], 'jwt-bea');
    await refusedLogin(sign({ who: [] }), /not found in token/, 'pointer');
    await role({ user_claim: 'constructor', bound_audiences: 'coffer' }, 'inherited');
    await refusedLogin(sign({}), /not found in token/, 'inherited');
  });

  it('metadata and groups that are texts', async () => {
    const name = 'mapped';
    await role(
      { bound_audiences: 'coffer', claim_mappings: { '/org/team': 'team', mail: 'mail' }, groups_claim: '/org/groups' },
      name,
    );
    const { auth } = await login(sign({ org: { team: 'core', groups: ['a', '', 'a', 'b'] } }), name);
    assert.deepEqual(auth['metadata'], { role: name, team: 'core' });
    assert.equal((await login(sign({ org: { groups: 'alone' } }), name)).status, 200);
    await refusedLogin(sign({ org: { groups: [], team: 7 } }), /error converting claim '\/org\/team' to string/, name);
    await refusedLogin(sign({}), /failed to fetch groups: "\/org\/groups" claim not found in token/, name);
    await refusedLogin(sign({ org: { groups: { a: 1 } } }), /could not be converted to string list/, name);
    await refusedLogin(sign({ org: { groups: ['a', 1] } }), /groups claim could not be parsed as string/, name);
  });

  it('claims that are bound: one of the values, exactly or by a glob', async () => {
    const name = 'claims';
    const bound = (claims: JsonObject, type = 'string') =>
      role({ bound_claims: claims, bound_claims_type: type, bound_audiences: 'coffer' }, name);
    const ok = async (claims: JsonObject) =>
      assert.equal((await login(sign(claims), name)).status, 200, JSON.stringify(claims));
    const no = (claims: JsonObject, error = /does not match any associated bound claim values/) =>
      refusedLogin(sign(claims), error, name);
    await bound({ repo: ['a/b', 'a/c'], '/ref/protected': true, run: 7 });
    await ok({ repo: 'a/c', ref: { protected: true }, run: 7 });
    await ok({ repo: ['x', 'a/b'], ref: { protected: [true] }, run: 7 });
    await no({ repo: 'a/b*', ref: { protected: true }, run: 7 });
    await no({ repo: 'a/b', ref: { protected: 'true' }, run: 7 });
    await no({ repo: 'a/b', ref: { protected: true }, run: '7' });
    await no({ repo: 'a/b', ref: { protected: true }, run: 7.5 });
    await no({ repo: 'a/b', run: 7 }, /error validating claims: claim "\/ref\/protected" is missing/);
    await no({ repo: { 'a/b': 1 }, ref: { protected: true }, run: 7 }, /is not a string, bool, int or list/);
    await bound({ repo: ['a/*', '*/prod'], env: 'prod' }, 'glob');
    await ok({ repo: 'a/b/c', env: 'prod' });
    await ok({ repo: 'z/prod', env: ['dev', 'prod'] });
    await no({ repo: 'ba/b', env: 'prod' });
    await no({ repo: 'a/x', env: 'production' });
    await no({ repo: 'a/x', env: 7 });
  });

  it('an address that is bound', async () => {
    await role({ token_bound_cidrs: '10.0.0.0/8' }, 'far');
    await refusedLogin(sign({ aud: [] }), /login request originated from invalid CIDR/, 'far', 403);
  });

  it('no root, whatever the role says', async () => {
    await role({ bound_audiences: 'coffer', token_policies: 'root' }, 'rooted');
    await refusedLogin(sign({}), /^auth methods cannot create root tokens$/, 'rooted');
  });
});

describe('jwt: the token', () => {
  it('is renewed by the role as it is then, and no longer once that is gone', async () => {
    const key = newKey();
    await configure({ jwt_validation_pubkeys: publicPem(key) });
    await role({ bound_subject: 'build', token_ttl: '20m', token_max_ttl: '1h' }, 'renewed');
    const { auth } = await login(signJwt(key, { sub: 'build', exp: seconds(60) }), 'renewed');
    const token = textOf(auth['client_token']);
    assert.equal(auth['lease_duration'], 1200);
    await role({ token_ttl: '40m' }, 'renewed');
    assert.equal((await api.ok('POST', 'auth/token/renew-self', {}, { token })).auth['lease_duration'], 2400);
    await api.ok('DELETE', 'auth/jwt/role/renewed');
    await api.refused(
      [400, /role renewed does not exist during renewal/],
      'POST',
      'auth/token/renew-self',
      {},
      { token },
    );
    await api.ok('DELETE', 'sys/auth/jwt');
    assert.equal(await api.alive(token), false);
    await api.ok('POST', 'sys/auth/jwt', { type: 'jwt' });
    await refusedLogin('x.y.z', /^could not load configuration$/);
  });
});
