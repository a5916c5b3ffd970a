/** sys/auth: methods are enabled, tuned and disabled. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Api, startAuthServer, textOf } from './api.ts';

let server: Awaited<ReturnType<typeof startAuthServer>>;
let api: Api;
before(async () => {
  server = await startAuthServer();
  ({ api } = server);
});
after(() => server.close());

describe('auth methods', () => {
  it('are enabled, tuned and disabled with every token they issued', async () => {
    await api.ok('POST', 'sys/auth/people/staff', {
      type: 'userpass',
      description: 'Staff',
      config: { max_lease_ttl: '2h' },
    });
    await api.refused([400, /path is already in use/], 'POST', 'sys/auth/people/staff', { type: 'userpass' });
    await api.refused([400, /already in use/], 'POST', 'sys/auth/token', { type: 'userpass' });
    await api.refused([400, /plugin not found.*approle, jwt, kubernetes, oidc, cert, userpass/], 'POST', 'sys/auth/x', {
      type: 'database',
    });
    assert.equal((await api.ok('GET', 'sys/auth')).data['people/staff/'] === undefined, false);
    assert.equal((await api.ok('GET', 'sys/auth/people/staff')).data['description'], 'Staff');
    await api.ok('PUT', 'auth/people/staff/users/eve', { password: 'pw', token_ttl: '8h' });
    const { auth, body } = await api.ok('POST', 'auth/people/staff/login/eve', { password: 'pw' }, { token: '' });
    assert.equal(auth['lease_duration'], 7200);
    assert.match(JSON.stringify(body['warnings']), /exceeded the effective max_ttl/);
    const token = textOf(auth['client_token']);
    const shown = await api.lookup(token);
    assert.equal(shown['display_name'], 'people-staff-eve');
    assert.equal(shown['path'], 'auth/people/staff/login/eve');
    await api.ok('POST', 'sys/auth/people/staff/tune', { max_lease_ttl: '1h', default_lease_ttl: '10m' });
    assert.equal((await api.ok('GET', 'sys/auth/people/staff/tune')).data['max_lease_ttl'], 3600);
    await api.ok('POST', 'sys/mounts/auth/people/staff/tune', { default_lease_ttl: '20m' });
    assert.equal((await api.ok('GET', 'sys/mounts/auth/people/staff/tune')).data['default_lease_ttl'], 1200);
    await api.ok('POST', 'sys/auth/people/staff/tune', { max_lease_ttl: '', default_lease_ttl: 'system' });
    const tuned = (await api.ok('GET', 'sys/auth/people/staff/tune')).data;
    assert.deepEqual([tuned['max_lease_ttl'], tuned['default_lease_ttl']], [3600, 3600]);
    const child = textOf(
      (await api.ok('POST', 'auth/token/create', { policies: [] }, { token: 'root' })).auth['client_token'],
    );
    await api.ok('DELETE', 'sys/auth/people/staff');
    assert.equal(await api.alive(token), false);
    assert.equal(await api.alive(child), true);
    await api.refused([404, /no handler for route/], 'GET', 'auth/people/staff/users/eve');
    await api.ok('POST', 'sys/auth/people/staff', { type: 'userpass' });
    assert.equal((await api('GET', 'auth/people/staff/users/eve')).status, 404);
    await api.ok('DELETE', 'sys/auth/people/staff');
  });

  it('leave no token behind that a login got while they were disabled', async () => {
    await api.ok('POST', 'sys/auth/brief', { type: 'approle' });
    await api.ok('POST', 'auth/brief/role/web', { role_id: 'web' });
    const secret = textOf((await api.ok('POST', 'auth/brief/role/web/secret-id', {})).data['secret_id']);
    const login = () => api('POST', 'auth/brief/login', { role_id: 'web', secret_id: secret }, { token: '' });
    const early = Array.from({ length: 20 }, login);
    const disabled = api.ok('DELETE', 'sys/auth/brief');
    const answers = await Promise.all([...early, ...Array.from({ length: 20 }, login)]);
    await disabled;
    for (const { status, auth } of answers) {
      if (status === 200) assert.equal(await api.alive(textOf(auth['client_token'])), false);
    }
  });

  it('are not reached through sys/mounts, which needs less rights', async () => {
    await api.refused([403, /use sys\/auth/], 'POST', 'sys/mounts/auth/x', { type: 'userpass' });
    await api.refused([403, /use sys\/auth/], 'DELETE', 'sys/mounts/auth/token');
    await api.refused([400, /cannot unmount/], 'DELETE', 'sys/auth/token');
  });

  it('take no path of the server itself, nor of an engine that Vault always has there', async () => {
    const taken = [400, /path is already in use at/] as const;
    for (const path of ['token', 'token/x']) await api.refused(taken, 'POST', `sys/auth/${path}`, { type: 'userpass' });
    for (const path of ['sys', 'sys/x', 'cubbyhole', 'cubbyhole/x', 'identity', 'audit']) {
      await api.refused(taken, 'POST', `sys/mounts/${path}`, { type: 'database' });
    }
    await api.ok('POST', 'sys/mounts/cubbyholes', { type: 'database' });
    await api.ok('DELETE', 'sys/mounts/cubbyholes');
  });

  it('need sudo', async () => {
    await api.ok('PUT', 'sys/policies/acl/half', {
      policy: 'path "sys/auth/*" { capabilities = ["create", "update"] }',
    });
    const token = textOf((await api.ok('POST', 'auth/token/create', { policies: 'half' })).auth['client_token']);
    await api.refused([403, /permission denied/], 'POST', 'sys/auth/y', { type: 'userpass' }, { token });
  });
});
