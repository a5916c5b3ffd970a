/**
 * Statements that the database takes and that do not do what they are for, as a client of the server sees them: with the plugin
 * in the process and over go-plugin.
 */
import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { ApiError, type SecretResponse } from '@coffer/client';
import { startPostgres, type TestPostgres } from '@coffer/testkit';
import { DIST } from './coffer-process.ts';
import { configure, connectionTo, issue, startTestServer, type TestServer } from './dev-server.ts';
import { executedBlocks } from './documentation.ts';
import { issuedRoles, tryLogin } from './logins.ts';

const LOGIN = `CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}'`;

const UNKNOWN =
  'field "creation_statements": unknown placeholder {{nmae}} (did you mean {{name}}?); the placeholders of creation statements ' +
  'are {{name}}, {{username}}, {{password}}, {{expiration}}';
const NONE_GRANTED = 'creation_statements: WARNING: no privileges were granted for "things" (SQLSTATE 01007)';

let database: TestPostgres;
let directory: string;

before(async () => {
  database = await startPostgres({ authMethod: 'md5' });
  await database.query(`CREATE ROLE plain_admin LOGIN CREATEROLE PASSWORD 'Admin-1'`);
  await database.query('CREATE TABLE things (id int); GRANT SELECT ON things TO plain_admin');
  await database.query(`CREATE ROLE static_app LOGIN PASSWORD 'Static-1'`);
  directory = await mkdtemp(join(tmpdir(), 'coffer-plugins-'));
  await copyFile(join(DIST, 'ysql-plugin'), join(directory, 'ysql-plugin'));
});
after(async () => {
  await database.stop();
  await rm(directory, { recursive: true });
});

it('the messages in the documentation are these', () => {
  const shown = executedBlocks('docs/database/statements.md', import.meta.filename).map(({ text }) => text.trimEnd());
  assert.deepEqual(shown, [UNKNOWN, NONE_GRANTED]);
});

for (const way of ['in the process', 'over go-plugin'] as const) {
  describe(`ysql-plugin ${way}`, () => {
    let server: TestServer;
    const connection = () => ({ ...connectionTo(database), username: 'plain_admin', password: 'Admin-1' });
    const write = (path: string, data: JsonObject) => server.client.write(`database/${path}`, data);
    const refusal = async (call: Promise<unknown>): Promise<readonly [number, string]> => {
      const outcome = await call.catch((error: unknown) => error);
      assert.ok(outcome instanceof ApiError, 'it is refused');
      return [outcome.status, outcome.errors.join('\n')];
    };

    before(async () => {
      server = await startTestServer(way === 'over go-plugin' ? { pluginDirectory: directory } : {});
      await configure(server.client, connection());
    });
    after(() => server.close());

    it('refuses a role with an unknown placeholder', async () => {
      const role = (data: JsonObject) => refusal(write('roles/wrong', { db_name: 'yugabytedb', ...data }));
      assert.deepEqual(await role({ creation_statements: LOGIN.replace('name', 'nmae') }), [400, UNKNOWN]);
      const good = { creation_statements: LOGIN };
      for (const [field, statements, placeholder] of [
        ['creation_statements', [LOGIN, 'GRANT x TO "{{ name }}"'], '{{ name }}'],
        ['revocation_statements', 'DROP ROLE "{{Name}}"', '{{Name}}'],
        ['revocation_statements', `ALTER ROLE "{{name}}" PASSWORD '{{password}}'`, '{{password}}'],
        ['rollback_statements', 'DROP ROLE "{{user}}"', '{{user}}'],
        ['renew_statements', `ALTER ROLE "{{name}}" VALID UNTIL '{{expires}}'`, '{{expires}}'],
      ] as const) {
        const [status, text] = await role({ ...good, [field]: statements });
        assert.equal(status, 400);
        assert.ok(text.startsWith(`field "${field}": `) && text.includes(placeholder), text);
      }
      assert.equal(await server.client.read('database/roles/wrong'), undefined);
      await write('roles/wrong', { db_name: 'yugabytedb', ...good });
      assert.match((await role({ revocation_statements: 'DROP ROLE "{{nmae}}"' }))[1], /\{\{nmae\}\}/);
      assert.deepEqual((await server.client.read('database/roles/wrong'))?.data?.['revocation_statements'], []);
    });

    it('refuses it in the rotation statements of connections and static roles', async () => {
      const statements = `ALTER ROLE "{{nmae}}" PASSWORD '{{password}}'`;
      for (const field of ['root_rotation_statements', 'root_credentials_rotate_statements']) {
        const [status, text] = await refusal(write('config/yugabytedb', { [field]: statements }));
        assert.deepEqual([status, text.split(' (')[0]], [400, `field "${field}": unknown placeholder {{nmae}}`]);
      }
      const fixed = { db_name: 'yugabytedb', username: 'static_app', rotation_period: '1h' };
      const [status, text] = await refusal(write('static-roles/s', { ...fixed, rotation_statements: statements }));
      assert.deepEqual(
        [status, text.split(' (')[0]],
        [400, 'field "rotation_statements": unknown placeholder {{nmae}}'],
      );
      assert.deepEqual(await tryLogin(database, 'static_app', 'Static-1'), { user: 'static_app' });
      await write('static-roles/s', { ...fixed, password: 'Static-1', skip_import_rotation: true });
      assert.match((await refusal(write('static-roles/s', { rotation_statements: statements })))[1], /\{\{nmae\}\}/);
      await server.client.request('DELETE', 'database/static-roles/s');
    });

    it('says so of a stored role when it is used, and ends its logins all the same', async () => {
      // Nobody knows which plugin a connection will have that is not there.
      const early = (name: string, data: JsonObject) => write(`roles/${name}`, { db_name: 'later', ...data });
      const warned = await early('bad-creation', { creation_statements: LOGIN.replace('name', 'nmae') });
      assert.match(
        warned?.warnings?.join() ?? '',
        /^field "creation_statements": unknown placeholder \{\{nmae\}\}.*The role was written, since there is no connection "later" yet\.$/,
      );
      await early('bad-renewal', { creation_statements: LOGIN, renew_statements: 'SELECT {{x}}' });
      await early('bad-revocation', { creation_statements: LOGIN, revocation_statements: 'DROP ROLE "{{nmae}}"' });
      assert.equal(await early('good', { creation_statements: LOGIN }), undefined);
      await write('config/later', { plugin_name: 'ysql-plugin', allowed_roles: '*', ...connection() });

      const [status, text] = await refusal(issue(server.client, 'bad-creation'));
      assert.equal(status, 500);
      assert.match(text, /creation_statements: unknown placeholder \{\{nmae\}\} \(did you mean \{\{name\}\}\?\)/);
      const renewable = await issue(server.client, 'bad-renewal');
      const renewal = server.client.write('sys/leases/renew', { lease_id: renewable.leaseId });
      assert.match((await refusal(renewal))[1], /renew_statements: unknown placeholder \{\{x\}\}/);
      const revocable = await issue(server.client, 'bad-revocation');
      for (const { leaseId } of [renewable, revocable]) {
        await server.client.write('sys/leases/revoke', { lease_id: leaseId, sync: true });
      }
      assert.deepEqual(await issuedRoles(database), []);
      assert.match(server.log(), /revocation_statements: unknown placeholder .* dropping the user as if there were no/);
    });

    it('answers no credential without a login', async () => {
      for (const [name, creation_statements] of [
        ['other', `CREATE ROLE "app_{{name}}" LOGIN PASSWORD '{{password}}'`],
        ['none', 'SELECT 1'],
        ['barred', LOGIN.replace('LOGIN', 'NOLOGIN')],
      ] as const) {
        await write(`roles/${name}`, { db_name: 'yugabytedb', creation_statements });
        const [status, text] = await refusal(issue(server.client, name));
        assert.equal(status, 500);
        assert.match(text, /there is no role "v-token-|it may not log in/);
      }
      const left = await database.query(`SELECT rolname FROM pg_roles WHERE rolname LIKE '%v-token-%'`);
      assert.deepEqual(left, []);
      assert.equal((await server.client.read('sys/leases/count'))?.data?.['lease_count'], 0);
    });

    it('warns of a grant that grants nothing', async () => {
      const creation_statements = [LOGIN, 'GRANT SELECT ON things TO "{{name}}"'];
      const renew_statements = ['GRANT SELECT ON things TO "{{name}}"'];
      await write('roles/granted', {
        db_name: 'yugabytedb',
        creation_statements,
        renew_statements,
        default_ttl: '1h',
      });
      const answer = await server.client.read('database/creds/granted');
      assert.deepEqual(answer?.warnings, [NONE_GRANTED]);
      const lease_id = answer?.leaseId ?? '';
      const renewed = await server.client.write('sys/leases/renew', { lease_id });
      assert.deepEqual(renewed?.warnings, [NONE_GRANTED.replace('creation', 'renew')]);
      await server.client.write('sys/leases/revoke', { lease_id, sync: true });
      assert.ok(server.log().includes(NONE_GRANTED.replaceAll('"', '\\"')) || server.log().includes(NONE_GRANTED));
      await write('roles/granted', { creation_statements: LOGIN });
      const quiet = await server.client.read('database/creds/granted');
      assert.deepEqual(quiet?.warnings ?? [], []);
      await server.client.write('sys/leases/revoke', { lease_id: quiet?.leaseId ?? '', sync: true });
    });

    it('warns of it when a password is rotated', async () => {
      const warnings = (answer: SecretResponse | undefined) => answer?.warnings;
      const change = `ALTER ROLE "{{name}}" PASSWORD '{{password}}'`;
      const grant = 'GRANT SELECT ON things TO "{{name}}"';
      const expected = [NONE_GRANTED.replace('creation', 'rotation')];
      const fixed = { db_name: 'yugabytedb', username: 'static_app', rotation_period: '1h' };
      const made = await write('static-roles/s', { ...fixed, rotation_statements: [change, grant] });
      assert.deepEqual(warnings(made), expected);
      assert.deepEqual(warnings(await write('rotate-role/s', {})), expected);
      await server.client.request('DELETE', 'database/static-roles/s');

      await database.query(`CREATE ROLE own_admin LOGIN PASSWORD 'Own-1'; GRANT SELECT ON things TO own_admin`);
      const own = { ...connection(), username: 'own_admin', password: 'Own-1' };
      await write('config/own', { plugin_name: 'ysql-plugin', ...own, root_rotation_statements: [change, grant] });
      assert.deepEqual(warnings(await write('rotate-root/own', {})), expected);
      await server.client.request('DELETE', 'database/config/own');
      await database.query('DROP OWNED BY own_admin; DROP ROLE own_admin');
      await database.query(`ALTER ROLE static_app PASSWORD 'Static-1'`);
    });
  });
}
