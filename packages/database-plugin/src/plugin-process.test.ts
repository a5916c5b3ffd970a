import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createLogger, isCofferError, isOutcomeUnknown, type LogEntry, Secret, silentLogger } from '@coffer/base';
import { isPluginGone } from '@coffer/go-plugin';
import { FIXTURE_FILE, pluginDirectory } from './plugin-directory-fixture.ts';
import { PluginProcess } from './plugin-process.ts';

function newUser(roleName: string, statements: string[] = []) {
  const usernameConfig = { displayName: 'd', roleName };
  return {
    usernameConfig,
    password: new Secret('one-pass'),
    expiration: new Date(),
    statements,
    rollbackStatements: [],
  };
}

describe('PluginProcess', () => {
  let directory: Awaited<ReturnType<typeof pluginDirectory>>;
  let options: Parameters<typeof PluginProcess.launch>[0];
  before(async () => {
    directory = await pluginDirectory();
    options = { directory: directory.path, path: FIXTURE_FILE, logger: silentLogger };
  });
  const launched: PluginProcess[] = [];
  const launch = async (change: Partial<typeof options> = {}) => {
    const plugin = await PluginProcess.launch({ ...options, ...change });
    launched.push(plugin);
    return plugin;
  };
  after(async () => {
    await Promise.all(launched.map((plugin) => plugin.kill()));
    await directory[Symbol.asyncDispose]();
  });

  it('serves many databases, each with its own state, and ends with the last', async () => {
    const plugin = await launch();
    assert.equal(plugin.multiplexing, true);
    assert.equal(await plugin.version(), 'v1.2.3');
    const [one, two] = [plugin.open(), plugin.open()];
    await one.initialize({ config: { host: 'first' }, verifyConnection: false });
    await assert.rejects(two.newUser(newUser('a')), /rpc error: code = Unknown desc = no database instance found$/);
    await two.initialize({ config: { host: 'second' }, verifyConnection: false });
    assert.equal(await one.newUser(newUser('a')), 'v-d-a-first');
    assert.equal(await two.newUser(newUser('a')), 'v-d-a-second');
    await one.close();
    await assert.rejects(one.newUser(newUser('b')), /no database instance found/);
    assert.equal(await two.newUser(newUser('b')), 'v-d-b-second');
    assert.equal(plugin.exited, false);
    await two.close();
    assert.equal(plugin.exited, true);
  });

  it('serves one database when it is not multiplexed', async () => {
    const plugin = await launch({ multiplexing: false });
    assert.equal(plugin.multiplexing, false);
    assert.equal(await plugin.version(), 'v1.2.3');
    const database = plugin.open();
    assert.throws(() => plugin.open(), /serves one database only/);
    assert.equal(await database.type(), 'memory');
    await database.close();
    assert.equal(plugin.exited, true);
  });

  it('crashes recognisably: during a call, after it, and can be started again', async () => {
    const plugin = await launch();
    const database = plugin.open();
    await database.initialize({ config: { host: 'h' }, verifyConnection: false });
    let exits = 0;
    plugin.onExit(() => exits++);
    await assert.rejects(
      database.newUser(newUser('a', ['CRASH'])),
      (e) => isPluginGone(e) && e.outcomeUnknown && e.code === 'unavailable',
    );
    await assert.rejects(database.newUser(newUser('a')), (e) => isPluginGone(e) && !e.outcomeUnknown);
    assert.equal(plugin.exited, true);
    assert.equal(exits, 1);
    await database.close();

    const again = await launch();
    const replacement = again.open();
    await replacement.initialize({ config: { host: 'h' }, verifyConnection: false });
    assert.equal(await replacement.newUser(newUser('a')), 'v-d-a-h');
    await replacement.close();
  });

  it('gives up on a call that is never answered, and goes on', async () => {
    const plugin = await launch({ callDeadlineMs: 2_000 });
    const database = plugin.open();
    await database.initialize({ config: { host: 'h' }, verifyConnection: false });
    const never = { statements: ['NEVER'] };
    const late = /rpc error: code = DeadlineExceeded .*: the plugin gave no answer in 2 s, so the outcome is unknown$/;
    for (const call of [
      () => database.newUser(newUser('a', ['NEVER'])),
      () => database.updateUser({ username: 'u', password: { newPassword: new Secret('one-pass'), ...never } }),
      () => database.deleteUser({ username: 'u', ...never }),
    ]) {
      await assert.rejects(
        call(),
        (e) => isCofferError(e, 'unavailable') && late.test(e.message) && isOutcomeUnknown(e),
      );
    }
    assert.equal(await database.newUser(newUser('a')), 'v-d-a-h');
    assert.equal(plugin.exited, false);
    await database.close();
  });

  it('ends a process that hangs', async () => {
    const plugin = await launch({ callDeadlineMs: 2_000 });
    const database = plugin.open();
    await database.initialize({ config: { host: 'h' }, verifyConnection: false });
    await assert.rejects(
      database.newUser(newUser('a', ['STOP'])),
      (e) =>
        isPluginGone(e) && isOutcomeUnknown(e) && /the plugin process stopped answering and was ended/.test(e.message),
    );
    assert.equal(plugin.exited, true);
    await assert.rejects(database.newUser(newUser('a')), (e) => isPluginGone(e) && !isOutcomeUnknown(e));
    await database.close();
  });

  it('answers undefined for a name when the plugin has no such thing', async () => {
    const plugin = await launch({ env: { FIXTURE_NAMING: 'off' } });
    const database = plugin.open();
    await database.initialize({ config: { host: 'h' }, verifyConnection: false });
    const config = { displayName: 'd', roleName: 'r' };
    assert.equal(await database.nameUser?.(config), undefined);
    assert.equal(await database.nameUser?.(config), undefined);
    assert.equal(await database.newUser(newUser('r')), 'v-d-r-h');
    await database.close();
  });

  it('fails a message that is too large, and goes on', async () => {
    const plugin = await launch();
    const database = plugin.open();
    await database.initialize({ config: { host: 'h' }, verifyConnection: false });
    const statements = ['x'.repeat(5 * 1024 * 1024)];
    await assert.rejects(
      database.newUser(newUser('a', statements)),
      /unable to create new user: rpc error: code = ResourceExhausted/,
    );
    assert.equal(await database.newUser(newUser('a')), 'v-d-a-h');
    await database.close();
  });

  it('logs in the plugin what is masked for the host, without the password', async () => {
    const entries: LogEntry[] = [];
    const logger = createLogger('test', 'trace', (entry) => entries.push(entry));
    const plugin = await launch({ logger });
    const database = plugin.open();
    await database.initialize({ config: { host: 'h' }, verifyConnection: false });
    await assert.rejects(database.newUser(newUser('a', ['BUG'])), /internal error$/);
    await database.close();
    const logged = entries.find((entry) => entry.level === 'error' && entry.message === 'unexpected failure');
    assert.equal(logged?.fields['error'], "syntax error in: CREATE ROLE PASSWORD '[password]'");
  });
});
