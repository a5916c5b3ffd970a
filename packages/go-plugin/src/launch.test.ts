import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFile, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { isCofferError, silentLogger } from '@coffer/base';
import { eventually } from '@coffer/testkit';
import { FIXTURE_COOKIE, FIXTURE_FILE, isRunning, pluginDirectory, recordingLogger } from './launch-fixture.ts';
import { Health, HealthCheckResponse_ServingStatus } from './gen/health_pb.ts';
import { GrpcError, grpcStatus } from './grpc-error.ts';
import { launch, type LaunchOptions } from './launch.ts';
import type { PluginClient } from './plugin-client.ts';
import { isPluginGone } from './plugin-gone.ts';

const hasStatus = (code: grpcStatus) => (error: unknown) => error instanceof GrpcError && error.code === code;

describe('launch', () => {
  let directory: Awaited<ReturnType<typeof pluginDirectory>>;
  let options: LaunchOptions;
  let temporary = '';
  const launched: PluginClient[] = [];
  const start = async (change: Partial<LaunchOptions> = {}) => {
    const plugin = await launch({ ...options, ...change });
    launched.push(plugin);
    return plugin;
  };
  before(async () => {
    temporary = await mkdtemp(join(tmpdir(), 'coffer-launch-'));
    directory = await pluginDirectory();
    options = {
      directory: directory.path,
      path: FIXTURE_FILE,
      cookie: FIXTURE_COOKIE,
      protocolVersions: [5, 6],
      logger: silentLogger,
    };
    // From here on, so that only sockets are in it.
    process.env['TMPDIR'] = temporary;
  });
  after(async () => {
    await Promise.all(launched.map((plugin) => plugin.kill()));
    await directory[Symbol.asyncDispose]();
    await rm(temporary, { recursive: true });
  });

  it('connects under the newest common version, and Shutdown ends the process without force', async () => {
    const { logger, entries } = recordingLogger();
    const sha256 = createHash('sha256')
      .update(await readFile(directory.file))
      .digest('hex');
    const plugin = await start({ logger, sha256 });
    assert.equal(plugin.protocolVersion, 6);
    assert.equal(plugin.multiplexing, true);
    const health = await plugin.call(Health.method.check, { service: 'plugin' });
    assert.equal(health.status, HealthCheckResponse_ServingStatus.SERVING);
    await assert.rejects(plugin.call(Health.method.check, { service: 'other' }), hasStatus(grpcStatus.NOT_FOUND));

    const exits: string[] = [];
    plugin.onExit(() => exits.push('exit'));
    await Promise.all([plugin.kill(), plugin.kill()]);
    assert.equal(await isRunning(plugin.pid), false);
    assert.deepEqual(exits, ['exit']);
    assert.equal(entries.find((entry) => entry.message === 'plugin process exited')?.level, 'debug');
    assert.equal(
      entries.some((entry) => entry.message === 'plugin failed to exit gracefully'),
      false,
    );
    await eventually(async () => (await readdir(temporary)).length === 0, 'the socket is removed');
    await assert.rejects(plugin.call(Health.method.check, {}), (e) => isPluginGone(e) && !e.outcomeUnknown);
  });

  it('speaks version 5 with a host that has no other', async () => {
    const plugin = await start({ protocolVersions: [5] });
    assert.equal(plugin.protocolVersion, 5);
    assert.equal(plugin.multiplexing, false);
    await plugin.kill();
  });

  it('gets the plugin log at its levels, and what the plugin prints', async () => {
    const { logger, entries } = recordingLogger();
    const plugin = await start({ logger });
    await eventually(() => entries.some((entry) => entry.message.includes('printed after')), 'the printed line');
    await plugin.kill();
    for (const level of ['trace', 'debug', 'info', 'warn', 'error']) {
      const entry = entries.find((candidate) => candidate.message === `a line at ${level}`);
      assert.equal(entry?.level, level);
      assert.equal(entry?.fields['attempt'], 7);
      assert.equal(entry?.module, `test.${FIXTURE_FILE}`);
    }
  });

  it('sees a crash, and the plugin can be started again', async () => {
    const { logger, entries } = recordingLogger();
    const plugin = await start({ logger });
    process.kill(plugin.pid, 'SIGKILL');
    await new Promise<void>((done) => plugin.onExit(done));
    assert.equal(plugin.exited, true);
    await assert.rejects(
      plugin.call(Health.method.check, {}),
      (e) => isPluginGone(e) && e.code === 'unavailable' && e.message.endsWith('(signal SIGKILL)'),
    );
    const end = entries.find((entry) => entry.message === 'plugin process exited');
    assert.deepEqual([end?.level, end?.fields['signal']], ['error', 'SIGKILL']);
    await plugin.kill();
    const again = await start();
    assert.notEqual(again.pid, plugin.pid);
    await again.call(Health.method.check, {});
    await again.kill();
  });

  it('refuses a message over 4 MiB and goes on', async () => {
    const plugin = await start();
    const service = 'x'.repeat(4 * 1024 * 1024);
    await assert.rejects(plugin.call(Health.method.check, { service }), hasStatus(grpcStatus.RESOURCE_EXHAUSTED));
    await assert.rejects(
      plugin.call(Health.method.check, { service: service.slice(100) }),
      hasStatus(grpcStatus.NOT_FOUND),
    );
    await plugin.kill();
  });

  it('kills a plugin that does not end by itself', async () => {
    const { logger, entries } = recordingLogger();
    const plugin = await start({ logger, env: { FIXTURE_BEHAVIOUR: 'stubborn' } });
    await plugin.kill();
    assert.equal(await isRunning(plugin.pid), false);
    assert.ok(entries.some((entry) => entry.level === 'warn' && entry.message === 'plugin failed to exit gracefully'));
  });

  it('says why a plugin did not start', async () => {
    const cases: [Partial<LaunchOptions>, RegExp][] = [
      [{ env: { FIXTURE_BEHAVIOUR: 'garbage' } }, /Unrecognized remote plugin message: hello, I am no plugin/],
      [
        { env: { FIXTURE_BEHAVIOUR: 'no-license' } },
        /plugin exited before we could connect \(exit 3\).*no license found/,
      ],
      [{ env: { FIXTURE_BEHAVIOUR: 'silent' }, startTimeoutMs: 1500 }, /timeout while waiting for plugin to start/],
      [{ protocolVersions: [4] }, /Incompatible API version with plugin\. Plugin version: 5, Client versions: \[4\]/],
      [{ cookie: { key: 'OTHER', value: 'x' } }, /exit 1.*This binary is a plugin/],
      [{ sha256: '00'.repeat(32) }, /^checksums did not match$/],
      [{ path: 'no-loader' }, /no such file or directory: the file is there, but not the loader or interpreter/],
      [{ path: 'link' }, /^cannot execute files outside of configured plugin directory$/],
    ];
    await symlink(process.execPath, join(directory.path, 'link'));
    await writeFile(join(directory.path, 'no-loader'), '#!/no/such/interpreter\n', { mode: 0o755 });
    for (const [change, message] of cases) {
      await assert.rejects(
        start(change),
        (e) => isCofferError(e, 'failed') && message.test(e.message.replaceAll('\n', ' ')),
        String(message),
      );
    }
  });

  it('gives a plugin a few variables and those that are meant for it, and nothing else of its own', async () => {
    const secrets: Readonly<Record<string, string>> = {
      VAULT_TOKEN: 'secret',
      COFFER_UNSEAL_KEY: 'secret',
      AWS_SECRET_ACCESS_KEY: 'secret',
      PGPASSWORD: 'secret',
      NODE_OPTIONS: '',
      NODE_EXTRA_CA_CERTS: '/secret',
      LD_LIBRARY_PATH: '/secret',
      path: 'secret',
      PATHS: 'secret',
      XLC_ALL: 'secret',
      MY_HTTP_PROXY: 'secret',
      '': 'secret',
    };
    const passedOn = { LC_MESSAGES: 'C', TZ: 'UTC', SSL_CERT_FILE: '/certs', https_proxy: 'http://p', NO_PROXY: 'x' };
    const report = join(temporary, 'environment');
    await using own = await pluginDirectory();
    await writeFile(own.file, `#!${process.execPath}\n`, { mode: 0o755 });
    await appendFile(
      own.file,
      'await import("node:fs").then((fs) => fs.writeFileSync(process.env.REPORT, JSON.stringify(process.env)));\n',
    );
    const before = { ...process.env };
    Object.assign(process.env, secrets, passedOn);
    try {
      await assert.rejects(start({ directory: own.path, env: { REPORT: report, TZ: 'Europe/Oslo' } }));
    } finally {
      for (const name of Object.keys({ ...secrets, ...passedOn })) {
        if (before[name] === undefined) delete process.env[name];
        else process.env[name] = before[name];
      }
    }
    const seen = JSON.parse(await readFile(report, 'utf8')) as Record<string, string>;
    for (const name of Object.keys(secrets)) assert.equal(seen[name], undefined, name);
    assert.ok(!JSON.stringify(seen).includes('secret'));
    assert.deepEqual({ ...seen, ...passedOn, TZ: 'Europe/Oslo' }, seen);
    assert.equal(seen['PATH'], process.env['PATH']);
    assert.equal(seen['PLUGIN_PROTOCOL_VERSIONS'], '5,6');
    await rm(report);
  });

  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    it(`leaves no plugin behind when the host ends by ${signal}`, async () => {
      const host = spawn(process.execPath, [join(import.meta.dirname, 'host-fixture.ts'), directory.path], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const pid = await new Promise<number>((done) => {
        host.stdout.once('data', (line: Buffer) => done(Number(line.toString())));
      });
      assert.equal(await isRunning(pid), true);
      host.kill(signal);
      await eventually(async () => !(await isRunning(pid)), 'the orphan ended');
    });
  }

  it('leaves nothing in the temporary directory when it ends in order', async () => {
    const own = await mkdtemp(join(temporary, 'own-'));
    const host = spawn(process.execPath, [join(import.meta.dirname, 'host-fixture.ts'), directory.path], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, TMPDIR: own },
    });
    await new Promise((done) => host.stdout.once('data', done));
    assert.equal((await readdir(own)).length, 1);
    host.kill('SIGTERM');
    await new Promise((done) => host.once('exit', done));
    assert.deepEqual(await readdir(own), []);
  });
});
