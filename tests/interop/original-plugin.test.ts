/**
 * The original Go plugin under the built server (DESIGN invariant 8): BENCH_GO_PLUGIN names its binary, which is built from
 * yugabyte/hashicorp-vault-ysql-plugin.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { access, copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type JsonObject, randomBase62, Secret } from '@coffer/base';
import { ApiError, type Client, createClient } from '@coffer/client';
import { databaseUnderTest, dropAdmin, makeAdmin, type TestDatabase } from '@coffer/testkit';
import { type ServerProcess, startServer } from '../coffer-process.ts';
import { type Issued, issue, SEED_CREATION } from '../dev-server.ts';
import { issuedRoles, tryLogin } from '../logins.ts';

const BINARY = process.env['BENCH_GO_PLUGIN'] ?? '';

function underTheBuiltServer(): void {
  const admin = { user: `go_admin_${randomBase62(8)}`, password: randomBase62(20) };
  const passwords = [admin.password];
  let directory: string;
  let database: TestDatabase;
  let server: ServerProcess;
  let client: Client;

  before(async () => {
    await access(BINARY);
    directory = await mkdtemp(join(tmpdir(), 'coffer-go-plugin-'));
    await copyFile(BINARY, join(directory, 'ysql-plugin'));
    database = await databaseUnderTest();
    await makeAdmin(database, admin);
    server = await startServer([`-dev-plugin-dir=${directory}`, '-log-level=trace']);
    client = createClient({ address: server.address, token: new Secret('root') });
    await client.request('POST', 'sys/mounts/database', { body: { type: 'database' } });
  });
  after(async () => {
    await server.stop();
    for (const password of passwords) assert.ok(!server.output().includes(password), 'no password is in the log');
    await dropAdmin(database, admin.user);
    await database.stop();
    await rm(directory, { recursive: true });
  });

  const issueOne = async (role: string): Promise<Issued> => {
    const issued = await issue(client, role);
    passwords.push(issued.password);
    return issued;
  };
  const logsIn = async (user: string, password: string): Promise<boolean> =>
    'user' in (await tryLogin(database, user, password));

  it('is registered by its sha256', async () => {
    const sha256 = createHash('sha256')
      .update(await readFile(BINARY))
      .digest('hex');
    await client.write('sys/plugins/catalog/database/original', { sha256, command: 'ysql-plugin' });
    const found = await client.read('sys/plugins/catalog/database/original');
    assert.deepEqual([found?.data?.['builtin'], found?.data?.['sha256']], [false, sha256]);
  });

  const forms: Readonly<Record<string, () => JsonObject>> = {
    fields: () => ({
      host: database.host,
      port: String(database.port),
      db: database.database,
      load_balance: 'true',
      yb_servers_refresh_interval: '0',
    }),
    'a connection_url': () => ({
      connection_url: `postgres://{{username}}:{{password}}@${database.host}:${database.port}/${database.database}?sslmode=disable`,
    }),
  };
  for (const [at, [form, fields]] of Object.entries(forms).entries()) {
    describe(`configured by ${form}`, () => {
      const [connection, role] = [`go-${at}`, `reader${at}`];

      it('takes its configuration and refuses a wrong password', async () => {
        const config = { plugin_name: 'original', allowed_roles: '*', username: admin.user, ...fields() };
        const wrong = client.write(`database/config/${connection}`, { ...config, password: randomBase62(20) });
        await assert.rejects(wrong, (error) => {
          assert.ok(error instanceof ApiError);
          assert.match(error.errors.join(), /error verifying connection: .*password authentication failed/s);
          return true;
        });
        await client.write(`database/config/${connection}`, { ...config, password: admin.password });
        await client.write(`database/roles/${role}`, {
          db_name: connection,
          creation_statements: SEED_CREATION.replace('"yugabyte"', `"${database.database}"`),
          default_ttl: '1h',
          max_ttl: '24h',
        });
      });

      it('issues, renews and revokes', async () => {
        const issued = await issueOne(role);
        assert.match(issued.username, /^v-token-reader\d-[A-Za-z0-9]{20}-\d{10}$/);
        assert.ok(await logsIn(issued.username, issued.password));
        const renewed = await client.write('sys/leases/renew', { lease_id: issued.leaseId, increment: 7200 });
        assert.equal(renewed?.leaseDuration, 7200);
        const [made] = await database.query('SELECT rolvaliduntil FROM pg_roles WHERE rolname = $1', [issued.username]);
        const validFor = (Number(made?.['rolvaliduntil']) - Date.now()) / 1000;
        assert.ok(validFor > 7190 && validFor < 7206, `VALID UNTIL follows the renewal: ${validFor} s`);
        await client.write('sys/leases/revoke', { lease_id: issued.leaseId });
        assert.deepEqual(await issuedRoles(database), []);
      });

      it('says what the database said, without a password', async () => {
        await client.write(`database/roles/${role}-broken`, {
          db_name: connection,
          creation_statements: `CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}'; GRANT nobody_here TO "{{name}}";`,
        });
        await assert.rejects(issueOne(`${role}-broken`), /role "nobody_here" does not exist/);
        assert.deepEqual(await issuedRoles(database), [], 'the transaction was rolled back');
      });
    });
  }

  it('rotates a static role', async () => {
    const username = `go_app_${randomBase62(8)}`;
    await database.query(`CREATE ROLE "${username}" LOGIN PASSWORD 'chosen'`);
    await client.write('database/static-roles/app', { db_name: 'go-0', username, rotation_period: 86_400 });
    const read = async (): Promise<string> => {
      const password = (await client.read('database/static-creds/app'))?.data?.['password'] as string;
      passwords.push(password);
      return password;
    };
    const first = await read();
    assert.ok(await logsIn(username, first));
    await client.write('database/rotate-role/app', {});
    const second = await read();
    assert.deepEqual([await logsIn(username, first), await logsIn(username, second)], [false, true]);
    await client.delete('database/static-roles/app');
    await database.query(`DROP ROLE "${username}"`);
  });

  it('rotates its own user, and goes on with the new password', async () => {
    const issued = await issueOne('reader0');
    await client.write('database/rotate-root/go-0', {});
    assert.equal(await logsIn(admin.user, admin.password), false);
    await client.write('database/reset/go-0', {});
    await client.write('sys/leases/revoke', { lease_id: issued.leaseId });
    await client.write('sys/leases/revoke', { lease_id: (await issueOne('reader0')).leaseId });
    assert.deepEqual(await issuedRoles(database), []);
  });
}

if (BINARY === '') {
  it('BENCH_GO_PLUGIN names no binary: the original Go plugin under our server is skipped', { skip: true });
} else {
  describe('the original Go plugin under our server', underTheBuiltServer);
}
