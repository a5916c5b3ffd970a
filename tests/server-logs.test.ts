/** The log of a running server: its levels, its formats, its file, and who reads along. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { eventually } from '@coffer/testkit';
import { cleanEnvironment, COFFER, coffer } from './coffer-process.ts';
import { DurableHome, type DurableServer, initialize, unseal } from './durable-process.ts';

describe('the log of a server', () => {
  let home: DurableHome;
  let server: DurableServer;
  let root: string;
  let keys: readonly string[];
  const configure = (level: string, more = ''): Promise<void> =>
    home.configure(
      `${home.fileStorage}\nui = true\nlog_level = "${level}"\nlog_format = "json"\nlog_file = "${home.path('server.log')}"
       pid_file = "${home.path('pid')}"\n${more}`,
    );
  const lines = async (): Promise<Record<string, unknown>[]> =>
    (await readFile(home.path('server.log'), 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  const messages = async () => (await lines()).map((line) => line['@message']);
  const hangUp = async (expected: string): Promise<void> => {
    const former = (await messages()).filter((message) => message === expected).length;
    process.kill(server.child.pid ?? 0, 'SIGHUP');
    await eventually(
      async () => (await messages()).filter((message) => message === expected).length > former,
      expected,
    );
  };

  before(async () => {
    home = await DurableHome.make();
    await configure('debug');
    server = await home.start([]);
    ({ root_token: root, unseal_keys_b64: keys } = await initialize(server, 1, 1));
    await unseal(server, keys);
  });
  after(() => home.remove());

  it('is JSON, also in its file, with a name in each line, and warns of keys without effect', async () => {
    const found = await lines();
    for (const line of found) {
      assert.match(String(line['@module']), /./);
      assert.match(String(line['@timestamp']), /^\d{4}-.*Z$/);
    }
    assert.ok(
      found.some(
        (line) => /coffer\.hcl:3:1: "ui" has no effect/.test(String(line['@message'])) && line['@level'] === 'warn',
      ),
    );
    assert.equal(await readFile(home.path('pid'), 'utf8'), String(server.child.pid));
  });

  it('has one line for each request at debug, and nothing of what was sent or answered', async () => {
    const secret = 'hunter2-hunter2';
    await server
      .client(root)
      .write('sys/policies/acl/mine', { policy: `# ${secret}\npath "a/b" { capabilities = ["read"] }` });
    await assert.rejects(server.client('s.wrong').read(`sys/policies/acl/${secret}x`.replace(secret, 'other')));
    const lastTwo = async () => (await lines()).filter((line) => line['@message'] === 'completed_request').slice(-2);
    // A line is written when the answer is on its way.
    await eventually(
      async () => (await lastTwo())[1]?.['path'] === 'sys/policies/acl/otherx',
      'the last line is there',
    );
    const [written, denied] = await lastTwo();
    assert.deepEqual(
      [written?.['path'], written?.['operation'], written?.['status']],
      ['sys/policies/acl/mine', 'update', 204],
    );
    assert.deepEqual(
      [denied?.['path'], denied?.['operation'], denied?.['status']],
      ['sys/policies/acl/otherx', 'read', 403],
    );
    assert.match(String(written?.['id']), /^[0-9a-f-]{36}$/);
    assert.equal(typeof written?.['ms'], 'number');
    const text = await readFile(home.path('server.log'), 'utf8');
    for (const each of [secret, root, ...keys]) assert.ok(!text.includes(each) && !server.output().includes(each));
  });

  it('has levels that are read and set while it runs, one by one and all at once', async () => {
    const client = server.client(root);
    const level = async (name: string) => (await client.read(`sys/loggers/${name}`))?.data;
    const all = (await client.read('sys/loggers'))?.data ?? {};
    assert.ok(Object.keys(all).length > 5 && !Object.keys(all).includes(''));
    assert.equal(all['core'], 'debug');
    await client.write('sys/loggers/core', { level: 'warning' });
    assert.deepEqual(
      [await level('core'), await level('request'), await level('none')],
      [{ core: 'warn' }, { request: 'debug' }, {}],
    );
    await client.delete('sys/loggers/core');
    assert.deepEqual(await level('core'), { core: 'debug' });
    await client.write('sys/loggers', { level: 'error' });
    assert.deepEqual(await level('core'), { core: 'error' });
    await client.delete('sys/loggers');
    assert.deepEqual(await level('core'), { core: 'debug' });
    for (const [path, body, message] of [
      ['sys/loggers', {}, /level is required/],
      ['sys/loggers', { level: '' }, /level is empty/],
      ['sys/loggers/core', { level: 'loud' }, /invalid level provided: unknown log level: loud/],
      ['sys/loggers/none', { level: 'info' }, /logger "none" not found/],
    ] as const) {
      await assert.rejects(client.write(path, body), message);
    }
    await assert.rejects(client.delete('sys/loggers/none'), /logger "none" not found/);
  });

  it('is read along by those who may, at a level of their own', async () => {
    const monitor = spawn(COFFER, ['monitor', '-log-level=debug'], {
      env: cleanEnvironment({ VAULT_ADDR: server.address, VAULT_TOKEN: root }),
    });
    let seen = '';
    monitor.stdout.on('data', (chunk: Buffer) => (seen += chunk.toString()));
    await server.client(root).write('sys/loggers', { level: 'error' });
    await eventually(async () => {
      await server.client(root).read('sys/policies/acl/mine');
      return /\[DEBUG\] request: completed_request: id=\S+ path=sys\/policies\/acl\/mine operation=read status=200 ms=\d+\n/.test(
        seen,
      );
    }, 'a line of a level that the server does not log');
    await server.client(root).delete('sys/loggers');
    monitor.kill('SIGINT');
    assert.deepEqual(await once(monitor, 'close'), [0, null]);

    const env = { VAULT_ADDR: server.address, VAULT_TOKEN: root };
    for (const [args, exit, message] of [
      [['-log-level=loud'], 1, /loud is an unknown log level/],
      [['-log-format=xml'], 1, /xml is an unknown log format/],
    ] as const) {
      const ran = await coffer(['monitor', ...args], { env });
      assert.deepEqual([ran.exit, message.test(ran.stderr)], [exit, true], ran.stderr);
    }
    const denied = await coffer(['monitor'], { env: { ...env, VAULT_TOKEN: 's.wrong' } });
    assert.deepEqual([denied.exit, /permission denied/.test(denied.stderr)], [1, true], denied.stderr);
    await assert.rejects(server.client(root).read('sys/monitor', { log_level: 'loud' }), /unknown log level/);
    await assert.rejects(server.client(root).read('sys/monitor', { log_format: 'xml' }), /unknown log format/);
  });

  it('is streamed to a limited number, and to nobody whose token has ended', async () => {
    const made = await server.client(root).write('auth/token/create', { policies: ['root'] });
    const token = String(made?.auth?.clientToken ?? '');
    const over = new AbortController();
    const open: AsyncIterator<Uint8Array>[] = [];
    for (let count = 0; count < 16; count++) {
      const stream = await server.client(token).stream('sys/monitor', { log_level: 'error' }, over.signal);
      open.push(stream[Symbol.asyncIterator]());
    }
    await assert.rejects(server.client(root).stream('sys/monitor'), /already streamed to 16 clients/);
    await server.client(root).write('auth/token/revoke', { token });
    const ended = await Promise.all(open.map((stream) => stream.next()));
    assert.ok(ended.every(({ done }) => done === true));
    over.abort();
  });

  it('has the level of the file again after SIGHUP, in a file that was opened anew', async () => {
    const client = server.client(root);
    await configure('warn');
    await writeFile(home.path('server.log'), '');
    process.kill(server.child.pid ?? 0, 'SIGHUP');
    await eventually(async () => (await client.read('sys/loggers/core'))?.data?.['core'] === 'warn', 'the level');
    await configure('info', 'log_requests_level = "info"');
    await hangUp('log level set from the configuration');
    const said = await messages();
    for (const message of ['reloaded the configuration', 'reopened the log file'])
      assert.ok(said.includes(message), message);
    await client.read('sys/loggers');
    assert.equal((await lines()).at(-1)?.['@message'], 'completed_request', 'logged at info now');

    await configure('trace', 'log_requests_level = "off"');
    await hangUp('log level set from the configuration');
    const before = (await messages()).filter((message) => message === 'completed_request').length;
    await client.read('sys/loggers');
    assert.equal(await client.read('nothing/there'), undefined);
    assert.equal((await messages()).filter((message) => message === 'completed_request').length, before);

    await configure('quiet');
    await hangUp('failed to reload the configuration; the previous settings stay in force');
    assert.match(String((await lines()).at(-1)?.['error']), /"log_level" must be one of/);
    await assert.rejects(
      client.write('sys/config/reload/log'),
      /failed to reload the configuration.*"log_level" must be one of/s,
    );
    await configure('debug');
    await client.write('sys/config/reload/log');
    assert.equal((await client.read('sys/loggers/core'))?.data?.['core'], 'debug');
    for (const part of ['all', 'listener']) await client.write(`sys/config/reload/${part}`);
    await assert.rejects(client.write('sys/config/reload/license'), /unsupported path/);
    const shown = (await client.read('sys/config/state/sanitized'))?.data;
    assert.deepEqual([shown?.['log_format'], shown?.['enable_ui']], ['json', true]);
  });

  it('ends for those who read along when the seal closes, and its pid file goes with the server', async () => {
    const stream = await server.client(root).stream('sys/monitor');
    let seen = '';
    const read = (async () => {
      for await (const chunk of stream) seen += Buffer.from(chunk).toString();
    })();
    await server.client(root).write('sys/seal');
    await read;
    assert.match(seen, /core received sealed state change, ending monitor session$/);
    await unseal(server, keys);
    const last = await server.client(root).stream('sys/monitor');
    const ended = (async () => {
      for await (const chunk of last) assert.ok(chunk.length >= 0);
    })();
    assert.equal(await server.stop('SIGTERM'), 0);
    await ended;
    await assert.rejects(readFile(home.path('pid')), { code: 'ENOENT' });
  });
});
