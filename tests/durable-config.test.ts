/** What the configuration file says, seen from outside of a real process. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { databaseUnderTest, eventually, startWireProxy, type TestDatabase } from '@coffer/testkit';
import { DIST } from './coffer-process.ts';
import { configure, connectionTo, issue } from './dev-server.ts';
import { DurableHome, initialize, isSealed, unseal } from './durable-process.ts';
import { tryLogin } from './logins.ts';
import { runningPlugin } from './plugin-file.ts';

describe('the configuration of a server', () => {
  let database: TestDatabase;
  let home: DurableHome;
  before(async () => (database = await databaseUnderTest()));
  after(() => database.stop());
  beforeEach(async () => (home = await DurableHome.make({ SEAL_KEY: randomBytes(32).toString('base64') })));
  afterEach(() => home.remove());

  it('unseals by a key in the environment, and shows the address that clients are told', async () => {
    await home.configure(
      `${home.fileStorage}\napi_addr = "https://coffer.example:8200"
       seal "static" { current_key_id = "x", current_key = "env://SEAL_KEY" }`,
    );
    let server = await home.start();
    assert.match(server.output(), /Api Address: https:\/\/coffer\.example:8200\n/);
    assert.equal((await server.run(['operator', 'init', '-recovery-shares=1', '-recovery-threshold=1'])).exit, 0);
    await server.stop('SIGKILL');
    server = await home.start();
    assert.equal(await isSealed(server), false);
    await server.stop('SIGTERM');
  });

  it('runs plugins of plugin_directory, and no others', async () => {
    await mkdir(home.path('plugins'));
    await copyFile(join(DIST, 'ysql-plugin'), home.path('plugins/ysql-plugin'));
    await home.configure(`${home.fileStorage}\nplugin_directory = ${JSON.stringify(home.path('plugins'))}`);
    const server = await home.start();
    const { root_token: root, unseal_keys_b64: keys } = await initialize(server, 1, 1);
    await unseal(server, keys);
    const client = server.client(root);
    const sha256 = createHash('sha256')
      .update(await readFile(home.path('plugins/ysql-plugin')))
      .digest('hex');
    const catalog = 'sys/plugins/catalog/database/ysql-plugin';
    await assert.rejects(client.write(catalog, { sha256, command: '../coffer.hcl' }), /outside|path|command/);
    await client.write(catalog, { sha256, command: 'ysql-plugin' });
    await configure(client, connectionTo(database));
    const issued = await issue(client);
    assert.deepEqual(await tryLogin(database, issued.username, issued.password), { user: issued.username });
    await runningPlugin(server.child.pid ?? 0);
    await client.write('sys/leases/revoke', { lease_id: issued.leaseId });
    assert.equal(await server.stop('SIGTERM'), 0);
  });

  it('lets requests under way finish when it is told to stop, and takes no new one', async () => {
    const proxy = await startWireProxy({ target: database });
    try {
      await home.configure(home.fileStorage);
      let server = await home.start();
      const { root_token: root, unseal_keys_b64: keys } = await initialize(server, 1, 1);
      await unseal(server, keys);
      await configure(server.client(root), connectionTo(database, proxy));
      const fault = proxy.addFault({ match: /^CREATE ROLE/m, action: { type: 'delay', ms: 2_000 } });
      const running = issue(server.client(root));
      await eventually(() => fault.fired > 0, 'the statement');
      const stopped = server.stop('SIGTERM');
      await eventually(() => server.output().includes('shutdown triggered'), 'the begin of the end');
      await assert.rejects(fetch(`${server.address}/v1/sys/health`), TypeError);
      const issued = await running;
      assert.equal(await stopped, 0);
      assert.deepEqual(await tryLogin(database, issued.username, issued.password), { user: issued.username });

      server = await home.start();
      await unseal(server, keys);
      await server.client(root).write('sys/leases/revoke', { lease_id: issued.leaseId, sync: true });
      assert.ok('refusal' in (await tryLogin(database, issued.username, issued.password)));
      await server.stop('SIGTERM');
    } finally {
      await proxy.stop();
    }
  });
});
