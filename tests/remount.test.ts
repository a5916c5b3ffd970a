/** Mounts that are moved (`secrets move`, `auth move`): what they have stored stays, what they have issued ends. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { eventually } from '@coffer/testkit';
import { type Api, textOf } from './auth/api.ts';
import { withEachStorage } from './races/races.ts';

withEachStorage((races) => {
  describe('a mount that is moved', () => {
    let api: Api;
    before(() => (api = races.api));

    const statusOf = async (id: string) =>
      (await api.ok('GET', `sys/remount/status/${id}`)).data['migration_info'] as JsonObject;
    /** Moves, and returns the status in the end. */
    const move = async (from: string, to: string): Promise<unknown> => {
      const { data, body } = await api.ok('POST', 'sys/remount', { from, to });
      const id = textOf(data['migration_id']);
      assert.equal(body['migration_id'], id, 'clients read it at the top');
      await eventually(async () => (await statusOf(id))['status'] !== 'in-progress', 'it is over');
      return statusOf(id);
    };

    it('of an engine keeps its configuration, roles and tuning, and ends its leases', async () => {
      await api.ok('POST', 'sys/mounts/database/tune', { max_lease_ttl: '7h', description: 'tuned' });
      const before = (await api.ok('GET', 'sys/mounts/database')).data;
      const lease = (await api.ok('GET', 'database/creds/app')).body['lease_id'];
      assert.deepEqual(await move('database', 'moved/db/'), {
        source_mount: 'database/',
        target_mount: 'moved/db/',
        status: 'success',
      });
      await api.refused([400, 'invalid lease'], 'POST', 'sys/leases/lookup', { lease_id: lease ?? null });
      await api.refused([404, /no handler for route/], 'GET', 'database/creds/app');
      await api.refused([400, /No secret engine mount at database/], 'GET', 'sys/mounts/database');
      assert.deepEqual((await api.ok('GET', 'sys/mounts/moved/db')).data, before);
      const { body } = await api.ok('GET', 'moved/db/creds/app');
      assert.match(textOf(body['lease_id']), /^moved\/db\/creds\/app\//);
      assert.equal(((await move('moved/db', 'database')) as JsonObject)['status'], 'success');
      await api.ok('GET', 'database/creds/app');
    });

    it('of an auth method keeps its users, and ends their tokens', async () => {
      await api.ok('POST', 'sys/auth/people', { type: 'userpass' });
      await api.ok('POST', 'auth/people/users/ana', { password: 'a-password' });
      const login = async (path: string) =>
        textOf((await api.ok('POST', `auth/${path}/login/ana`, { password: 'a-password' })).auth['client_token']);
      const token = await login('people');
      const status = await move('auth/people', 'auth/staff');
      assert.deepEqual(status, { source_mount: 'auth/people/', target_mount: 'auth/staff/', status: 'success' });
      assert.equal(await api.alive(token), false);
      assert.equal(await api.alive(await login('staff')), true);
      assert.equal((await api('POST', 'auth/people/login/ana', { password: 'a-password' })).status, 404);
    });

    it('is refused where it cannot be', async () => {
      await api.ok('POST', 'sys/mounts/other/one', { type: 'database' });
      for (const [from, to, error] of [
        ['', '', "both 'from' and 'to' path must be specified as a string"],
        ['database', '', "both 'from' and 'to' path must be specified as a string"],
        ['database ', 'b', "'from' path cannot contain trailing whitespace"],
        ['database', ' b', "'to' path cannot contain trailing whitespace"],
        ['absent', 'b', 'no matching mount at "absent/"'],
        ['database', 'other/one', 'path already in use at "other/one/"'],
        ['database', 'other', 'path already in use at "other/one/"'],
        ['database', 'other/one/x', 'path already in use at "other/one/"'],
        ['database', 'database/x', 'path already in use at "database/"'],
        ['database', 'database', 'path already in use at "database/"'],
        ['database', 'auth/b', 'cannot remount to destination auth/b/'],
        ['database', 'sys', 'cannot remount to destination sys/'],
        ['database', 'cubbyhole/x', 'cannot remount to destination cubbyhole/x/'],
        ['database', 'identity', 'cannot remount to destination identity/'],
        ['sys', 'b', 'cannot remount "sys/"'],
        ['cubbyhole', 'b', 'cannot remount "cubbyhole/"'],
        ['auth/staff', 'b', 'cannot remount auth mount to non-auth mount "b/"'],
        ['auth/token', 'auth/b', 'cannot remount "auth/token/"'],
        ['auth/staff', 'auth/token/x', 'cannot remount to destination "auth/token/x/"'],
      ] as const) {
        await api.refused([400, error], 'POST', 'sys/remount', { from, to });
      }
      assert.equal((await api('POST', 'sys/remount', { from: 'database', to: '../b' })).status, 400);
      await api.ok('GET', 'database/creds/app');
      assert.equal((await api('GET', 'sys/remount/status/never')).status, 404);
    });

    it('needs sudo', async () => {
      await api.ok('PUT', 'sys/policies/acl/mover', { policy: 'path "sys/remount" { capabilities = ["update"] }' });
      const { auth } = await api.ok('POST', 'auth/token/create', { policies: ['mover'] });
      const token = textOf(auth['client_token']);
      await api.refused([403, /permission denied/], 'POST', 'sys/remount', { from: 'database', to: 'b' }, { token });
    });
  });
});
