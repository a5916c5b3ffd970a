/** Audit devices of the configuration, over the built server: where they write, SIGHUP, seals and restarts. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { eventually } from '@coffer/testkit';
import { apiAt, textOf } from '../auth/api.ts';
import { startServer } from '../coffer-process.ts';
import { DurableHome, type DurableServer, type Initialized, initialize, unseal } from '../durable-process.ts';

describe('audit devices of the configuration', () => {
  let home: DurableHome;
  let server: DurableServer;
  let keys: readonly string[];
  let root: string;
  const pathsIn = (name: string): string[] =>
    readFileSync(home.path(name), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => (JSON.parse(line) as { request: { path: string } }).request.path);
  const api = () => apiAt(server.address, root);

  const stanzas = (more = '') => `${home.fileStorage}
    audit "file" {
      file_path = ${JSON.stringify(home.path('short.log'))}
    }
    audit "file" "own/file" {
      description = "the second"
      options { file_path = ${JSON.stringify(home.path('long.log'))}, mode = "0640" }
    }
    audit "file" "stdout" { options { file_path = "stdout" } }
    ${more}`;

  before(async () => {
    home = await DurableHome.make();
    await home.configure(stanzas());
    server = await home.start();
    const { unseal_keys_b64, root_token } = await initialize(server, 1, 1);
    keys = unseal_keys_b64;
    root = root_token;
    await unseal(server, keys);
  });
  after(() => home.remove());

  it('write from the first request on, to files with their modes and to standard output', async () => {
    await api().ok('GET', 'sys/mounts');
    for (const name of ['short.log', 'long.log']) assert.deepEqual(pathsIn(name), ['sys/mounts', 'sys/mounts']);
    assert.equal(statSync(home.path('short.log')).mode & 0o777, 0o600);
    assert.equal(statSync(home.path('long.log')).mode & 0o777, 0o640);
    await eventually(() => server.output().includes('"path":"sys/mounts"'), 'no line on standard output');
    assert.ok(!readFileSync(home.path('short.log'), 'utf8').includes(root));
  });

  it('are listed, and cannot be disabled or taken by the API', async () => {
    const { data } = await api().ok('GET', 'sys/audit');
    assert.deepEqual(Object.keys(data).sort(), ['file/', 'own/file/', 'stdout/']);
    await api().refused([400, 'cannot disable configuration-managed audit device'], 'DELETE', 'sys/audit/file');
    await api().refused([400, 'path already in use'], 'PUT', 'sys/audit/own', { type: 'file' });
  });

  it('may not be where the server keeps what is its own', async () => {
    for (const name of ['data/x.log', 'data/coffer.db', 'data/coffer.db-wal']) {
      for (const more of [{}, { skip_test: 'true' }, { skip_test: true, mode: '0640' }]) {
        const options = { file_path: home.path(name), ...more };
        await api().refused([400, /is in a directory of the server's own/], 'PUT', 'sys/audit/x', {
          type: 'file',
          options,
        });
      }
    }
    const foreign = { file_path: home.path('coffer.hcl'), skip_test: 'true' };
    await api().refused([400, /is one of the server's own/], 'PUT', 'sys/audit/x', { type: 'file', options: foreign });
    assert.ok(!existsSync(home.path('data/x.log')));
  });

  it('may not be what the server reads or writes otherwise, by whatever name', async () => {
    const other = await DurableHome.make();
    const own = await mkdtemp(join(tmpdir(), 'coffer-own-'));
    const at = (name: string): string => join(own, name);
    try {
      for (const name of ['conf.d', 'plugins', 'logs', 'free']) mkdirSync(at(name));
      await symlink(own, at('free/round'));
      await symlink(at('conf.d/by-link.json'), at('free/dangling'));
      await symlink(at('pid'), at('free/to-pid'));
      await other.configure(`${other.fileStorage}
        plugin_directory = ${JSON.stringify(at('plugins'))}
        pid_file = ${JSON.stringify(at('pid'))}
        log_file = ${JSON.stringify(`${at('logs')}/`)}
        log_level = "error"`);
      writeFileSync(
        at('conf.d/more.hcl'),
        `listener "unix" { address = ${JSON.stringify(at('socket'))} }\nseal "static" {
          current_key_id = "1"
          current_key = "file://${at('key')}"
        }`,
      );
      writeFileSync(at('key'), Buffer.alloc(32, 7).toString('base64'));
      const started = await other.start([`-config=${at('conf.d')}`]);
      const { root_token } = JSON.parse(
        (await started.run(['operator', 'init', '-format=json'])).stdout,
      ) as Initialized;
      const asked = apiAt(started.address, root_token);
      const refused = (path: string, why: RegExp) =>
        asked.refused([400, why], 'PUT', 'sys/audit/x', {
          type: 'file',
          options: { file_path: path },
        });
      const isOwn = /^audit backend failed test message: .*(?:is one of|is in a directory of) the server's own/;
      for (const name of [
        'conf.d/new.json',
        'conf.d/more.hcl',
        'plugins/x',
        'pid',
        'logs/vault.log',
        'logs/vault-1796000000000000000.log',
        'socket',
        'key',
      ]) {
        for (const path of [at(name), `${own}/free/../${name}`, at(`free/round/${name}`)]) await refused(path, isOwn);
      }
      await refused(at('free/to-pid'), isOwn);
      await refused(`/proc/${started.child.pid}/cwd/coffer.hcl`, isOwn);
      await refused(other.path('coffer.hcl'), isOwn);
      await refused(at('free/dangling'), /EEXIST/);
      for (const name of ['conf.d/new.json', 'conf.d/by-link.json', 'plugins/x'])
        assert.ok(!existsSync(at(name)), name);
      assert.equal(readFileSync(at('pid'), 'utf8'), String(started.child.pid));
      assert.doesNotMatch(readFileSync(at('logs/vault.log'), 'utf8'), /^\{/m);
      const sound = { type: 'file', options: { file_path: at('logs/audit.log') } };
      await asked.ok('PUT', 'sys/audit/x', sound);
      const alike = { type: 'file', options: { file_path: at('logs/vault-179600000000000000.log') } };
      await asked.ok('PUT', 'sys/audit/y', alike);
    } finally {
      await other.remove();
      await rm(own, { recursive: true, force: true });
    }
  });

  it('open their files again at SIGHUP, and follow the configuration', async () => {
    renameSync(home.path('short.log'), home.path('short.log.1'));
    await home.configure(stanzas(`audit "file" "new" { file_path = ${JSON.stringify(home.path('new.log'))} }`));
    server.child.kill('SIGHUP');
    await eventually(
      () => existsSync(home.path('short.log')) && existsSync(home.path('new.log')),
      'the files are not there',
    );
    await eventually(async () => Object.hasOwn((await api().ok('GET', 'sys/audit')).data, 'new/'), 'not enabled');
    await api().ok('GET', 'sys/policy');
    assert.equal(pathsIn('short.log').at(-1), 'sys/policy');
    assert.equal(pathsIn('new.log').at(-1), 'sys/policy');
    assert.ok(!pathsIn('short.log.1').includes('sys/policy'));
    await home.configure(stanzas());
    server.child.kill('SIGHUP');
    await eventually(async () => !Object.hasOwn((await api().ok('GET', 'sys/audit')).data, 'new/'), 'still there');
  });

  it('hash as before after a restart, as those of the API do, which are there again', async () => {
    await api().ok('PUT', 'sys/audit/api', { type: 'file', options: { file_path: home.path('api.log') } });
    const hashes = async () =>
      Promise.all(
        ['file', 'api'].map(async (name) =>
          textOf((await api().ok('PUT', `sys/audit-hash/${name}`, { input: 'x' })).data['hash']),
        ),
      );
    const before = await hashes();
    await server.stop('SIGTERM');
    server = await home.start();
    await unseal(server, keys);
    assert.deepEqual(await hashes(), before);
    assert.equal(pathsIn('api.log').at(-1), 'sys/audit-hash/api');
    const { data } = await api().ok('GET', 'sys/audit');
    assert.deepEqual(Object.keys(data), ['api/', 'file/', 'own/file/', 'stdout/']);
    await api().ok('DELETE', 'sys/audit/api');
  });

  it('have both lines of the request that seals', async () => {
    await api().ok('PUT', 'sys/seal');
    assert.deepEqual(pathsIn('short.log').slice(-2), ['sys/seal', 'sys/seal']);
    const before = pathsIn('short.log').length;
    for (const path of ['sys/mounts', 'sys/audit', 'sys/metrics']) {
      assert.equal((await api()('GET', path)).status, 503, path);
    }
    assert.equal(pathsIn('short.log').length, before, 'what a sealed server refuses has no line: the salts are sealed');
    await unseal(server, keys);
    await api().ok('GET', 'sys/mounts');
    assert.equal(pathsIn('short.log').at(-1), 'sys/mounts');
    assert.equal((await api().ok('GET', 'sys/metrics')).status, 200);
  });

  for (const [what, stanza, message] of [
    ['an unknown type', 'audit "syslog" "x" {}', /"syslog" is not supported/],
    ['no path', 'audit "file" "x" {}', /file_path is required/],
    [
      'an unknown option',
      'audit "file" "x" { options { file_path = "/tmp/x", log_row = true } }',
      /did you mean "log_raw"/,
    ],
    ['a prefix', 'audit "file" "x" { options { file_path = "/tmp/x", prefix = "@" } }', /prefixing is not allowed/],
    [
      'the same path twice',
      'audit "file" "x" { file_path = "/tmp/x" }\naudit "file" "x" { file_path = "/tmp/y" }',
      /is already defined/,
    ],
    ['a relative path', 'audit "file" "x" { file_path = "audit.log" }', /audit\.log must be an absolute path/],
    [
      'neither true nor false',
      'audit "file" "x" { file_path = "/tmp/x", skip_test = "maybe" }',
      /"maybe": invalid syntax/,
    ],
    [
      'a file in the store',
      'audit "file" "x" { file_path = "HOME/data/x.log" }',
      /is in a directory of the server's own/,
    ],
    [
      'a file that it reads itself',
      'audit "file" "x" { file_path = "HOME/data/../coffer.hcl", skip_test = true }',
      /is one of the server's own/,
    ],
    [
      'a name that its log gets',
      'log_file = "HOME/own.log"\naudit "file" "x" { file_path = "HOME/own-1796000000000000000.log" }',
      /is one of the server's own: .*own\.log gets such a name when it is rotated/,
    ],
  ] as const) {
    it(`are refused with ${what}, by file and line`, async () => {
      const other = await DurableHome.make();
      try {
        await other.configure(`${other.fileStorage}\n${stanza.replaceAll('HOME', other.path('.'))}`);
        await assert.rejects(
          other.start(),
          (error: Error) => message.test(error.message) && /coffer\.hcl:\d+:\d+: /.test(error.message),
        );
      } finally {
        await other.remove();
      }
    });
  }

  it('of a development server are opened again at SIGHUP too, which does not end it', async () => {
    const file = home.path('dev.log');
    const dev = await startServer([`-log-file=${home.path('dev-server.log')}`]);
    try {
      const asked = apiAt(dev.address);
      await asked.ok('PUT', 'sys/audit/file', { type: 'file', options: { file_path: file } });
      for (const name of ['dev.log', 'dev-server.log']) renameSync(home.path(name), home.path(`${name}.1`));
      process.kill(dev.pid, 'SIGHUP');
      await eventually(() => existsSync(file) && existsSync(home.path('dev-server.log')), 'the files are not there');
      await asked.ok('GET', 'sys/mounts');
      assert.deepEqual(pathsIn('dev.log'), ['sys/mounts', 'sys/mounts']);
    } finally {
      assert.equal(await dev.stop(), 0);
    }
  });

  it('of the API can be forbidden, and given prefixes', async () => {
    const other = await DurableHome.make();
    try {
      const log = other.path('prefixed.log');
      writeFileSync(log, '');
      await other.configure(`${other.fileStorage}
        unsafe_allow_api_audit_creation = false
        allow_audit_log_prefixing = true
        audit "file" { file_path = ${JSON.stringify(log)}, prefix = "@cee: " }`);
      const started = await other.start();
      const { unseal_keys_b64, root_token } = await initialize(started, 1, 1);
      await unseal(started, unseal_keys_b64);
      const refusal = /^cannot enable audit device via API/;
      await apiAt(started.address, root_token).refused([400, refusal], 'PUT', 'sys/audit/x', { type: 'file' });
      assert.match(readFileSync(log, 'utf8'), /^@cee: \{"time":"/);
    } finally {
      await other.remove();
    }
  });
});
