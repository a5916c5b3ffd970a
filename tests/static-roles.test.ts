/** Static roles against a real database, with the plugin in the process and over go-plugin. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { ApiError } from '@coffer/client';
import { databaseUnderTest, eventually, makeAdmin, type TestDatabase } from '@coffer/testkit';
import { configure, connectionTo, startTestServer, type TestServer } from './dev-server.ts';
import { tryLogin } from './logins.ts';
import { putPlugin } from './plugin-file.ts';

let database: TestDatabase;
let directory: string;

before(async () => {
  database = await databaseUnderTest();
  directory = await mkdtemp(join(tmpdir(), 'coffer-plugins-'));
  await putPlugin(directory);
});
after(async () => {
  await database.stop();
  await rm(directory, { recursive: true });
});

function refusal(status: number, text: string | RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof ApiError, String(error));
    assert.equal(error.status, status, error.errors.join());
    if (typeof text === 'string') assert.deepEqual(error.errors, [text]);
    else assert.match(error.errors.join(), text);
    return true;
  };
}

for (const [way, prefix] of [
  ['in the process', 'inside'],
  ['over go-plugin', 'outside'],
] as const) {
  describe(`static roles, ysql-plugin ${way}`, () => {
    let server: TestServer;

    before(async () => {
      server = await startTestServer(way === 'over go-plugin' ? { pluginDirectory: directory } : {});
      await configure(server.client, {
        ...connectionTo(database),
        allowed_roles: 'app*,my-first-role',
      });
    });
    after(() => server.close());

    /** A login of this test's own, with a password that somebody chose. */
    async function login(name: string): Promise<string> {
      const username = `${prefix}_${name}`;
      await database.query(`CREATE ROLE "${username}" LOGIN PASSWORD 'chosen'`);
      return username;
    }
    const write = (name: string, fields: JsonObject) =>
      server.client.write(`database/static-roles/${name}`, { db_name: 'yugabytedb', ...fields });
    const rotate = (name: string) => server.client.write(`database/rotate-role/${name}`, {});
    const creds = async (name: string): Promise<JsonObject> =>
      (await server.client.read(`database/static-creds/${name}`))?.data ?? {};
    const role = async (name: string): Promise<JsonObject | undefined> =>
      (await server.client.read(`database/static-roles/${name}`))?.data ?? undefined;
    async function assertLogsIn(name: string): Promise<string> {
      const { username, password } = (await creds(name)) as { username: string; password: string };
      assert.deepEqual(await tryLogin(database, username, password), { user: username });
      return password;
    }

    it('take a login over, rotate it by hand and by time, and leave it when deleted', async () => {
      const username = await login('life');
      await write('app-life', { username, rotation_period: 5 });
      const first = await assertLogsIn('app-life');
      assert.ok('refusal' in (await tryLogin(database, username, 'chosen')), 'the password before is of no use');
      await rotate('app-life');
      const second = await assertLogsIn('app-life');
      assert.notEqual(second, first);
      assert.ok('refusal' in (await tryLogin(database, username, first)));
      await eventually(async () => (await creds('app-life'))['password'] !== second, 'a rotation by time');
      await assertLogsIn('app-life');
      await server.client.request('DELETE', 'database/static-roles/app-life');
      await assert.rejects(creds('app-life'), refusal(400, 'unknown role: app-life'));
      assert.equal(await role('app-life'), undefined);
      assert.equal((await database.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [username])).length, 1);
      await write('app-life-2', { username, rotation_period: 60 });
      await assertLogsIn('app-life-2');
    });

    it('show what Vault shows, and the schedule where there is one', async () => {
      const username = await login('shown');
      await write('app-shown', { username, rotation_schedule: '0 3 * * *', rotation_window: '1h' });
      const { last_vault_rotation: rotated, ...shown } = (await role('app-shown')) ?? {};
      assert.match(rotated as string, /^\d{4}-\d\d-\d\dT/);
      assert.deepEqual(shown, {
        credential_type: 'password',
        db_name: 'yugabytedb',
        rotation_schedule: '0 3 * * *',
        rotation_window: 3600,
        rotation_statements: [],
        username,
      });
      const { ttl, password, ...rest } = await creds('app-shown');
      assert.ok(typeof ttl === 'number' && ttl >= 0 && ttl <= 86_400);
      assert.equal(typeof password, 'string');
      assert.deepEqual(rest, {
        last_vault_rotation: rotated,
        rotation_schedule: '0 3 * * *',
        rotation_window: 3600,
        username,
      });
    });

    it('rotate by hand only when asked to', async () => {
      const username = await login('manual');
      await write('app-manual', { username, disable_automated_rotation: true });
      assert.equal((await role('app-manual'))?.['disable_automated_rotation'], true);
      const first = await assertLogsIn('app-manual');
      assert.equal('ttl' in (await creds('app-manual')), false);
      await rotate('app-manual');
      assert.notEqual(await assertLogsIn('app-manual'), first);
    });

    it('keep the password that is given, when it logs in', async () => {
      const username = await login('kept');
      const fields = { username, rotation_period: 3600, skip_import_rotation: true };
      await assert.rejects(write('app-kept', fields), refusal(400, /needs "password"/));
      await assert.rejects(
        write('app-kept', { ...fields, password: 'wrong' }),
        refusal(400, `field "password": the database does not let "${username}" in with it`),
      );
      assert.equal(await role('app-kept'), undefined);
      await write('app-kept', { ...fields, password: 'chosen' });
      assert.equal(await assertLogsIn('app-kept'), 'chosen');
      assert.equal('last_vault_rotation' in ((await role('app-kept')) ?? {}), false);
      await rotate('app-kept');
      assert.notEqual(await assertLogsIn('app-kept'), 'chosen');
    });

    it('refuse what cannot be', async () => {
      const username = await login('refused');
      await write('app-refused', { username, rotation_period: 3600 });
      const bad: readonly [string, JsonObject, number, string | RegExp][] = [
        [
          'app-second',
          { username, rotation_period: 3600 },
          400,
          /is the login of the static role "app-refused" already/,
        ],
        ['app-refused', { username: 'other' }, 400, 'cannot update static account username'],
        ['app-refused', { db_name: 'other' }, 400, /cannot update static account db_name/],
        ['app-new', { username, rotation_period: 1 }, 400, 'rotation_period must be 5 seconds or more'],
        ['app-new', { rotation_period: 60 }, 400, 'username is a required field to create a static account'],
        ['app-new', { db_name: '', username: 'x', rotation_period: 60 }, 400, 'database name is a required field'],
        ['app-new', { username: 'x', rotation_period: 60, credential_type: 'rsa_private_key' }, 400, /use "password"/],
        ['app-new', { username: 'x', rotation_perod: 60 }, 400, /did you mean "rotation_period"/],
        ['app-new', { username: database.user, rotation_period: 60 }, 400, /the connection itself logs in as/],
        ['my-first-role', { username: 'x', rotation_period: 60 }, 400, 'Role and Static Role names must be unique'],
        [
          'other',
          { username: 'x', rotation_period: 60 },
          500,
          '1 error occurred:\n\t* "other" is not an allowed role\n\n',
        ],
        [
          'app-new',
          { db_name: 'absent', username: 'x', rotation_period: 60 },
          500,
          '1 error occurred:\n\t* failed to find entry for connection with name: "absent"\n\n',
        ],
      ];
      for (const [name, fields, status, text] of bad) await assert.rejects(write(name, fields), refusal(status, text));
      await assert.rejects(
        server.client.write('database/roles/app-refused', { db_name: 'yugabytedb' }),
        refusal(400, 'Role and Static Role names must be unique'),
      );
      await assert.rejects(rotate('app-nobody'), refusal(400, /no static role found for role name/));
      const listed = await server.client.list('database/static-roles');
      assert.equal((listed?.data?.['keys'] as string[]).includes('app-new'), false);
      await assertLogsIn('app-refused');
    });

    it('leave nothing behind when the login does not exist', async () => {
      await assert.rejects(
        write('app-absent', { username: `${prefix}_nobody`, rotation_period: 3600 }),
        refusal(
          500,
          '1 error occurred:\n\t* error setting credentials: unable to update user: rpc error: code = Internal desc = unable ' +
            `to update user: failed to execute query: ERROR: role "${prefix}_nobody" does not exist (SQLSTATE 42704)\n\n`,
        ),
      );
      assert.equal(await role('app-absent'), undefined);
      await assert.rejects(creds('app-absent'), refusal(400, 'unknown role: app-absent'));
    });

    it('go on with the old password when a rotation fails, and say why', async () => {
      const username = await login('failing');
      await write('app-failing', { username, rotation_period: 3600 });
      const good = await assertLogsIn('app-failing');
      await write('app-failing', { rotation_statements: 'SELECT 1/0' });
      await assert.rejects(
        rotate('app-failing'),
        refusal(500, /retries will continue in the background.*division by zero/),
      );
      assert.equal(await assertLogsIn('app-failing'), good);
      const shown = await role('app-failing');
      assert.match(shown?.['rotation_error'] as string, /division by zero/);
      assert.equal(shown?.['failed_rotations'], 1);
      await write('app-failing', { rotation_statements: 'ALTER ROLE "{{name}}" PASSWORD \'{{password}}\'' });
      await rotate('app-failing');
      assert.notEqual(await assertLogsIn('app-failing'), good);
      assert.equal('rotation_error' in ((await role('app-failing')) ?? {}), false);
    });

    it('do not take statements at their word that set no password', async () => {
      const username = await login('wordless');
      await write('app-wordless', { username, rotation_period: 3600 });
      const good = await assertLogsIn('app-wordless');
      await write('app-wordless', { rotation_statements: 'ALTER ROLE "{{name}}" CONNECTION LIMIT 7' });
      await assert.rejects(rotate('app-wordless'), refusal(500, /the new password of .* does not log in/));
      assert.equal(await assertLogsIn('app-wordless'), good);
    });

    it('are rotated by two callers at once, one after the other', async () => {
      const username = await login('busy');
      await write('app-busy', { username, rotation_period: 3600 });
      const readers = Array.from({ length: 8 }, async () => creds('app-busy'));
      await Promise.all([rotate('app-busy'), rotate('app-busy'), rotate('app-busy'), ...readers]);
      await assertLogsIn('app-busy');
    });

    it('show no password in the log', async () => {
      const username = await login('logged');
      await write('app-logged', {
        username,
        rotation_period: 3600,
        rotation_statements: "ALTER ROLE '{{password}}'",
      }).then(
        () => assert.fail('no SQL'),
        (error: unknown) => assert.doesNotMatch(String(error), /ALTER ROLE '[A-Za-z0-9-]{20}'/),
      );
      await write('app-logged', { username, rotation_period: 3600 });
      assert.equal(server.log().includes(await assertLogsIn('app-logged')), false);
      assert.match(server.log(), /rotation failed; the password has not changed/);
    });

    it('go on after the root user of the connection was rotated', async () => {
      const username = await login('rooted');
      const root = `${prefix}_root`;
      await makeAdmin(database, { user: root, password: 'chosen' });
      await write('app-rooted', { username, rotation_period: 3600 });
      await server.client.write('database/config/yugabytedb', { username: root, password: 'chosen' });
      await server.client.write('database/rotate-root/yugabytedb', {});
      assert.ok('refusal' in (await tryLogin(database, root, 'chosen')));
      const first = await assertLogsIn('app-rooted');
      await rotate('app-rooted');
      assert.notEqual(await assertLogsIn('app-rooted'), first);
      await server.client.write('database/config/yugabytedb', { root_rotation_statements: 'SELECT 1/0' });
      await assert.rejects(
        server.client.write('database/rotate-root/yugabytedb', {}),
        refusal(500, /failed to rotate root credentials: .*division by zero/s),
      );
      await rotate('app-rooted');
      await assertLogsIn('app-rooted');
    });
  });
}
