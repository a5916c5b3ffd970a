/** Nobody waits longer than default_max_request_duration, whatever hangs; and what comes too late leaves nothing behind. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { createLogger, formatLogLine, type JsonObject } from '@coffer/base';
import { databaseUnderTest, eventually, startWireProxy, type TestDatabase, type WireProxy } from '@coffer/testkit';
import { type Server, startServer } from '../apps/coffer/src/server.ts';
import { parseServerConfig } from '../apps/coffer/src/config/server-config.ts';
import { connectionTo } from './dev-server.ts';
import { issuedRoles, tryLogin } from './logins.ts';
import { putPlugin, runningPlugin } from './plugin-file.ts';

const LIMIT_SECONDS = 3;
/** An answer after this long is none: a frozen database alone would take longer. */
const HANGS_MS = 60_000;
/** For how long what is frozen stays so. */
const FROZEN_MS = 12_000;

interface Answer {
  readonly status: number;
  readonly body: JsonObject;
}

describe('default_max_request_duration', () => {
  let directory: string;
  let database: TestDatabase;
  let proxy: WireProxy;
  let server: Server;
  let token = '';
  let log = '';

  /** Over the listener with the short limit. */
  const request = (method: string, path: string, body?: JsonObject, signal?: AbortSignal) =>
    send(server.addresses[0], method, path, body, signal);
  /** Over one that waits longer: what a busy machine needs for the start of a plugin is not the matter here. */
  const patiently = (method: string, path: string, body?: JsonObject) => send(server.addresses[1], method, path, body);

  async function send(
    address: string | undefined,
    method: string,
    path: string,
    body?: JsonObject,
    signal?: AbortSignal,
  ): Promise<Answer> {
    const answer = await fetch(`${address ?? ''}/v1/${path}`, {
      method,
      headers: { 'X-Vault-Token': token },
      ...(body && { body: JSON.stringify(body) }),
      signal: signal ?? AbortSignal.timeout(HANGS_MS),
    });
    const text = await answer.text();
    return { status: answer.status, body: text === '' ? {} : (JSON.parse(text) as JsonObject) };
  }

  async function done(method: string, path: string, body?: JsonObject): Promise<JsonObject> {
    const answer = await patiently(method, path, body);
    assert.ok(answer.status < 300, `${method} ${path}: ${JSON.stringify(answer)}`);
    return answer.body;
  }

  const until = (look: () => Promise<boolean>, what: string): Promise<boolean> =>
    eventually(look, () => `${what}:\n${log}`);

  beforeEach(async () => {
    log = '';
    token = '';
    directory = await mkdtemp(join(tmpdir(), 'coffer-deadline-'));
    database = await databaseUnderTest();
    await database.query("CREATE ROLE frozen_app LOGIN PASSWORD 'chosen'");
    proxy = await startWireProxy({ target: database });
    const config = parseServerConfig(
      `listener "tcp" {
         address = "127.0.0.1:0"
         tls_disable = true
       }
       listener "tcp" {
         address = "127.0.0.1:0"
         tls_disable = true
         max_request_duration = "60s"
       }
       storage "file" { path = ${JSON.stringify(join(directory, 'data'))} }
       plugin_directory = ${JSON.stringify(directory)}
       default_max_request_duration = "${LIMIT_SECONDS}s"`,
      'coffer.hcl',
    );
    const logger = createLogger('', 'trace', (entry) => (log += formatLogLine(entry)));
    server = await startServer(config, {}, logger);
    const { root_token: root, keys } = await done('PUT', 'sys/init', { secret_shares: 1, secret_threshold: 1 });
    token = root as string;
    await done('PUT', 'sys/unseal', { key: (keys as string[])[0] ?? '' });
    await done('POST', 'sys/mounts/database', { type: 'database' });
  });
  afterEach(async () => {
    await server.close();
    await proxy.stop();
    for (const role of await issuedRoles(database)) await database.query(`DROP ROLE "${role}"`);
    await database.query('DROP ROLE frozen_app');
    await database.stop();
    await rm(directory, { recursive: true, force: true });
  });

  async function configure(): Promise<void> {
    await done('POST', 'database/config/yb', {
      plugin_name: 'ysql-plugin',
      allowed_roles: '*',
      ...connectionTo(database, proxy),
    });
    await done('POST', 'database/roles/app', {
      db_name: 'yb',
      creation_statements: `CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'`,
      default_ttl: '1h',
    });
    await done('POST', 'database/static-roles/frozen', {
      db_name: 'yb',
      username: 'frozen_app',
      rotation_period: 86_400,
    });
  }

  async function registerPlugin(): Promise<void> {
    const sha256 = await putPlugin(directory);
    await done('POST', 'sys/plugins/catalog/database/ysql-plugin', { sha256, command: 'ysql-plugin' });
  }

  function freeze(): void {
    proxy.hang(true);
    proxy.addFault({ match: /./, times: Number.POSITIVE_INFINITY, action: { type: 'delay', ms: FROZEN_MS } });
  }
  function thaw(): void {
    proxy.hang(false);
    proxy.clearFaults();
  }

  /** Everything that waits for a database, all at once, since each of them must be answered whatever the others do. */
  async function everythingIsAnswered(reason: RegExp): Promise<void> {
    const lease = (await done('GET', 'database/creds/app'))['lease_id'] as string;
    const other = (await done('GET', 'database/creds/app'))['lease_id'] as string;
    freeze();
    const requests: readonly [method: string, path: string, body?: JsonObject][] = [
      ['GET', 'database/creds/app'],
      ['PUT', 'sys/leases/renew', { lease_id: lease, increment: 7200 }],
      ['PUT', 'sys/leases/revoke', { lease_id: other, sync: true }],
      ['POST', 'database/rotate-role/frozen'],
      ['POST', 'database/rotate-root/yb'],
      ['POST', 'database/config/other', { plugin_name: 'ysql-plugin', ...connectionTo(database, proxy) }],
    ];
    const answers = await Promise.all(requests.map((each) => request(...each)));
    for (const [at, { status, body }] of answers.entries()) {
      const [method, path] = requests[at] ?? [];
      assert.ok(status >= 400, `${method} ${path}: ${status} ${JSON.stringify(body)}`);
      assert.match(String((body['errors'] as string[])[0]), reason, `${method} ${path}`);
    }
    assert.equal((await request('GET', 'sys/health')).status, 200);
    assert.equal((await request('GET', 'sys/seal-status')).status, 200);
    thaw();
    await done('PUT', 'sys/leases/revoke', { lease_id: lease }).catch(() => undefined);
    await until(async () => (await issuedRoles(database)).length === 0, 'the end of every login');
    // What came of the rotations is found out behind.
    await until(async () => {
      const shown = await patiently('GET', 'database/static-creds/frozen');
      const { password } = (shown.body['data'] ?? {}) as JsonObject;
      return typeof password === 'string' && 'user' in (await tryLogin(database, 'frozen_app', password));
    }, 'the end of the rotation');
    await until(async () => (await patiently('GET', 'database/creds/app')).status === 200, 'a new login');
  }

  it('holds for a frozen database, with the plugin in the server', { timeout: 600_000 }, async () => {
    await configure();
    await everythingIsAnswered(/context deadline exceeded|error verifying connection|in progress; try again/);
  });

  it('holds for a frozen database behind a plugin', { timeout: 600_000 }, async () => {
    await registerPlugin();
    await configure();
    await everythingIsAnswered(/deadline exceeded|gave no answer|error verifying connection|in progress; try again/);
  });

  it('holds for a stopped plugin, and the next one serves', { timeout: 600_000 }, async () => {
    await registerPlugin();
    await configure();
    const pid = await runningPlugin(process.pid);
    process.kill(pid, 'SIGSTOP');
    const answers = await Promise.all([
      request('GET', 'database/creds/app'),
      request('POST', 'database/rotate-role/frozen'),
      request('POST', 'database/rotate-root/yb'),
    ]);
    for (const { status, body } of answers) {
      assert.ok(status >= 500, JSON.stringify(body));
      assert.match(JSON.stringify(body), /deadline exceeded|gave no answer|stopped answering|try again/);
    }
    await until(async () => (await patiently('GET', 'database/creds/app')).status === 200, 'a new login');
    assert.match(log, /the plugin stopped answering: ending its process/);
  });

  it('says what took too long, and takes back what comes afterwards', { timeout: 300_000 }, async () => {
    await configure();
    proxy.addFault({ match: /^CREATE ROLE/m, action: { type: 'delay', ms: 1.5 * LIMIT_SECONDS * 1000 } });
    const { status, body } = await request('GET', 'database/creds/app');
    assert.equal(status, 500);
    assert.deepEqual(body, {
      errors: [
        '1 error occurred:\n\t* context deadline exceeded: no answer in 3 s (default_max_request_duration); ' +
          'it is waiting for the database of the connection "yb"\n\n',
      ],
    });
    await until(
      async () => log.includes('an answer came when nobody waited for it any more'),
      'the end of what went on behind',
    );
    await until(async () => (await issuedRoles(database)).length === 0, 'the end of the login');
    const leases = (): Promise<Answer> => patiently('LIST', 'sys/leases/lookup/database/creds/app');
    await until(async () => (await leases()).status === 404, 'the end of the lease');
  });

  it('takes back what a client that has gone does not hear of', { timeout: 300_000 }, async () => {
    await configure();
    const client = new AbortController();
    proxy.addFault({
      match: (sql) => {
        if (!/^CREATE ROLE/m.test(sql)) return false;
        client.abort();
        return true;
      },
      action: { type: 'delay', ms: 1_000 },
    });
    await assert.rejects(request('GET', 'database/creds/app', undefined, client.signal), { name: 'AbortError' });
    await until(
      async () => log.includes('an answer came when nobody waited for it any more'),
      'the end of what went on behind',
    );
    await until(async () => (await issuedRoles(database)).length === 0, 'the end of the login');
  });
});
