/** The plugin's process killed in the middle of a rotation: a new one finds out what came of it. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  databaseUnderTest,
  type FaultAction,
  makeAdmin,
  startWireProxy,
  type TestDatabase,
  type WireProxy,
} from '@coffer/testkit';
import { configure, issue, startTestServer, type TestServer } from './dev-server.ts';
import { tryLogin } from './logins.ts';
import { putPlugin, runningPlugin } from './plugin-file.ts';

describe('a plugin killed in the middle of a rotation', () => {
  let database: TestDatabase;
  let proxy: WireProxy;
  let server: TestServer;
  let directory: string;

  before(async () => {
    database = await databaseUnderTest();
    await makeAdmin(database, { user: 'killed_root', password: 'root-chosen' });
    await database.query("CREATE ROLE killed_app LOGIN PASSWORD 'chosen'");
    proxy = await startWireProxy({ target: database });
    directory = await mkdtemp(join(tmpdir(), 'coffer-plugins-'));
    await putPlugin(directory);
    server = await startTestServer({ pluginDirectory: directory });
    await configure(server.client, {
      host: proxy.host,
      port: proxy.port,
      username: 'killed_root',
      password: 'root-chosen',
      db: database.database,
    });
    await server.client.write('database/static-roles/app', {
      db_name: 'yugabytedb',
      username: 'killed_app',
      rotation_period: 86_400,
    });
  });
  after(async () => {
    await server.close();
    await proxy.stop();
    await database.stop();
    await rm(directory, { recursive: true });
  });

  /** Kills the plugin as soon as the ALTER is on its way; the fault decides whether it takes effect. */
  async function killAtAlter(action: FaultAction): Promise<{ readonly fired: number }> {
    const pid = await runningPlugin(process.pid);
    return proxy.addFault({
      match: (sql) => {
        if (!sql.startsWith('ALTER ROLE')) return false;
        process.kill(pid, 'SIGKILL');
        return true;
      },
      action,
    });
  }

  for (const type of ['drop-before', 'drop-after'] as const) {
    it(`finishes rotate-role (${type})`, async () => {
      const fault = await killAtAlter({ type });
      await server.client.write('database/rotate-role/app', {});
      assert.equal(fault.fired, 1);
      const password = (await server.client.read('database/static-creds/app'))?.data?.['password'] as string;
      assert.deepEqual(await tryLogin(database, 'killed_app', password), { user: 'killed_app' });
    });

    it(`finishes rotate-root (${type})`, async () => {
      const fault = await killAtAlter({ type });
      await server.client.write('database/rotate-root/yugabytedb', {});
      assert.equal(fault.fired, 1);
      await server.client.write('database/reset/yugabytedb', {});
      const issued = await issue(server.client);
      await server.client.write('sys/leases/revoke', { lease_id: issued.leaseId });
      assert.ok('refusal' in (await tryLogin(database, 'killed_root', 'root-chosen')));
    });
  }
});
