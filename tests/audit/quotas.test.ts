/** Refusals by rate limit quotas in audit lines: there where they are asked for, and no more of them than there were. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { eventually } from '@coffer/testkit';
import { type Api, apiAt, textOf } from '../auth/api.ts';
import { startTestServer, type TestServer } from '../dev-server.ts';
import { startCollector } from './collector.ts';

let server: TestServer;
let api: Api;
/** As it is before anybody has written it. */
let config: JsonObject;

before(async () => {
  server = await startTestServer();
  api = apiAt(server.address);
  await api.ok('POST', 'sys/auth/userpass', { type: 'userpass' });
  await api.ok('POST', 'auth/userpass/users/ana', { password: 'ana-password' });
  await api.ok('POST', 'sys/auth/approle', { type: 'approle' });
  await api.ok('POST', 'auth/approle/role/web', {});
  config = (await api.ok('GET', 'sys/quotas/config')).data;
});
after(() => server.close());
afterEach(async () => {
  await api.ok('POST', 'sys/quotas/config', config);
  const { data } = await api('LIST', 'sys/quotas/rate-limit');
  for (const name of (data['keys'] as string[] | undefined) ?? [])
    await api.ok('DELETE', `sys/quotas/rate-limit/${name}`);
});

const put = (name: string, rule: JsonObject) => api.ok('POST', `sys/quotas/rate-limit/${name}`, rule);

const login = (name: string, password = 'ana-password'): Promise<Response> =>
  fetch(`${server.address}/v1/auth/userpass/login/${name}`, { method: 'POST', body: JSON.stringify({ password }) });

describe('refusals by a rate limit quota in audit lines', () => {
  const directory = mkdtempSync(join(tmpdir(), 'coffer-quotas-'));
  const file = join(directory, 'audit.log');
  const auditing = { enable_rate_limit_audit_logging: true };
  /** The lines about a path, without what chance decides. */
  const linesOf = (path: string): JsonObject[] =>
    readFileSync(file, 'utf8')
      .replace(/"time":"[^"]+",|"id":"[0-9a-f-]{36}",|,"remote_port":\d+/g, '')
      .replace(/hmac-\w+:\w+/g, '#')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as JsonObject & { request: JsonObject })
      .filter((line) => line.request['path'] === path);
  const refusedLine = (path: string, more: JsonObject): JsonObject => ({
    type: 'request',
    auth: { token_type: 'default' },
    request: { namespace: { id: 'root' }, path, remote_address: '127.0.0.1', ...more },
    error: `request path "${path}": rate limit quota exceeded`,
  });

  before(() => api.ok('PUT', 'sys/audit/file', { type: 'file', options: { file_path: file } }));
  after(async () => {
    await api.ok('DELETE', 'sys/audit/file');
    rmSync(directory, { recursive: true, force: true });
  });

  it('are not there unless the configuration wants them', async () => {
    await put('policies', { path: 'sys/policies/acl', rate: 1, interval: '1m' });
    for (const status of [200, 429, 429]) assert.equal((await api('GET', 'sys/policies/acl?list=true')).status, status);
    assert.equal(linesOf('sys/policies/acl/').length, 2);
  });

  it('are one each, as OpenBao writes them, of the path and the address', async () => {
    await api.ok('PUT', 'sys/config/auditing/request-headers/x-shown', { hmac: false });
    await api.ok('POST', 'sys/quotas/config', auditing);
    await put('all', { path: 'auth/userpass/login/bob', rate: 1, interval: '1m' });
    await put('list', { path: 'sys/internal/ui/mounts', rate: 1, interval: '1m' });
    await login('bob');
    const before = linesOf('auth/userpass/login/bob').length;
    const many = Array.from({ length: 40 }, () => login('bob'));
    assert.deepEqual(new Set((await Promise.all(many)).map(({ status }) => status)), new Set([429]));
    const found = linesOf('auth/userpass/login/bob').slice(before);
    // The body was not read: it is not in the line.
    assert.equal(found.length, 40);
    for (const line of found) assert.deepEqual(line, refusedLine('auth/userpass/login/bob', { operation: 'update' }));
    for (const status of [200, 429]) {
      const url = `${server.address}/v1/sys/internal/ui/mounts?x=secret`;
      const headers = { 'x-vault-token': 'root', 'x-shown': 'seen', 'x-vault-wrap-ttl': '60' };
      assert.equal((await fetch(url, { headers })).status, status);
    }
    const asked = { operation: 'read', data: { x: '#' }, headers: { 'x-shown': ['seen'] } };
    assert.deepEqual(linesOf('sys/internal/ui/mounts').at(-1), refusedLine('sys/internal/ui/mounts', asked));
    await api.ok('DELETE', 'sys/config/auditing/request-headers/x-shown');
  });

  it('have the hashed data where the limit is of a role', async () => {
    await api.ok('POST', 'sys/quotas/config', auditing);
    await put('web', { path: 'auth/approle', role: 'web', rate: 1, interval: '1m' });
    const { data } = await api.ok('GET', 'auth/approle/role/web/role-id');
    const ids = { role_id: textOf(data['role_id']), secret_id: 'wrong' };
    for (const status of [400, 429])
      assert.equal((await api('POST', 'auth/approle/login', ids, { token: '' })).status, status);
    const asked = { operation: 'update', data: { role_id: '#', secret_id: '#' } };
    assert.deepEqual(linesOf('auth/approle/login').at(-1), refusedLine('auth/approle/login', asked));
  });

  it('are not there for what is exempt, which no quota refuses', async () => {
    await api.ok('POST', 'sys/quotas/config', {
      ...auditing,
      rate_limit_exempt_paths: ['sys/leader', 'auth/userpass/'],
    });
    await put('leader', { path: 'sys/leader', rate: 1, interval: '1m' });
    await put('seal-status', { path: 'sys/seal-status', rate: 1, interval: '1m' });
    for (const path of ['sys/leader', 'sys/leader']) assert.equal((await api('GET', path)).status, 200);
    assert.deepEqual(linesOf('sys/leader'), []);
    // Of a path whose requests leave no lines the refusals do.
    for (const status of [200, 429]) assert.equal((await api('GET', 'sys/seal-status')).status, status);
    assert.deepEqual(linesOf('sys/seal-status'), [refusedLine('sys/seal-status', { operation: 'read' })]);
  });

  it('change no answer when no device takes them', async () => {
    await api.ok('POST', 'sys/quotas/config', auditing);
    await put('leader', { path: 'sys/leader', rate: 1, interval: '1m' });
    const collector = await startCollector();
    await api.ok('PUT', 'sys/audit/sock', { type: 'socket', options: { address: collector.address } });
    await api.ok('DELETE', 'sys/audit/file');
    collector.stop();
    await eventually(async () => (await api('GET', 'sys/mounts')).status === 500, 'the device still takes lines');
    assert.equal((await api('GET', 'sys/leader')).status, 200);
    await api.refused([429, 'request path "sys/leader": rate limit quota exceeded'], 'GET', 'sys/leader');
    await collector.restart();
    await api.ok('PUT', 'sys/audit/file', { type: 'file', options: { file_path: file } });
    await api.ok('DELETE', 'sys/audit/sock');
    collector.stop();
  });
});

it('the configuration of quotas has the defaults of Vault until it is written, and then exactly what was written', async () => {
  const none = { enable_rate_limit_audit_logging: false, enable_rate_limit_response_headers: false };
  const exempt = ['sys/generate-recovery-token/attempt', 'sys/generate-recovery-token/update'];
  exempt.push('sys/generate-root/attempt', 'sys/generate-root/update', 'sys/health', 'sys/seal-status', 'sys/unseal');
  assert.deepEqual(config, { ...none, rate_limit_exempt_paths: exempt });
  await api.ok('POST', 'sys/quotas/config', { rate_limit_exempt_paths: ['sys/internal/', '/sys/mounts'] });
  const written = (await api.ok('GET', 'sys/quotas/config')).data;
  assert.deepEqual(written, { ...none, rate_limit_exempt_paths: ['sys/internal/', 'sys/mounts'] });
  await api.ok('POST', 'sys/quotas/config', config);
});
