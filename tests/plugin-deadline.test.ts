/** A plugin that gives no answer in time, or hangs: what it may have done is found out, and nothing is lost. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLogger, formatLogLine, type JsonObject } from '@coffer/base';
import { Barrier, Core, createKeyring, createRootToken } from '@coffer/core';
import { createDatabaseEngine, createDatabasePlugins, type DatabasePlugins } from '@coffer/engine-database';
import { openEmbeddedStore, type Store } from '@coffer/store';
import { databaseUnderTest, eventually, startWireProxy, type TestDatabase, type WireProxy } from '@coffer/testkit';
import { connectionTo } from './dev-server.ts';
import { issuedRoles, tryLogin } from './logins.ts';
import { putPlugin, runningPlugin } from './plugin-file.ts';

const DEADLINE_MS = 3_000;

describe('a plugin without an answer', () => {
  let directory: string;
  let database: TestDatabase;
  let proxy: WireProxy;
  let store: Store;
  let core: Core;
  let plugins: DatabasePlugins;
  let token: string;
  let log = '';

  beforeEach(async () => {
    log = '';
    directory = await mkdtemp(join(tmpdir(), 'coffer-plugins-'));
    database = await databaseUnderTest();
    await database.query("CREATE ROLE late_app LOGIN PASSWORD 'chosen'");
    proxy = await startWireProxy({ target: database });
    store = await openEmbeddedStore({ path: ':memory:' });
    const logger = createLogger('', 'trace', (entry) => (log += formatLogLine(entry)));
    core = new Core({ store, barrier: new Barrier(createKeyring()), builtinPlugins: [], logger });
    const { plugins: catalog, passwordPolicies } = core.services;
    const limits = { directory, callDeadlineMs: DEADLINE_MS };
    plugins = createDatabasePlugins({ catalog, builtins: new Map(), ...limits, logger });
    const generatePassword = (policy: string): Promise<string> => passwordPolicies.generate(policy);
    core.install({ engines: new Map([['database', createDatabaseEngine({ plugins, generatePassword })]]) });
    await core.start();
    const sha256 = await putPlugin(directory);
    const entry = {
      name: 'ysql-plugin',
      type: 'database',
      command: 'ysql-plugin',
      args: [],
      env: [],
      version: '',
    } as const;
    await core.services.plugins.register({ ...entry, sha256 });
    await core.services.mounts.enable('database', 'database', {});
    token = (await createRootToken(core.services.tokens)).reveal();
    await request('update', 'database/config/yb', {
      plugin_name: 'ysql-plugin',
      allowed_roles: '*',
      ...connectionTo(database, proxy),
    });
    await request('update', 'database/roles/app', {
      db_name: 'yb',
      creation_statements: `CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'`,
    });
    await request('update', 'database/static-roles/late', {
      db_name: 'yb',
      username: 'late_app',
      rotation_period: 86_400,
    });
  });
  afterEach(async () => {
    await core.stop();
    await plugins.close();
    await store.close();
    await proxy.stop();
    for (const role of await issuedRoles(database)) await database.query(`DROP ROLE "${role}"`);
    await database.query('DROP ROLE late_app');
    await database.stop();
    await rm(directory, { recursive: true });
  });

  async function request(operation: 'read' | 'update', path: string, data: JsonObject = {}): Promise<JsonObject> {
    const answer = await core.handle({ id: randomUUID(), operation, path, token, data, remoteAddress: '127.0.0.1' });
    return answer?.data ?? {};
  }

  const until = <T>(look: () => Promise<T>, what: string): Promise<Exclude<T, false | undefined>> =>
    eventually(look, () => `${what}:\n${log}`);

  it('leaves no login behind that is made after all', async (test) => {
    const fault = proxy.addFault({ match: /^CREATE ROLE/m, action: { type: 'delay', ms: DEADLINE_MS + 2_000 } });
    await assert.rejects(request('read', 'database/creds/app'), {
      code: 'unavailable',
      message: /the plugin gave no answer in 3 s, so the outcome is unknown/,
    });
    assert.equal(fault.fired, 1);
    const [leaf = ''] = await core.services.leaseList.list('database/creds/app/');
    const id = `database/creds/app/${leaf}`;
    // Sent only for a role that is there: the late statement has made it.
    const drop = () => proxy.statements.find(({ sql }) => /^DROP ROLE.*"v-token-app-/m.test(sql));
    await until(async () => drop(), 'the revocation of what the late statement has made');
    await until(async () => (await issuedRoles(database)).length === 0, 'the end of the role');
    const said = /the plugin never said whether it made "v-token-app-.*dropped again after/;
    await until(
      async () => said.test((await core.services.leaseList.lookup(id))?.lastError ?? ''),
      'what the lease says',
    );

    test.mock.timers.enable({ apis: ['Date'], now: Date.now() + 60_000 });
    await core.services.leases.revoke(id);
    assert.equal(await core.services.leaseList.lookup(id), undefined);
    test.mock.timers.reset();
    assert.ok('username' in (await request('read', 'database/creds/app')));
  });

  it('is not believed to have left a password as it was', async () => {
    const before = (await request('read', 'database/static-creds/late'))['password'];
    proxy.addFault({ match: /^ALTER ROLE/, action: { type: 'delay', ms: DEADLINE_MS + 2_000 } });
    await assert.rejects(request('update', 'database/rotate-role/late'), {
      code: 'unavailable',
      message: /unable to finish rotating credentials.*the plugin gave no answer in 3 s/,
    });
    const password = await until(async () => {
      const shown = await request('read', 'database/static-creds/late').catch(() => undefined);
      return shown?.['password'] as string | undefined;
    }, 'the end of the rotation');
    assert.notEqual(password, before);
    // The late statement has landed by now, or will: it sets this very password.
    await sleep(2_500);
    assert.deepEqual(await tryLogin(database, 'late_app', password), { user: 'late_app' });
  });

  it('is ended when it hangs, and a new one finishes what it was at', async () => {
    const pid = await runningPlugin(process.pid);
    const fault = proxy.addFault({
      match: (sql) => {
        if (!sql.startsWith('ALTER ROLE')) return false;
        process.kill(pid, 'SIGSTOP');
        return true;
      },
      action: { type: 'drop-before' },
    });
    await request('update', 'database/rotate-role/late');
    assert.equal(fault.fired, 1);
    assert.notEqual(await runningPlugin(process.pid), pid);
    assert.match(log, /the plugin stopped answering: ending its process/);
    const { password } = await request('read', 'database/static-creds/late');
    assert.deepEqual(await tryLogin(database, 'late_app', password as string), { user: 'late_app' });
  });
});
