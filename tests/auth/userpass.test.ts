/** The auth method userpass over HTTP. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { type Api, startAuthServer, textOf } from './api.ts';

let server: Awaited<ReturnType<typeof startAuthServer>>;
let api: Api;
before(async () => {
  server = await startAuthServer();
  ({ api } = server);
});
after(() => server.close());

describe('userpass', () => {
  before(() => api.ok('POST', 'sys/auth/userpass', { type: 'userpass' }));
  const login = (name: string, password: string) =>
    api('POST', `auth/userpass/login/${name}`, { password }, { token: '' });

  it('logs in whatever the case of the name, and says no more than it must', async () => {
    await api.ok('PUT', 'auth/userpass/users/Ana', {
      password: 'first',
      policies: 'app',
      token_max_ttl: '2h',
      ttl: '30m',
    });
    const { auth } = await login('ANA', 'first');
    assert.deepEqual(auth['policies'], ['app', 'default']);
    assert.equal(auth['lease_duration'], 1800);
    for (const [name, password] of [
      ['ana', 'wrong'],
      ['nobody', 'first'],
    ] as const) {
      const { status, error } = await login(name, password);
      assert.deepEqual([status, error], [400, 'invalid username or password']);
    }
    await api.refused([400, 'missing password'], 'POST', 'auth/userpass/login/ana', {}, { token: '' });
    const shown = (await api.ok('GET', 'auth/userpass/users/ana')).data;
    assert.deepEqual(shown['token_policies'], ['app']);
    assert.ok(!JSON.stringify(shown).includes('scrypt'));
    assert.deepEqual((await api.ok('GET', 'auth/userpass/users?list=true')).data['keys'], ['ana']);
  });

  it('changes password and policies, each by its own path', async () => {
    await api.ok('PUT', 'auth/userpass/users/bo', { password: 'first', token_policies: 'app' });
    const before = textOf((await login('bo', 'first')).auth['client_token']);
    await api.ok('POST', 'auth/userpass/users/bo/password', { password: 'second' });
    assert.equal((await login('bo', 'first')).status, 400);
    assert.equal((await login('bo', 'second')).status, 200);
    assert.equal((await api('POST', 'auth/token/renew-self', {}, { token: before })).status, 200);
    await api.ok('POST', 'auth/userpass/users/bo/policies', { policies: 'ops' });
    const shown = (await api.ok('GET', 'auth/userpass/users/bo')).data;
    assert.deepEqual([shown['token_policies'], shown['policies'], shown['ttl']], [['ops'], ['ops'], undefined]);
    await api.ok('POST', 'auth/userpass/users/bo/policies', {});
    assert.deepEqual((await api.ok('GET', 'auth/userpass/users/bo')).data['policies'], ['ops'], 'nothing was given');
    const cut = await api.ok('POST', 'auth/userpass/users/bo', { max_ttl: '769h', token_period: '770h' });
    assert.match(JSON.stringify(cut.body['warnings']), /period of ."770h0m0s." is greater.*token_max_ttl is greater/);
    await api.ok('POST', 'auth/userpass/users/bo', { token_max_ttl: 0, token_period: 0 });
    await api.refused([400, /policies have changed/], 'POST', 'auth/token/renew-self', {}, { token: before });
    const after = textOf((await login('bo', 'second')).auth['client_token']);
    await api.ok('DELETE', 'auth/userpass/users/bo');
    await api.refused([400, /no longer exists/], 'POST', 'auth/token/renew-self', {}, { token: after });
    assert.equal((await login('bo', 'second')).status, 400);
  });

  it('refuses what it cannot keep', async () => {
    const refusals: readonly (readonly [JsonObject, RegExp])[] = [
      [{}, /missing password/],
      [{ password: 'p', token_type: 'recovery' }, /token_type.*use one of/],
      [{ password: 'p', token_bound_cidrs: '10.0.0.0/33' }, /token_bound_cidrs.*is not an address or network/],
      [{ password: 'p', token_ttl: '2h', token_max_ttl: '1h' }, /'token_ttl' cannot be greater/],
      [{ password: 'p', token_policies: 'response-wrapping' }, /cannot assign policy/],
      [{ password_hash: '$2a$10$x' }, /password_hash/],
    ];
    for (const [body, error] of refusals) await api.refused([400, error], 'PUT', 'auth/userpass/users/cy', body);
  });

  it('binds logins and tokens to networks', async () => {
    await api.ok('PUT', 'auth/userpass/users/far', { password: 'p', token_bound_cidrs: '10.0.0.0/8' });
    assert.equal((await login('far', 'p')).status, 403);
    await api.ok('PUT', 'auth/userpass/users/far', { token_bound_cidrs: ['127.0.0.0/8', '::1'] });
    const { auth } = await login('far', 'p');
    const shown = await api.lookup(textOf(auth['client_token']));
    assert.deepEqual(shown['bound_cidrs'], ['127.0.0.0/8', '::1']);
  });

  it('makes periodic, use-limited and default-less tokens', async () => {
    await api.ok('PUT', 'auth/userpass/users/dee', {
      password: 'p',
      token_period: '1h',
      token_no_default_policy: true,
      token_policies: 'app',
    });
    const { auth } = await login('dee', 'p');
    assert.deepEqual([auth['policies'], auth['lease_duration']], [['app'], 3600]);
    await api.ok('PUT', 'auth/userpass/users/dee', { token_num_uses: 2, token_no_default_policy: false });
    const token = textOf((await login('dee', 'p')).auth['client_token']);
    assert.deepEqual([await api.alive(token), await api.alive(token), await api.alive(token)], [true, true, false]);
  });
});
