/**
 * The built server, killed with SIGKILL while the plugin that it launched is at work in the database; then started again
 * and unsealed. The points between are those of crash.test.ts.
 */
import assert from 'node:assert/strict';
import { mkdir, rename } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import type { Client } from '@coffer/client';
import type { JsonObject } from '@coffer/base';
import {
  databaseUnderTest,
  dropAdmin,
  eventually,
  type FaultAction,
  makeAdmin,
  startWireProxy,
  type TestDatabase,
  type WireProxy,
} from '@coffer/testkit';
import { configure, issue } from '../dev-server.ts';
import { DurableHome, type DurableServer, type Initialized, initialize, unseal } from '../durable-process.ts';
import { issuedRoles, tryLogin } from '../logins.ts';
import { putPlugin } from '../plugin-file.ts';

/** Before or after the effect; what comes before it is in crash.test.ts as well. */
const MOMENTS = process.env['CRASH'] === 'all' ? (['drop-before', 'drop-after'] as const) : (['drop-after'] as const);
/** Beyond the time that a creation may take. */
const AGE_MS = 3_600_000;

describe('a server process killed while its plugin is at work', () => {
  let database: TestDatabase;
  let proxy: WireProxy;
  let home: DurableHome;
  let keys: Initialized;
  let server: DurableServer;
  let client: Client;

  before(async () => {
    database = await databaseUnderTest();
    proxy = await startWireProxy({ target: database, mode: 'yugabytedb' });
  });
  after(async () => {
    await proxy.stop();
    await database.stop();
  });
  beforeEach(async () => {
    await makeAdmin(database, { user: 'killed_root', password: 'root-chosen' });
    await database.query("CREATE ROLE killed_app LOGIN PASSWORD 'chosen'");
    home = await DurableHome.make();
    const plugins = home.path('plugins');
    await mkdir(plugins);
    const sha256 = await putPlugin(plugins);
    await home.configure(`${home.fileStorage}\nplugin_directory = ${JSON.stringify(plugins)}`);
    server = await home.start();
    keys = await initialize(server, 1, 1);
    await open();
    await client.write('sys/plugins/catalog/database/ysql-plugin', { sha256, command: 'ysql-plugin' });
    await configure(client, {
      host: proxy.host,
      port: proxy.port,
      username: 'killed_root',
      password: 'root-chosen',
      db: database.database,
    });
    await client.write('database/static-roles/app', {
      db_name: 'yugabytedb',
      username: 'killed_app',
      rotation_period: 86_400,
    });
  });
  afterEach(async () => {
    await home.remove();
    await dropAdmin(database, 'killed_root');
    await database.query('DROP ROLE killed_app');
  });

  async function open(): Promise<void> {
    await unseal(server, keys.unseal_keys_b64);
    client = server.client(keys.root_token);
  }

  /** Kills the server when the plugin sends the statement; what it asked for reaches nobody. */
  async function killAt(statement: RegExp, action: FaultAction, work: () => Promise<unknown>): Promise<void> {
    const fault = proxy.addFault({
      match: (sql) => {
        if (!statement.test(sql)) return false;
        server.child.kill('SIGKILL');
        return true;
      },
      action,
    });
    await assert.rejects(work());
    await server.stop('SIGKILL');
    assert.equal(fault.fired, 1);
    proxy.clearFaults();
    await untilPluginEnds();
  }

  /** A plugin whose host is gone ends, and its sessions with it. */
  async function untilPluginEnds(): Promise<void> {
    const sessions = "SELECT 1 FROM pg_stat_activity WHERE usename = 'killed_root'";
    await eventually(async () => (await database.query(sessions)).length === 0, 'the plugin ends after its host');
  }

  async function restart(): Promise<void> {
    server = await home.start();
    await open();
  }

  /** Changes rows of the store while no server has it: time that goes by. */
  function passTime(sql: string): void {
    const file = new DatabaseSync(home.storeFile);
    file.exec(sql);
    file.close();
  }

  async function read(path: string): Promise<JsonObject> {
    return (await client.read(path))?.data ?? {};
  }

  /** Nothing is left but what is named, and what is stored logs in. */
  async function check(): Promise<void> {
    const password = (await read('database/static-creds/app'))['password'] as string;
    assert.deepEqual(await tryLogin(database, 'killed_app', password), { user: 'killed_app' });
    await eventually(
      async () => (await read('sys/leases/count'))['lease_count'] === 0,
      () => server.output(),
    );
    assert.deepEqual(await issuedRoles(database), []);
    await client.write('database/reset/yugabytedb', {});
    const issued = await issue(client);
    assert.deepEqual(await tryLogin(database, issued.username, issued.password), { user: issued.username });
    await client.write('sys/leases/revoke', { lease_id: issued.leaseId, sync: true });
    assert.deepEqual(await issuedRoles(database), []);
    assert.match(server.output(), /plugin/);
  }

  it('rotate-role, where the next server cannot start the plugin at first', async () => {
    await killAt(/^ALTER ROLE/, { type: 'drop-after' }, () => client.write('database/rotate-role/app', {}));
    const plugin = home.path('plugins/ysql-plugin');
    await rename(plugin, `${plugin}.away`);
    await restart();
    await eventually(
      async () => Number((await read('database/static-roles/app'))['failed_rotations']) > 0,
      () => server.output(),
    );
    await rename(`${plugin}.away`, plugin);
    await check();
  });

  for (const type of MOMENTS) {
    it(`issue (${type})`, async () => {
      await killAt(/^CREATE ROLE/m, { type }, () => issue(client));
      passTime(`UPDATE leases SET issue_time = issue_time - ${AGE_MS}, claimed_until = 0, next_attempt = 0`);
      await restart();
      await check();
    });

    it(`revoke (${type})`, async () => {
      const { leaseId } = await issue(client);
      await killAt(/^DROP ROLE/m, { type }, () => client.write('sys/leases/revoke', { lease_id: leaseId, sync: true }));
      passTime(`UPDATE leases SET issue_time = issue_time - ${AGE_MS}`);
      await restart();
      await check();
    });

    it(`rotate-role (${type})`, async () => {
      await killAt(/^ALTER ROLE/, { type }, () => client.write('database/rotate-role/app', {}));
      await restart();
      await check();
    });

    it(`rotate-root (${type})`, async () => {
      await killAt(/^ALTER ROLE/, { type }, () => client.write('database/rotate-root/yugabytedb', {}));
      await restart();
      await eventually(
        async () => 'refusal' in (await tryLogin(database, 'killed_root', 'root-chosen')),
        () => server.output(),
      );
      await check();
    });
  }
});
