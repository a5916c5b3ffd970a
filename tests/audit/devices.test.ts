/** Audit devices through the API: what they take, what they write, and what happens to requests when they fail. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { isJsonObject, type JsonObject } from '@coffer/base';
import { eventually } from '@coffer/testkit';
import { type Api, apiAt, textOf } from '../auth/api.ts';
import { startTestServer, type TestServer } from '../dev-server.ts';
import { Scrape } from '../metrics/scrape.ts';
import { type Collector, startCollector } from './collector.ts';

const POLICY = 'path "x" { capabilities = ["read"] }';
const directory = mkdtempSync(join(tmpdir(), 'coffer-audit-'));
const path = (name: string): string => join(directory, name);
const linesOf = (file: string): JsonObject[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as JsonObject);
const at = (line: JsonObject | undefined, ...names: string[]): unknown =>
  names.reduce<unknown>((value, name) => (isJsonObject(value) ? value[name] : undefined), line);

describe('audit devices', () => {
  let server: TestServer;
  let api: Api;
  const file = (options: JsonObject, type = 'file') => ({ type, options });

  const scrape = async (): Promise<Scrape> => {
    const headers = { 'x-vault-token': 'root' };
    return new Scrape(await (await fetch(`${server.address}/v1/sys/metrics?format=prometheus`, { headers })).text());
  };

  before(async () => {
    server = await startTestServer();
    api = apiAt(server.address);
  });
  afterEach(async () => {
    for (const device of Object.keys((await api('GET', 'sys/audit')).data))
      await api('DELETE', `sys/audit/${device.slice(0, -1)}`);
  });
  after(async () => {
    await server.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it('are enabled, listed and disabled', async () => {
    assert.deepEqual((await api.ok('GET', 'sys/audit')).data, {});
    const options = { file_path: path('listed.log'), log_raw: false };
    assert.equal(
      (await api.ok('PUT', 'sys/audit/a/b', { type: 'file', description: 'mine', local: true, options })).status,
      204,
    );
    const shown = {
      type: 'file',
      description: 'mine',
      local: true,
      path: 'a/b/',
      options: { ...options, log_raw: 'false' },
    };
    assert.deepEqual((await api.ok('GET', 'sys/audit')).data, { 'a/b/': shown });
    assert.deepEqual((await api.ok('GET', 'sys/audit')).body['a/b/'], shown);
    for (const clash of ['a', 'a/b', 'a/b/c'])
      await api.refused([400, 'path already in use'], 'PUT', `sys/audit/${clash}`, file(options));
    assert.equal((await api.ok('DELETE', 'sys/audit/a/b')).status, 204);
    assert.equal((await api.ok('DELETE', 'sys/audit/absent')).status, 204);
    assert.deepEqual((await api.ok('GET', 'sys/audit')).data, {});
    assert.equal(statSync(path('listed.log')).mode & 0o777, 0o600);
    const [first] = linesOf(path('listed.log'));
    assert.equal(at(first, 'request', 'path'), 'sys/audit/test');
  });

  for (const [what, body, error] of [
    ['no type', {}, 'unknown backend type: ""; known are file, socket'],
    ['another type', file({}, 'nope'), 'unknown backend type: "nope"; known are file, socket'],
    ['syslog', file({}, 'syslog'), /"syslog" is not supported/],
    ['no path', file({}), 'file_path is required'],
    ['no address', file({}, 'socket'), 'address is required'],
    ['a wrong mode', file({ file_path: path('x'), mode: 'zz' }), 'strconv.ParseUint: parsing "zz": invalid syntax'],
    ['a special mode', file({ file_path: path('x'), mode: '4600' }), 'file mode does not represent a regular file'],
    [
      'a wrong switch',
      file({ file_path: path('x'), log_raw: 'zz' }),
      'strconv.ParseBool: parsing "zz": invalid syntax',
    ],
    ['jsonx', file({ file_path: path('x'), format: 'jsonx' }), /^jsonx formatting has been removed/],
    ['another format', file({ file_path: path('x'), format: 'xml' }), 'unknown format type "xml"'],
    [
      'a misspelled option',
      file({ file_path: path('x'), log_row: 'true' }),
      /unknown option "log_row": did you mean "log_raw"/,
    ],
    ['a fallback', file({ file_path: path('x'), fallback: 'true' }), /"fallback" is not supported/],
    ['a filter', file({ file_path: path('x'), filter: 'a' }), /"filter" is not supported/],
    ['a prefix', file({ file_path: path('x'), prefix: '#!/bin/sh\n' }), 'audit log prefixing is not allowed'],
    ['udp', file({ address: '127.0.0.1:1', socket_type: 'udp' }, 'socket'), /"udp" is not supported/],
    ['no port', file({ address: 'collector' }, 'socket'), /must be HOST:PORT/],
    [
      'nobody who listens',
      file({ address: '127.0.0.1:1' }, 'socket'),
      /^audit backend failed test message: .*ECONNREFUSED/,
    ],
    ['a missing directory', file({ file_path: path('absent/x') }), /the directory .*absent does not exist/],
    ['a directory', file({ file_path: directory }), /^audit backend failed test message: /],
    ['a relative path', file({ file_path: 'x.log' }), /must be an absolute path/],
    ['mode 0000 without a file', file({ file_path: path('absent.log'), mode: '0000' }), /no such file/],
    ['a full disk', file({ file_path: '/dev/full' }), /ENOSPC/],
  ] as const) {
    it(`are refused with ${what}`, async () => {
      await api.refused([400, error], 'PUT', 'sys/audit/x', body);
      assert.ok(!existsSync(path('x')), 'nothing was made');
      assert.deepEqual((await api.ok('GET', 'sys/audit')).data, {});
    });
  }

  it('need sudo, but for a hash', async () => {
    const rules = 'path "sys/audit*" { capabilities = ["create", "read", "update", "delete"] }';
    await api.ok('PUT', 'sys/policies/acl/no-sudo', { policy: rules });
    const token = textOf((await api.ok('PUT', 'auth/token/create', { policies: ['no-sudo'] })).auth['client_token']);
    await api.ok('PUT', 'sys/audit/file', file({ file_path: path('sudo.log') }));
    for (const [method, asked] of [
      ['GET', 'sys/audit'],
      ['PUT', 'sys/audit/file'],
      ['DELETE', 'sys/audit/file'],
    ] as const) {
      await api.refused([403, /permission denied/], method, asked, method === 'PUT' ? file({}) : undefined, { token });
    }
    await api.refused([403, /permission denied/], 'GET', 'sys/config/auditing/request-headers', undefined, { token });
    await api.ok('PUT', 'sys/audit-hash/file', { input: 'x' }, { token });
  });

  for (const [what, content] of [
    ['a key', '-----BEGIN PRIVATE KEY-----\n'],
    ['a configuration', 'listener "tcp" {}\n'],
    ['a database', 'SQLite format 3\0'],
  ] as const) {
    it(`leave a file as it is that is ${what}, by its name and by a link`, async () => {
      const target = path('precious');
      writeFileSync(target, content, { mode: 0o600 });
      rmSync(path('link'), { force: true });
      symlinkSync(target, path('link'));
      for (const name of [target, path('link')]) {
        const asked = file({ file_path: name, mode: '0666' });
        await api.refused([400, /exists, and is not an audit log/], 'PUT', 'sys/audit/x', asked);
      }
      assert.equal(readFileSync(target, 'utf8'), content);
      assert.equal(statSync(target).mode & 0o777, 0o600);
    });
  }

  it('append to a log that is there, and set its mode without the bits that execute', async () => {
    const log = path('kept.log');
    writeFileSync(log, '{"time":"2026-01-01T00:00:00Z","type":"request"}\n');
    chmodSync(log, 0o600);
    await api.ok('PUT', 'sys/audit/file', file({ file_path: log, mode: '0777' }));
    assert.equal(statSync(log).mode & 0o777, 0o666);
    assert.equal(at(linesOf(log)[0], 'time'), '2026-01-01T00:00:00Z');
    await api.ok('DELETE', 'sys/audit/file');
    chmodSync(log, 0o640);
    await api.ok('PUT', 'sys/audit/file', file({ file_path: log, mode: '0000' }));
    assert.equal(statSync(log).mode & 0o777, 0o640);
  });

  it('hash every secret, each device in its own way, and sys/audit-hash finds it again', async () => {
    for (const name of ['one', 'two'])
      await api.ok('PUT', `sys/audit/${name}`, file({ file_path: path(`${name}.log`) }));
    await api.ok('PUT', 'sys/audit/raw', file({ file_path: path('raw.log'), log_raw: true }));
    await api('PUT', 'sys/auth/userpass', { type: 'userpass' });
    await api.ok('PUT', 'auth/userpass/users/eve', { password: 'pässword "of" eve' });
    const login = await api.ok('PUT', 'auth/userpass/login/eve', { password: 'pässword "of" eve' }, { token: '' });
    const token = textOf(login.auth['client_token']);
    const wrapped = await api.ok('PUT', 'auth/token/create', {}, { wrapTtl: '60' });
    const secrets = [
      'root',
      'pässword "of" eve',
      token,
      textOf(login.auth['accessor']),
      textOf(wrapped.wrapInfo['token']),
    ];
    const hashes: string[][] = [];
    for (const name of ['one', 'two']) {
      const text = readFileSync(path(`${name}.log`), 'utf8');
      const own: string[] = [];
      for (const secret of secrets) {
        if (secret !== 'root')
          assert.ok(!text.includes(JSON.stringify(secret).slice(1, -1)), `${name}.log has a secret`);
        own.push(textOf((await api.ok('PUT', `sys/audit-hash/${name}`, { input: secret })).data['hash']));
      }
      for (const hash of own)
        assert.ok(text.includes(hash) && /^hmac-sha256:[0-9a-f]{64}$/.test(hash), `${name}: ${hash}`);
      hashes.push(own);
    }
    assert.notDeepEqual(hashes[0], hashes[1]);
    const raw = readFileSync(path('raw.log'), 'utf8');
    for (const secret of secrets) assert.ok(raw.includes(JSON.stringify(secret).slice(1, -1)));
    await api.refused([400, 'unknown audit backend "nope/"'], 'PUT', 'sys/audit-hash/nope', { input: 'x' });
    await api.refused([400, 'the "input" parameter is empty'], 'PUT', 'sys/audit-hash/one', { input: '' });
  });

  it('say of a login whether its entity is new', async () => {
    await api('PUT', 'sys/auth/userpass', { type: 'userpass' });
    await api.ok('PUT', 'auth/userpass/users/new', { password: 'pw-new' });
    await api.ok('PUT', 'sys/audit/file', file({ file_path: path('entities.log') }));
    for (const isNew of [true, undefined, undefined]) {
      await api.ok('PUT', 'auth/userpass/login/new', { password: 'pw-new' }, { token: '' });
      const line = linesOf(path('entities.log')).at(-1);
      assert.equal(at(line, 'auth', 'entity_created'), isNew);
      assert.match(String(at(line, 'auth', 'entity_id')), /^[0-9a-f-]{36}$/);
      assert.equal(at(line, 'response', 'auth', 'entity_created'), undefined);
    }
  });

  it('show accessors and count lists when they are told to', async () => {
    const log = path('options.log');
    await api.ok(
      'PUT',
      'sys/audit/file',
      file({ file_path: log, hmac_accessor: 'false', elide_list_responses: 'true' }),
    );
    const { auth } = await api.ok('PUT', 'auth/token/create', {});
    const accessors = await api.ok('LIST', 'auth/token/accessors');
    const lines = linesOf(log).slice(-3);
    assert.equal(at(lines[0], 'response', 'auth', 'accessor'), auth['accessor']);
    assert.match(String(at(lines[0], 'response', 'auth', 'client_token')), /^hmac-/);
    assert.equal(at(lines[2], 'response', 'data', 'keys'), (accessors.data['keys'] as unknown as string[]).length);
  });

  it('say nothing of what everybody asks all the time', async () => {
    const log = path('status.log');
    await api.ok('PUT', 'sys/audit/file', file({ file_path: log }));
    const before = linesOf(log).length;
    for (const asked of ['sys/health', 'sys/seal-status', 'sys/leader', 'sys/init'])
      await api.ok('GET', asked, undefined, { token: '' });
    assert.equal(linesOf(log).length, before);
    await api.ok('GET', 'sys/internal/ui/mounts', undefined, { token: '' });
    assert.equal(linesOf(log).length, before + 2);
  });

  it('that all fail stop a request before anything is done, not even a use of its token', async () => {
    const { auth } = await api.ok('PUT', 'auth/token/create', { policies: ['root'], num_uses: 2 });
    const limited = { token: textOf(auth['client_token']) };
    const collector = await startCollector();
    await api.ok('PUT', 'sys/audit/sock', file({ address: collector.address, write_timeout: '1s' }, 'socket'));
    collector.stop();
    const refusal = [500, '1 error occurred:\n\t* internal error\n\n'] as const;
    await eventually(async () => (await api('GET', 'sys/mounts')).status === 500, 'the device still takes lines');
    await api.refused(refusal, 'PUT', 'sys/policies/acl/never-made', { policy: POLICY });
    for (let n = 0; n < 3; n++) await api.refused(refusal, 'GET', 'sys/mounts', undefined, limited);
    await api.refused(refusal, 'GET', 'sys/mounts', undefined, { token: 'hvs.nobodys' });
    await api.refused(refusal, 'GET', 'nothing/there');
    // Nor can it be disabled, as in Vault: whoever wants to do something unseen would begin with that.
    await api.refused(refusal, 'DELETE', 'sys/audit/sock');
    assert.equal((await api('GET', 'sys/health')).status, 200);
    assert.match(server.log(), /backend failed to log: .*sock\/.*ECONNREFUSED/);
    assert.match(server.log(), /failed to audit request: .*no audit backend succeeded in logging the request/);
    await collector.restart();
    await api.refused([404, ''], 'GET', 'sys/policies/acl/never-made');
    const metrics = await scrape();
    assert.equal(metrics.value('vault_audit_log_request_failure') >= 8, true);
    assert.equal(metrics.value('coffer_audit_device_failures_total', { device: 'sock/' }) >= 8, true);
    for (let n = 0; n < 2; n++) await api.ok('GET', 'sys/mounts', undefined, limited);
    await api.refused([403, 'permission denied'], 'GET', 'sys/mounts', undefined, limited);
    await api.ok('DELETE', 'sys/audit/sock');
    collector.stop();
  });

  it('that fail are no matter while another one takes the lines', async () => {
    await api.ok('PUT', 'sys/audit/file', file({ file_path: path('sound.log') }));
    await api.ok('PUT', 'sys/audit/full', file({ file_path: '/dev/full', skip_test: 'true' }));
    await api.ok('PUT', 'sys/policies/acl/made', { policy: POLICY });
    assert.equal(at(linesOf(path('sound.log')).at(-1), 'request', 'path'), 'sys/policies/acl/made');
    await api.ok('DELETE', 'sys/audit/full');
  });

  it('send to sockets, and connect again', async () => {
    const tcp = await startCollector();
    const unix = await startCollector(path('collector.sock'));
    await api.ok('PUT', 'sys/audit/tcp', file({ address: tcp.address }, 'socket'));
    await api.ok('PUT', 'sys/audit/unix', file({ address: unix.address, socket_type: 'unix' }, 'socket'));
    await api.ok('GET', 'sys/mounts');
    const paths = (collector: Collector) =>
      collector.lines().map((line) => at(JSON.parse(line) as JsonObject, 'request', 'path'));
    await eventually(() => paths(unix).filter((each) => each === 'sys/mounts').length === 2, 'lines are missing');
    tcp.stop();
    await tcp.restart();
    await api.ok('GET', 'sys/mounts');
    await eventually(() => paths(tcp).filter((each) => each === 'sys/mounts').length === 4, 'lines are missing');
    for (const name of ['tcp', 'unix']) await api.ok('DELETE', `sys/audit/${name}`);
    tcp.stop();
    unix.stop();
  });

  it('keep writing to a file that was renamed', async () => {
    const log = path('rotated.log');
    await api.ok('PUT', 'sys/audit/file', file({ file_path: log }));
    renameSync(log, `${log}.1`);
    await api.ok('GET', 'sys/mounts');
    assert.equal(at(linesOf(`${log}.1`).at(-1), 'request', 'path'), 'sys/mounts');
    assert.ok(!existsSync(log));
  });
});
