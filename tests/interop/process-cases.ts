/** The plugin's process: how many there are, what is heard from it, and how it ends. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { before, it } from 'node:test';
import { randomBase62, VERSION } from '@coffer/base';
import type { ProcessView } from './go-host.ts';
import { failure, type PluginUnderTest } from './plugin-under-test.ts';
import { endOfProcess, isRunning } from './process-end.ts';
import { newSecret, secretsIn } from './secrets.ts';

/** `startAnother` starts one more host. */
export function processCases(start: () => PluginUnderTest, startAnother: () => Promise<PluginUnderTest>): void {
  let ysql: PluginUnderTest;
  before(() => {
    ysql = start();
  });

  for (const autoMTLS of [true, false]) {
    it(`answers a registration: metadata mode, no version, AutoMTLS ${autoMTLS ? 'on' : 'off'}`, async () => {
      const view = (await ysql.host.call('probe', { plugin: 'ysql', autoMTLS })) as unknown as ProcessView;
      assert.equal(view.version, '', 'what a plugin reports is pinned, and an upgrade of it refused');
      assert.deepEqual([view.protocol, view.multiplexing], [6, true]);
      assert.ok(!isRunning(view.pid), 'it ended when it was asked to');
      assert.ok(!existsSync(view.socket), 'its socket is gone');
    });
  }

  it('serves two databases in one process, each with its own configuration', async () => {
    const first = await ysql.openInitialized('ysql', 'first');
    const second = await ysql.host.open('ysql', 'second');
    assert.equal(second.pid, first.pid);
    assert.match((await failure(ysql.newUser('second', newSecret()))).message, /connection has not been initialized$/);
    await ysql.host.call('initialize', {
      database: 'second',
      config: ysql.config({ password: newSecret() }),
      verify: false,
    });
    assert.match((await failure(ysql.newUser('second', newSecret()))).message, /SQLSTATE 28P01/);
    const username = await ysql.newUser('first', newSecret());
    await ysql.host.call('close', { database: 'second' });
    await ysql.host.call('deleteUser', { database: 'first', username });
    assert.ok(isRunning(first.pid), 'the other one is still in it');
    await ysql.host.call('close', { database: 'first' });
    assert.ok(!isRunning(first.pid));
  });

  it('runs a process for each database where the host does not multiplex', async () => {
    const first = await ysql.openInitialized('ysql-5', 'alone');
    const second = await ysql.openInitialized('ysql-5', 'alone too');
    assert.notEqual(second.pid, first.pid);
    await ysql.host.call('close', { database: 'alone' });
    assert.deepEqual([isRunning(first.pid), isRunning(second.pid)], [false, true]);
    await ysql.host.call('close', { database: 'alone too' });
  });

  it('logs at the levels that it means', async () => {
    const { pid } = await ysql.openInitialized('ysql', 'levels');
    process.kill(pid, 'SIGINT');
    await ysql.host.waitForLog(({ level, line }) => level === 'trace' && line.includes('received interrupt signal'));
    assert.equal(await ysql.host.call('type', { database: 'levels' }), 'yugabyte', 'Ctrl-C is for the host');
    const started = ysql.host.log.filter(({ message }) => message === 'ysql-plugin started');
    assert.ok(
      started.length > 0 && started.every(({ level, line }) => level === 'info' && line.includes(`v${VERSION}`)),
    );
    const ending = ysql.host.log.length;
    await ysql.host.call('close', { database: 'levels' });
    const told = ysql.host.log.slice(ending).filter(({ message }) => message === 'the plugin exits');
    assert.deepEqual(
      told.map(({ level }) => level),
      ['debug'],
    );
    const plain = ysql.host.log.filter(({ message }) => message.startsWith('{'));
    assert.deepEqual(plain, [], 'no line of the plugin was taken for plain text');
  });

  it('is started again after a crash', async () => {
    const { pid } = await ysql.openInitialized('ysql', 'crash');
    const username = await ysql.newUser('crash', newSecret());
    const before = ysql.host.log.length;
    process.kill(pid, 'SIGKILL');
    await ysql.host.waitForLog(
      (line) => ysql.host.log.indexOf(line) >= before && line.message.includes('plugin process exited'),
    );
    const gone = await failure(ysql.host.call('deleteUser', { database: 'crash', username }));
    assert.ok(gone.shutdown, `Vault knows it as a plugin that is gone: ${gone.message}`);
    await failure(ysql.host.call('close', { database: 'crash' }));
    const again = await ysql.openInitialized('ysql', 'crash again');
    assert.notEqual(again.pid, pid);
    await ysql.host.call('deleteUser', { database: 'crash again', username });
    await ysql.host.call('close', { database: 'crash again' });
  });

  for (const busy of [false, true]) {
    it(`ends within 2 s of its host, ${busy ? 'with a call under way' : 'idle'}`, async (test) => {
      const doomed = await startAnother();
      test.after(() => doomed.host.stop());
      const { pid } = await doomed.openInitialized('ysql', 'orphan');
      const mark = `orphan ${randomBase62(12)}`;
      const statements = [`SELECT pg_sleep(30) /* ${mark} */`];
      const call = busy ? doomed.newUser('orphan', newSecret(), { statements }) : Promise.resolve();
      const outcome = call.catch((error: unknown) => error);
      while (busy) {
        const activity =
          "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE $1 AND pid <> pg_backend_pid()";
        if ((await ysql.database.query(activity, [`%${mark}%`])).length > 0) break;
      }
      await doomed.host.crash();
      const milliseconds = await endOfProcess(pid, 2_000);
      test.diagnostic(`${ysql.artefact} ended ${milliseconds} ms after its host`);
      assert.ok(!busy || (await outcome) instanceof Error);
      assert.deepEqual(secretsIn(doomed.host.log.map(({ line }) => line)), []);
      await ysql.database.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE $1', [
        `%${mark}%`,
      ]);
    });
  }
}
