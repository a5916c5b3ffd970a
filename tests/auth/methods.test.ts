/** Auth methods: enabled and disabled; approle, userpass and token roles through the HTTP API. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { startTestServer, type TestServer } from '../dev-server.ts';
import { apiAt, type Api } from './api.ts';

let server: TestServer;
let api: Api;
before(async () => {
  server = await startTestServer();
  api = apiAt(server.address);
  for (const name of ['app', 'ops']) {
    await api.ok('PUT', `sys/policies/acl/${name}`, { policy: `path "${name}" { capabilities = ["read"] }` });
  }
});
after(() => server.close());

const lookup = async (token: string): Promise<JsonObject> =>
  (await api.ok('GET', 'auth/token/lookup-self', undefined, { token })).data;
const alive = async (token: string): Promise<boolean> =>
  (await api('GET', 'auth/token/lookup-self', undefined, { token })).status === 200;

describe('auth methods', () => {
  it('are enabled, tuned and disabled with every token they issued', async () => {
    await api.ok('POST', 'sys/auth/people/staff', {
      type: 'userpass',
      description: 'Staff',
      config: { max_lease_ttl: '2h' },
    });
    await api.refused([400, /path is already in use/], 'POST', 'sys/auth/people/staff', { type: 'userpass' });
    await api.refused([400, /already in use/], 'POST', 'sys/auth/token', { type: 'userpass' });
    await api.refused([400, /plugin not found.*approle, userpass/], 'POST', 'sys/auth/x', { type: 'database' });
    assert.equal((await api.ok('GET', 'sys/auth')).data['people/staff/'] === undefined, false);
    assert.equal((await api.ok('GET', 'sys/auth/people/staff')).data['description'], 'Staff');
    await api.ok('PUT', 'auth/people/staff/users/eve', { password: 'pw', token_ttl: '8h' });
    const { auth, body } = await api.ok('POST', 'auth/people/staff/login/eve', { password: 'pw' }, { token: '' });
    assert.equal(auth['lease_duration'], 7200);
    assert.match(String(body['warnings']), /exceeded the effective max_ttl/);
    const token = String(auth['client_token']);
    const shown = await lookup(token);
    assert.equal(shown['display_name'], 'people-staff-eve');
    assert.equal(shown['path'], 'auth/people/staff/login/eve');
    await api.ok('POST', 'sys/auth/people/staff/tune', { max_lease_ttl: '1h', default_lease_ttl: '10m' });
    assert.equal((await api.ok('GET', 'sys/auth/people/staff/tune')).data['max_lease_ttl'], 3600);
    await api.ok('POST', 'sys/mounts/auth/people/staff/tune', { default_lease_ttl: '20m' });
    assert.equal((await api.ok('GET', 'sys/mounts/auth/people/staff/tune')).data['default_lease_ttl'], 1200);
    const child = String(
      (await api.ok('POST', 'auth/token/create', { policies: [] }, { token: 'root' })).auth['client_token'],
    );
    await api.ok('DELETE', 'sys/auth/people/staff');
    assert.equal(await alive(token), false);
    assert.equal(await alive(child), true);
    await api.refused([404, /no handler for route/], 'GET', 'auth/people/staff/users/eve');
    await api.ok('POST', 'sys/auth/people/staff', { type: 'userpass' });
    assert.equal((await api('GET', 'auth/people/staff/users/eve')).status, 404);
    await api.ok('DELETE', 'sys/auth/people/staff');
  });

  it('are not reached through sys/mounts, which needs less rights', async () => {
    await api.refused([403, /use sys\/auth/], 'POST', 'sys/mounts/auth/x', { type: 'userpass' });
    await api.refused([403, /use sys\/auth/], 'DELETE', 'sys/mounts/auth/token');
    await api.refused([400, /cannot unmount/], 'DELETE', 'sys/auth/token');
  });

  it('need sudo', async () => {
    await api.ok('PUT', 'sys/policies/acl/half', {
      policy: 'path "sys/auth/*" { capabilities = ["create", "update"] }',
    });
    const token = String((await api.ok('POST', 'auth/token/create', { policies: 'half' })).auth['client_token']);
    await api.refused([403, /permission denied/], 'POST', 'sys/auth/y', { type: 'userpass' }, { token });
  });
});

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
    const before = String((await login('bo', 'first')).auth['client_token']);
    await api.ok('POST', 'auth/userpass/users/bo/password', { password: 'second' });
    assert.equal((await login('bo', 'first')).status, 400);
    assert.equal((await login('bo', 'second')).status, 200);
    assert.equal((await api('POST', 'auth/token/renew-self', {}, { token: before })).status, 200);
    await api.ok('POST', 'auth/userpass/users/bo/policies', { policies: 'ops' });
    await api.refused([400, /policies have changed/], 'POST', 'auth/token/renew-self', {}, { token: before });
    const after = String((await login('bo', 'second')).auth['client_token']);
    await api.ok('DELETE', 'auth/userpass/users/bo');
    await api.refused([400, /no longer exists/], 'POST', 'auth/token/renew-self', {}, { token: after });
    assert.equal((await login('bo', 'second')).status, 400);
  });

  it('refuses what it cannot keep', async () => {
    const refusals: readonly (readonly [JsonObject, RegExp])[] = [
      [{}, /missing password/],
      [{ password: 'p', token_type: 'batch' }, /token_type.*not supported/],
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
    const shown = await lookup(String(auth['client_token']));
    assert.deepEqual(shown['bound_cidrs'], ['127.0.0.0/8', '::1/128']);
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
    const token = String((await login('dee', 'p')).auth['client_token']);
    assert.deepEqual([await alive(token), await alive(token), await alive(token)], [true, true, false]);
  });
});

describe('approle', () => {
  before(() => api.ok('POST', 'sys/auth/approle', { type: 'approle' }));
  const role = 'auth/approle/role/web';
  const roleId = async (): Promise<string> => String((await api.ok('GET', `${role}/role-id`)).data['role_id']);
  const secretId = async (body: JsonObject | null = null): Promise<JsonObject> =>
    (await api.ok('POST', `${role}/secret-id`, body)).data;
  const login = async (secret: unknown) =>
    api('POST', 'auth/approle/login', { role_id: await roleId(), secret_id: String(secret) }, { token: '' });

  it('counts the uses of a secret id, also when they come at once', async () => {
    await api.ok('POST', role, { token_policies: 'app', secret_id_num_uses: 3, secret_id_ttl: '1h', token_ttl: '20m' });
    const { secret_id: secret, secret_id_accessor: accessor } = await secretId();
    assert.equal(
      (await api.ok('POST', `${role}/secret-id/lookup`, { secret_id: String(secret) })).data['secret_id_num_uses'],
      3,
    );
    const answers = await Promise.all(Array.from({ length: 8 }, () => login(secret)));
    assert.equal(answers.filter(({ status }) => status === 200).length, 3);
    for (const { status, error } of answers) if (status !== 200) assert.equal(error, 'invalid role or secret ID');
    assert.equal((await api('POST', `${role}/secret-id/lookup`, { secret_id: String(secret) })).status, 204);
    await api.refused([404, /failed to find accessor/], 'POST', `${role}/secret-id-accessor/lookup`, {
      secret_id_accessor: accessor ?? '',
    });
    await api.refused([400, /num_uses cannot be higher/], 'POST', `${role}/secret-id`, { num_uses: 4 });
    await api.refused([400, /num_uses cannot be higher/], 'POST', `${role}/secret-id`, { num_uses: 0 });
    await api.refused([400, /ttl cannot be longer/], 'POST', `${role}/secret-id`, { ttl: '2h' });
  });

  it('lists, shows and destroys secret ids by accessor', async () => {
    await api.ok('POST', role, { secret_id_num_uses: 0 });
    const one = await secretId({ metadata: '{"team":"core"}', cidr_list: '127.0.0.1', ttl: 600 });
    const two = await secretId();
    const { data } = await api.ok('GET', `${role}/secret-id?list=true`);
    assert.deepEqual(data['keys'], [one['secret_id_accessor'], two['secret_id_accessor']].map(String).sort());
    const accessor = { secret_id_accessor: String(one['secret_id_accessor']) };
    const shown = (await api.ok('POST', `${role}/secret-id-accessor/lookup`, accessor)).data;
    assert.deepEqual(
      [shown['metadata'], shown['cidr_list'], shown['secret_id_ttl']],
      [{ team: 'core' }, ['127.0.0.1/32'], 600],
    );
    assert.ok(!JSON.stringify(shown).includes(String(one['secret_id'])));
    assert.deepEqual((await login(one['secret_id'])).auth['metadata'], { role_name: 'web', team: 'core' });
    await api.ok('POST', `${role}/secret-id-accessor/destroy`, accessor);
    assert.equal((await login(one['secret_id'])).status, 400);
    await api.ok('POST', `${role}/secret-id/destroy`, { secret_id: String(two['secret_id']) });
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
      (await api.ok('POST', `${role}/secret-id/lookup`, { secret_id: String(far) })).data['secret_id_num_uses'],
      1,
    );
    const { secret_id: bound } = await secretId({ token_bound_cidrs: '10.0.0.0/8' });
    const token = String((await login(bound)).auth['client_token']);
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
    await api.ok('POST', `${role}/policies`, { token_policies: 'ops,app' });
    assert.deepEqual((await api.ok('GET', role)).data['token_policies'], ['app', 'ops']);
    await api.ok('DELETE', `${role}/policies`);
    assert.deepEqual((await api.ok('GET', role)).data['token_policies'], []);
    await api.refused([400, 'missing token_period'], 'POST', `${role}/period`, {});
  });

  it('renews by the role as it is now, and ends with it', async () => {
    await api.ok('POST', role, { token_ttl: '20m', token_max_ttl: '1h' });
    const token = String((await login((await secretId())['secret_id'])).auth['client_token']);
    await api.ok('POST', role, { token_ttl: '40m' });
    const renewed = await api.ok('POST', 'auth/token/renew-self', {}, { token });
    assert.equal(renewed.auth['lease_duration'], 2400);
    assert.equal((await lookup(token))['display_name'], 'approle');
    const { secret_id: left } = await secretId();
    const id = await roleId();
    await api.ok('DELETE', role);
    await api.refused([400, /does not exist during renewal/], 'POST', 'auth/token/renew-self', {}, { token });
    await api.ok('POST', role, { role_id: id });
    assert.equal((await login(left)).status, 400);
  });
});

describe('token roles', () => {
  const create = (name: string, body: JsonObject, token = 'root') =>
    api('POST', `auth/token/create/${name}`, body, { token });

  it('give policies that the creating token does not have', async () => {
    await api.ok('POST', 'auth/token/roles/app', {
      allowed_policies: 'app',
      allowed_policies_glob: 'team-*',
      orphan: true,
      path_suffix: 'ci',
    });
    const policy = 'path "auth/token/create/app" { capabilities = ["create", "update"] }';
    await api.ok('PUT', 'sys/policies/acl/maker', { policy });
    const maker = String((await api.ok('POST', 'auth/token/create', { policies: 'maker' })).auth['client_token']);
    const made = await create('app', {}, maker);
    assert.deepEqual(made.auth['policies'], ['app', 'default']);
    assert.equal(made.auth['orphan'], true);
    const shown = await lookup(String(made.auth['client_token']));
    assert.deepEqual([shown['role'], shown['path']], ['app', 'auth/token/create/app/ci']);
    assert.deepEqual((await create('app', { policies: ['team-a'] }, maker)).auth['policies'], ['default', 'team-a']);
    for (const policies of [['ops'], ['app', 'ops']]) {
      assert.match((await create('app', { policies }, maker)).error, /must be subset of the role's allowed policies/);
    }
    await api.refused([403, /permission denied/], 'POST', 'auth/token/create', {}, { token: maker });
    await api.refused([400, 'unknown role none'], 'POST', 'auth/token/create/none', {});
  });

  it('leave out what they disallow', async () => {
    await api.ok('POST', 'auth/token/roles/no-ops', { disallowed_policies: 'ops', disallowed_policies_glob: 'def*' });
    assert.match((await create('no-ops', { policies: ['ops'] })).error, /"ops" is disallowed by this role/);
    assert.deepEqual((await create('no-ops', { policies: ['app'] })).auth['policies'], ['app']);
  });

  it('do not make root tokens for those who have none', async () => {
    await api.ok('POST', 'auth/token/roles/sly', { allowed_policies: 'root' });
    await api.ok('PUT', 'sys/policies/acl/sly', {
      policy: 'path "auth/token/create/sly" { capabilities = ["update", "sudo"] }',
    });
    const token = String((await api.ok('POST', 'auth/token/create', { policies: 'sly' })).auth['client_token']);
    assert.match((await create('sly', {}, token)).error, /root tokens may not be created/);
    assert.match((await create('sly', { policies: ['root'] }, token)).error, /root tokens may not be created/);
  });

  it('fix period, ceiling, uses and networks, and renew by the role', async () => {
    await api.ok('POST', 'auth/token/roles/job', {
      token_period: '1h',
      token_num_uses: 9,
      token_bound_cidrs: '127.0.0.1',
      renewable: true,
    });
    const { auth } = await create('job', { num_uses: 20 });
    assert.deepEqual([auth['lease_duration'], auth['num_uses']], [3600, 9]);
    const token = String(auth['client_token']);
    await api.ok('POST', 'auth/token/roles/job', { period: '2h' });
    assert.equal((await api.ok('POST', 'auth/token/renew-self', {}, { token })).auth['lease_duration'], 7200);
    const { data } = await api.ok('GET', 'auth/token/roles/job');
    assert.deepEqual([data['token_period'], data['token_type'], data['name']], [7200, 'default-service', 'job']);
    await api.ok('DELETE', 'auth/token/roles/job');
    await api.refused([400, /could not be found, not renewing/], 'POST', 'auth/token/renew-self', {}, { token });
    await api.refused([400, /token_type/], 'POST', 'auth/token/roles/x', { token_type: 'batch' });
  });
});

describe('lists', () => {
  it('come in pages', async () => {
    for (const name of ['p1', 'p2', 'p3', 'p4']) await api.ok('POST', `auth/token/roles/${name}`, {});
    const page = async (query: string): Promise<unknown> =>
      (await api.ok('GET', `auth/token/roles?list=true${query}`)).data['keys'];
    assert.deepEqual(await page('&after=p1&limit=2'), ['p2', 'p3']);
    assert.deepEqual(await page('&after=p10'), ['p2', 'p3', 'p4', 'sly']);
    assert.deepEqual(await page('&after=o&limit=1'), ['p1']);
    assert.equal(((await page('&limit=-1')) as string[]).length >= 4, true);
    await api.refused([404, ''], 'GET', 'auth/token/roles?list=true&after=zzz');
    await api.refused([400, /"limit" must be a whole number/], 'GET', 'auth/token/roles?list=true&limit=x');
    assert.equal((await api.ok('GET', 'sys/policies/acl?list=true&limit=1')).body['warnings'], null);
  });
});
