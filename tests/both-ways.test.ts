/** The seed's flow with the plugin in the process and over go-plugin: what a client sees must not differ. */
import assert from 'node:assert/strict';
import { chmod, copyFile, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError } from '@coffer/client';
import { databaseUnderTest, eventually, type TestDatabase } from '@coffer/testkit';
import { DIST } from './coffer-process.ts';
import { configure, issue, startTestServer, type TestServer } from './dev-server.ts';
import { issuedRoles, tryLogin } from './logins.ts';
import { runningPlugin } from './plugin-file.ts';

let database: TestDatabase;
let directory: string;

before(async () => {
  database = await databaseUnderTest();
  directory = await mkdtemp(join(tmpdir(), 'coffer-plugins-'));
  await copyFile(join(DIST, 'ysql-plugin'), join(directory, 'ysql-plugin'));
  await writeFile(join(directory, 'not-a-plugin'), '#!/bin/sh\necho hello\n');
  await chmod(join(directory, 'not-a-plugin'), 0o755);
});
after(async () => {
  await database.stop();
  await rm(directory, { recursive: true });
});

const fields = () => ({
  host: database.host,
  port: String(database.port),
  username: database.user,
  password: database.password,
  db: database.database,
  load_balance: 'true',
  yb_servers_refresh_interval: '0',
});
const url = () => ({
  connection_url: `postgres://{{username}}:{{password}}@${database.host}:${database.port}/${database.database}?load_balance=true&yb_servers_refresh_interval=0`,
  username: database.user,
  password: database.password,
});

for (const way of ['in the process', 'over go-plugin'] as const) {
  describe(`ysql-plugin ${way}`, () => {
    let server: TestServer;

    before(async () => {
      server = await startTestServer(way === 'over go-plugin' ? { pluginDirectory: directory } : {});
      await configure(server.client, fields());
    });
    after(() => server.close());

    const lookup = (leaseId: string) => server.client.write('sys/leases/lookup', { lease_id: leaseId });

    it('is where it should be', async () => {
      const answer = await server.client.read('sys/plugins/catalog/database/ysql-plugin');
      assert.equal(answer?.data?.['builtin'], way === 'in the process');
      assert.equal(server.log().includes('not registered in the catalog'), way === 'over go-plugin');
    });

    it('issues, renews and revokes, with both forms of configuration', async () => {
      for (const config of [fields(), url()]) {
        await server.client.write('database/config/yugabytedb', config);
        const issued = await issue(server.client);
        assert.match(issued.username, /^v-token-my-first-[A-Za-z0-9]{20}-\d{10}$/);
        assert.deepEqual(await tryLogin(database, issued.username, issued.password), { user: issued.username });
        const renewed = await server.client.write('sys/leases/renew', { lease_id: issued.leaseId, increment: 7200 });
        assert.equal(renewed?.leaseDuration, 7200);
        const [role] = await database.query('SELECT rolvaliduntil FROM pg_roles WHERE rolname = $1', [issued.username]);
        const validFor = (Number(role?.['rolvaliduntil']) - Date.now()) / 1000;
        assert.ok(validFor > 7190 && validFor < 7206, `VALID UNTIL follows the renewal: ${validFor} s`);
        await server.client.write('sys/leases/revoke', { lease_id: issued.leaseId });
        assert.ok('refusal' in (await tryLogin(database, issued.username, issued.password)));
        assert.deepEqual(await issuedRoles(database), []);
      }
    });

    it('revokes within 2 s of the expiry', async () => {
      await server.client.write('database/roles/brief', {
        db_name: 'yugabytedb',
        creation_statements: "CREATE ROLE \"{{name}}\" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'",
        default_ttl: 1,
      });
      const { username, leaseId } = await issue(server.client, 'brief');
      assert.deepEqual(await issuedRoles(database), [username]);
      await eventually(async () => (await issuedRoles(database)).length === 0, 'the end of the login', {
        patienceMs: 3_000,
      });
      // The lease goes after its login.
      await eventually(
        () =>
          lookup(leaseId).then(
            () => false,
            ({ message }: Error) => message.includes('invalid lease'),
          ),
        'the end of the lease',
      );
    });

    it('says the same about bad SQL, and leaves nothing behind', async () => {
      await server.client.write('database/roles/broken', {
        db_name: 'yugabytedb',
        creation_statements: 'CREATE ROLE "{{name}}" LOGIN PASSWORD \'{{password}}\'; GRANT nobody_here TO "{{name}}";',
      });
      await assert.rejects(issue(server.client, 'broken'), (error) => {
        assert.ok(error instanceof ApiError);
        assert.equal(error.status, 500);
        assert.equal(
          error.errors[0],
          '1 error occurred:\n\t* unable to create new user: rpc error: code = Internal desc = unable to create new user: ' +
            'failed to execute query: ERROR: role "nobody_here" does not exist (SQLSTATE 42704)\n\n',
        );
        return true;
      });
      assert.deepEqual(await issuedRoles(database), []);
      assert.equal((await server.client.read('sys/leases/count'))?.data?.['lease_count'], 0);
    });

    it('keeps a lease whose revocation fails, and says why on the lease', async () => {
      await server.client.write('database/roles/stubborn', {
        db_name: 'yugabytedb',
        creation_statements: 'CREATE ROLE "{{name}}" LOGIN PASSWORD \'{{password}}\'',
        revocation_statements: 'DROP ROLE "{{name}}"; SELECT 1/0',
      });
      const { leaseId, username } = await issue(server.client, 'stubborn');
      await assert.rejects(server.client.write('sys/leases/revoke', { lease_id: leaseId }), /division by zero/);
      const owed = await lookup(leaseId);
      assert.match(owed?.data?.['revocation_error'] as string, /division by zero/);
      assert.deepEqual(await issuedRoles(database), [username]);
      await database.query(`DROP ROLE "${username}"`);
      await server.client.write('sys/leases/revoke-force/database/creds/stubborn', {});
    });
  });
}

describe('the plugin process', () => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer({ pluginDirectory: directory });
    await configure(server.client, fields());
  });
  after(() => server.close());

  it('is started again by the next call after a crash', async () => {
    const first = await issue(server.client);
    const pid = await runningPlugin(process.pid);
    process.kill(pid, 'SIGKILL');
    await sleep(200);
    const second = await issue(server.client);
    assert.notEqual(second.username, first.username);
    await server.client.write('sys/leases/revoke-prefix/database/creds', {});
    assert.deepEqual(await issuedRoles(database), []);
  });

  it('is not started when its file has changed or is gone', async () => {
    const sha256 = '0'.repeat(64);
    await writeFile(join(directory, 'changed'), '#!/bin/false', { mode: 0o755 });
    await server.client.write('sys/plugins/catalog/database/changed', { sha256, command: 'changed' });
    const config = { plugin_name: 'changed', ...fields() };
    await assert.rejects(
      server.client.write('database/config/changed', config),
      /\* error creating database object: checksums did not match: .* register it again: "plugin register [^"]+ database changed"\.$/,
    );
    await rm(join(directory, 'changed'));
    await assert.rejects(server.client.write('database/config/changed', config), (error: Error) =>
      error.message.endsWith(
        `: no such file "changed" in the plugin directory ${directory}; put the registered one there`,
      ),
    );
  });

  it('is not started from outside of the plugin directory', async () => {
    await symlink('/bin/true', join(directory, 'outside'));
    const register = (command: string) =>
      server.client.write('sys/plugins/catalog/database/outside', { sha256: '0'.repeat(64), command });
    await assert.rejects(register('outside'), /cannot execute files outside of configured plugin directory/);
    await assert.rejects(register('../outside'), /inside the plugin directory|outside of configured/);
    await assert.rejects(register('/bin/true'), /inside the plugin directory|outside of configured/);
    await assert.rejects(register('missing'), /no such file/i);
  });
});
