/** The auth method approle over HTTP. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { JsonObject, JsonValue } from '@coffer/base';
import { type Api, startAuthServer, textOf } from './api.ts';

let server: Awaited<ReturnType<typeof startAuthServer>>;
let api: Api;
before(async () => {
  server = await startAuthServer();
  ({ api } = server);
});
after(() => server.close());

describe('approle', () => {
  before(() =>
    // These tests fail to log in very often.
    api.ok('POST', 'sys/auth/approle', { type: 'approle', config: { user_lockout_config: { lockout_disable: true } } }),
  );
  const role = 'auth/approle/role/web';
  const roleId = async (): Promise<string> => textOf((await api.ok('GET', `${role}/role-id`)).data['role_id']);
  const secretId = async (body: JsonObject | null = null): Promise<JsonObject> =>
    (await api.ok('POST', `${role}/secret-id`, body)).data;
  const login = async (secret: JsonValue | undefined) =>
    api('POST', 'auth/approle/login', { role_id: await roleId(), secret_id: textOf(secret) }, { token: '' });

  it('shows a setting in its older spelling too, while it was last written in that', async () => {
    const old = 'auth/approle/role/old';
    const olderOf = async (path = old) => {
      const { policies, period } = (await api.ok('GET', path)).data;
      return { policies, period };
    };
    await api.ok('POST', old, { policies: 'app', period: '1h' });
    assert.deepEqual(await olderOf(), { policies: ['app'], period: 3600 });
    await api.ok('POST', old, { token_policies: 'ops' });
    assert.deepEqual(await olderOf(), { policies: undefined, period: 3600 });
    await api.ok('POST', `${old}/policies`, { policies: 'app' });
    assert.deepEqual((await api.ok('GET', `${old}/policies`)).data, { token_policies: ['app'], policies: ['app'] });
    await api.ok('POST', `${old}/period`, { period: 60 });
    assert.deepEqual((await api.ok('GET', `${old}/period`)).data, { token_period: 60, period: 60 });
    await api.ok('POST', `${old}/bound-cidr-list`, { bound_cidr_list: '127.0.0.1,2001:DB8::/32' });
    assert.deepEqual((await api.ok('GET', old)).data['secret_id_bound_cidrs'], ['127.0.0.1', '2001:DB8::/32']);
    for (const url of ['policies', 'period']) await api.ok('DELETE', `${old}/${url}`);
    assert.deepEqual(await olderOf(), { policies: undefined, period: undefined });
    await api.refused([400, 'missing token_period'], 'POST', `${old}/period`, { token_policies: 'app' });
  });

  it('refuses a period that the mount would cut, and warns of other times that it will', async () => {
    const said = /^period of "769h0m0s" is greater than the backend's maximum lease TTL of "768h0m0s"$/;
    for (const body of [{ period: '769h' }, { token_period: 769 * 3600 }]) {
      await api.refused([400, said], 'POST', 'auth/approle/role/long', body);
    }
    const warnings = async (path: string, body: JsonObject) => (await api.ok('POST', path, body)).body['warnings'];
    assert.equal(await warnings('auth/approle/role/long', { token_period: '768h' }), undefined);
    await api.refused([400, said], 'POST', 'auth/approle/role/long/period', { token_period: '769h' });
    const cut = (name: string, what: string): string =>
      `${name} is greater than the backend mount's maximum TTL value; issued tokens' ${what} value will be truncated`;
    assert.deepEqual(await warnings('auth/approle/role/long', { token_max_ttl: '769h' }), [
      cut('token_max_ttl', 'max TTL'),
    ]);
    assert.deepEqual(await warnings('auth/approle/role/long/token-ttl', { token_ttl: '769h' }), [
      cut('token_max_ttl', 'max TTL'),
      cut('token_ttl', 'TTL'),
    ]);
    await api.ok('POST', 'sys/auth/approle/tune', { max_lease_ttl: '800h' });
    assert.equal(await warnings('auth/approle/role/long', { token_max_ttl: '770h', period: '800h' }), undefined);
    await api.ok('POST', 'sys/auth/approle/tune', { max_lease_ttl: 0 });
  });

  it('counts the uses of a secret id, also when they come at once', async () => {
    await api.ok('POST', role, { token_policies: 'app', secret_id_num_uses: 3, secret_id_ttl: '1h', token_ttl: '20m' });
    const { secret_id: secret, secret_id_accessor: accessor } = await secretId();
    assert.equal(
      (await api.ok('POST', `${role}/secret-id/lookup`, { secret_id: textOf(secret) })).data['secret_id_num_uses'],
      3,
    );
    const answers = await Promise.all(Array.from({ length: 8 }, () => login(secret)));
    assert.equal(answers.filter(({ status }) => status === 200).length, 3);
    for (const { status, error } of answers) if (status !== 200) assert.equal(error, 'invalid role or secret ID');
    assert.equal((await api('POST', `${role}/secret-id/lookup`, { secret_id: textOf(secret) })).status, 204);
    await api.refused([404, /failed to find accessor/], 'POST', `${role}/secret-id-accessor/lookup`, {
      secret_id_accessor: accessor ?? '',
    });
    await api.refused([400, /num_uses cannot be higher/], 'POST', `${role}/secret-id`, { num_uses: 4 });
    await api.refused([400, /num_uses cannot be higher/], 'POST', `${role}/secret-id`, { num_uses: 0 });
    await api.refused([400, /ttl cannot be longer/], 'POST', `${role}/secret-id`, { ttl: '2h' });
  });

  it('lists, shows and destroys secret ids by accessor', async () => {
    await api.ok('POST', role, { secret_id_num_uses: 0 });
    const one = await secretId({ metadata: '{"team":"core"}', cidr_list: '127.0.0.1,2001:DB8::/32', ttl: 600 });
    const two = await secretId();
    const { data } = await api.ok('GET', `${role}/secret-id?list=true`);
    assert.deepEqual(data['keys'], [one['secret_id_accessor'], two['secret_id_accessor']].map(textOf).sort());
    const accessor = { secret_id_accessor: textOf(one['secret_id_accessor']) };
    const shown = (await api.ok('POST', `${role}/secret-id-accessor/lookup`, accessor)).data;
    assert.deepEqual(
      [shown['metadata'], shown['cidr_list'], shown['secret_id_ttl']],
      [{ team: 'core' }, ['127.0.0.1', '2001:DB8::/32'], 600],
    );
    assert.ok(!JSON.stringify(shown).includes(textOf(one['secret_id'])));
    assert.deepEqual((await login(one['secret_id'])).auth['metadata'], { role_name: 'web', team: 'core' });
    await api.ok('POST', `${role}/secret-id-accessor/destroy`, accessor);
    assert.equal((await login(one['secret_id'])).status, 400);
    await api.ok('POST', `${role}/secret-id/destroy`, { secret_id: textOf(two['secret_id']) });
    assert.equal((await login(two['secret_id'])).status, 400);
    await api.ok('POST', 'auth/approle/tidy/secret-id', {});
  });

  it('takes a secret id made elsewhere, once', async () => {
    await api.ok('POST', `${role}/custom-secret-id`, { secret_id: 'given' });
    await api.refused([400, /already registered/], 'POST', `${role}/custom-secret-id`, { secret_id: 'given' });
    assert.equal((await login('given')).status, 200);
    await api.refused(
      [400, 'missing secret_id'],
      'POST',
      'auth/approle/login',
      { role_id: await roleId() },
      { token: '' },
    );
    await api.refused([400, 'missing role_id'], 'POST', 'auth/approle/login', {}, { token: '' });
    await api.refused([400, 'invalid role or secret ID'], 'POST', 'auth/approle/login', {
      role_id: 'x',
      secret_id: 'given',
    });
  });

  it('keeps secret ids to their networks without using them up', async () => {
    const { secret_id: far } = await secretId({ cidr_list: ['10.0.0.0/8'], num_uses: 1 });
    const { status, error } = await login(far);
    assert.equal(status, 403);
    assert.match(error, /unauthorized through CIDR/);
    assert.equal(
      (await api.ok('POST', `${role}/secret-id/lookup`, { secret_id: textOf(far) })).data['secret_id_num_uses'],
      1,
    );
    const { secret_id: bound } = await secretId({ token_bound_cidrs: '10.0.0.0/8' });
    const token = textOf((await login(bound)).auth['client_token']);
    await api.refused([403, 'permission denied'], 'GET', 'auth/token/lookup-self', undefined, { token });
  });

  it('needs a constraint of some kind', async () => {
    await api.refused([400, /at least one constraint/], 'POST', 'auth/approle/role/open', { bind_secret_id: false });
    await api.ok('POST', 'auth/approle/role/open', {
      bind_secret_id: false,
      secret_id_bound_cidrs: '127.0.0.1/8',
      role_id: 'open-id',
    });
    await api.ok('POST', 'auth/approle/login', { role_id: 'open-id' }, { token: '' });
    await api.refused([400, 'role_id already in use'], 'POST', 'auth/approle/role/other', { role_id: 'open-id' });
    await api.ok('POST', 'auth/approle/role/open/role-id', { role_id: 'new-id' });
    assert.equal((await api('POST', 'auth/approle/login', { role_id: 'open-id' }, { token: '' })).status, 400);
    await api.ok('POST', 'auth/approle/login', { role_id: 'new-id' }, { token: '' });
  });

  it('has a path for each setting', async () => {
    await api.ok('POST', `${role}/token-ttl`, { token_ttl: '5m' });
    assert.deepEqual((await api.ok('GET', `${role}/token-ttl`)).data, { token_ttl: 300 });
    await api.ok('DELETE', `${role}/token-ttl`);
    assert.deepEqual((await api.ok('GET', `${role}/token-ttl`)).data, { token_ttl: 0 });
    await api.ok('POST', `${role}/policies`, { token_policies: 'ops,App' });
    assert.deepEqual((await api.ok('GET', role)).data['token_policies'], ['ops', 'App']);
    await api.ok('DELETE', `${role}/policies`);
    assert.deepEqual((await api.ok('GET', role)).data['token_policies'], []);
    await api.refused([400, 'missing token_period'], 'POST', `${role}/period`, {});
  });

  it('renews by the role as it is now, and ends with it', async () => {
    await api.ok('POST', role, { token_ttl: '20m', token_max_ttl: '1h' });
    const token = textOf((await login((await secretId())['secret_id'])).auth['client_token']);
    await api.ok('POST', role, { token_ttl: '40m' });
    const renewed = await api.ok('POST', 'auth/token/renew-self', {}, { token });
    assert.equal(renewed.auth['lease_duration'], 2400);
    assert.equal((await api.lookup(token))['display_name'], 'approle');
    const { secret_id: left } = await secretId();
    const id = await roleId();
    await api.ok('DELETE', role);
    await api.refused([400, /does not exist during renewal/], 'POST', 'auth/token/renew-self', {}, { token });
    await api.ok('POST', role, { role_id: id });
    assert.equal((await login(left)).status, 400);
  });
});
