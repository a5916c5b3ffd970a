/**
 * Whatever fails at whatever statement of a rotation, static-creds shows a password that logs in and a connection is
 * never locked out. The faults come from a wire proxy in front of the database, in both of its modes.
 */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { ApiError } from '@coffer/client';
import {
  databaseUnderTest,
  type FaultAction,
  makeAdmin,
  startPostgres,
  startWireProxy,
  type TestDatabase,
  type WireProxy,
} from '@coffer/testkit';
import { configure, connectionTo, issue, startTestServer, type TestServer } from './dev-server.ts';
import { tryLogin } from './logins.ts';

const FAULTS: Readonly<Record<string, FaultAction>> = {
  '40001': { type: 'error', sqlstate: '40001', message: 'could not serialize access due to concurrent update' },
  'an error that is final': { type: 'error', sqlstate: '42501', message: 'permission denied' },
  'an error after the effect': { type: 'error-after', sqlstate: 'XX000', message: 'Timed out waiting for the answer' },
  'connection lost before': { type: 'drop-before' },
  'connection lost after': { type: 'drop-after' },
};
const ROOT = { user: 'root_of_faults', password: 'root-chosen' };

for (const mode of ['postgresql', 'yugabytedb'] as const) {
  describe(`faults at every statement of a rotation, ${mode} mode`, () => {
    let database: TestDatabase;
    let proxy: WireProxy;
    let server: TestServer;

    before(async () => {
      database = await databaseUnderTest({ authMethod: 'md5' });
      await makeAdmin(database, ROOT);
      await database.query("CREATE ROLE app_of_faults LOGIN PASSWORD 'chosen'");
      proxy = await startWireProxy({ target: database, mode });
      server = await startTestServer();
      await configure(server.client, {
        host: proxy.host,
        port: proxy.port,
        username: ROOT.user,
        password: ROOT.password,
        db: database.database,
      });
      await server.client.write('database/static-roles/app', {
        db_name: 'yugabytedb',
        username: 'app_of_faults',
        rotation_period: 86_400,
        rotation_statements: 'SELECT 1; ALTER ROLE "{{name}}" PASSWORD \'{{password}}\'; SELECT 2',
      });
    });
    after(async () => {
      await server.close();
      await proxy.stop();
      await database.stop();
    });

    const rotateRole = () => server.client.write('database/rotate-role/app', {});
    const rotateRoot = () => server.client.write('database/rotate-root/yugabytedb', {});

    async function assertRoleLogsIn(): Promise<string> {
      const answer = await server.client.read('database/static-creds/app');
      const password = answer?.data?.['password'] as string;
      assert.deepEqual(await tryLogin(database, 'app_of_faults', password), { user: 'app_of_faults' });
      return password;
    }
    /** With new connections, and at once: while a rotation is open, whoever wants a login waits until it is settled. */
    async function assertNotLockedOut(): Promise<void> {
      await server.client.write('database/reset/yugabytedb', {});
      const issued = await issue(server.client);
      await server.client.write('sys/leases/revoke', { lease_id: issued.leaseId });
    }

    async function statementsOf(operation: () => Promise<unknown>): Promise<string[]> {
      await operation();
      const start = proxy.statements.length;
      await operation();
      return proxy.statements.slice(start).map(({ sql }) => sql);
    }

    /** Runs `operation` with one fault at each of its statements in turn; it may fail, but only in the two known ways. */
    async function everyFault(operation: () => Promise<unknown>, check: () => Promise<unknown>): Promise<number> {
      const statements = await statementsOf(operation);
      let hits = 0;
      for (const [name, action] of Object.entries(FAULTS)) {
        for (const offset of statements.keys()) {
          const first = proxy.statements.length;
          const fault = proxy.addFault({ match: (_, index) => index === first + offset, action });
          try {
            await operation().catch((error: unknown) => {
              if (!(error instanceof ApiError) || ![500, 503].includes(error.status)) throw error;
            });
            proxy.clearFaults();
            await check();
          } catch (error) {
            throw new Error(`${name} at statement ${offset + 1}: ${statements[offset] ?? ''}`, { cause: error });
          } finally {
            proxy.clearFaults();
          }
          hits += fault.fired;
        }
      }
      return hits;
    }

    it('leaves a static role with a password that logs in', async (test) => {
      const hits = await everyFault(rotateRole, assertRoleLogsIn);
      test.diagnostic(`${mode}: ${hits} faults`);
      assert.ok(hits >= 5 * Object.keys(FAULTS).length, String(hits));
      await rotateRole();
    });

    it('locks no connection out', async (test) => {
      const hits = await everyFault(rotateRoot, assertNotLockedOut);
      test.diagnostic(`${mode}: ${hits} faults`);
      assert.ok(hits >= Object.keys(FAULTS).length, String(hits));
      assert.ok('refusal' in (await tryLogin(database, ROOT.user, ROOT.password)), 'the first password is long gone');
    });
  });
}

describe('a rotation whose outcome is unknown', () => {
  let database: TestDatabase;
  let proxy: WireProxy;
  let server: TestServer;

  before(async () => {
    database = await startPostgres({ authMethod: 'md5' });
    proxy = await startWireProxy({ target: database });
    server = await startTestServer();
    await makeAdmin(database, ROOT);
  });
  after(async () => {
    await server.close();
    await proxy.stop();
    await database.stop();
  });
  beforeEach(async () => {
    proxy.clearFaults();
    await proxy.refuse(false);
  });

  /** After the ALTER the database is gone, and so is its answer. */
  function loseTheAnswer(): void {
    proxy.addFault({
      match: (sql) => {
        if (!sql.startsWith('ALTER ROLE')) return false;
        proxy.refuse(true).catch(() => undefined);
        return true;
      },
      action: { type: 'drop-after' },
    });
  }

  it('is settled when the database is back; readers wait, and get no password that may not log in', async () => {
    await configure(server.client, connectionTo(database, proxy));
    await database.query("CREATE ROLE app_unknown LOGIN PASSWORD 'chosen'");
    await server.client.write('database/static-roles/app', {
      db_name: 'yugabytedb',
      username: 'app_unknown',
      rotation_period: 86_400,
    });
    const read = async () => (await server.client.read('database/static-creds/app'))?.data?.['password'] as string;
    const before = await read();
    loseTheAnswer();
    await assert.rejects(server.client.write('database/rotate-role/app', {}), { status: 503 });
    assert.ok('refusal' in (await tryLogin(database, 'app_unknown', before)), 'the ALTER has taken effect');
    await assert.rejects(read(), (error) => {
      assert.ok(error instanceof ApiError);
      assert.equal(error.status, 503);
      assert.match(error.errors.join(), /it is not known yet which password logs in/);
      return true;
    });
    await proxy.refuse(false);
    const password = await read();
    assert.notEqual(password, before);
    assert.deepEqual(await tryLogin(database, 'app_unknown', password), { user: 'app_unknown' });
  });

  it('locks nobody out of a connection', async () => {
    await server.client.write('database/config/yugabytedb', { username: ROOT.user, password: ROOT.password });
    loseTheAnswer();
    await assert.rejects(server.client.write('database/rotate-root/yugabytedb', {}), (error) => {
      assert.ok(error instanceof ApiError);
      assert.equal(error.status, 503);
      assert.match(error.errors.join(), /the outcome of the root rotation is not known yet/);
      return true;
    });
    assert.ok('refusal' in (await tryLogin(database, ROOT.user, ROOT.password)), 'the ALTER has taken effect');
    await proxy.refuse(false);
    await server.client.write('database/reset/yugabytedb', {});
    // The configuration holds the old password still: nobody hears of it, and whoever gives up waiting hurts no other.
    const signal = AbortSignal.timeout(200);
    const url = `${server.address}/v1/database/creds/my-first-role`;
    const impatient = fetch(url, { headers: { 'x-vault-token': 'root' }, signal }).catch(() => undefined);
    const issued = await Promise.all([issue(server.client), issue(server.client)]);
    await impatient;
    for (const { leaseId } of issued) await server.client.write('sys/leases/revoke', { lease_id: leaseId });
  });

  it('gives way to credentials that are given by hand', async () => {
    await database.query(`ALTER ROLE ${ROOT.user} PASSWORD '${ROOT.password}'`);
    await server.client.write('database/config/yugabytedb', { username: ROOT.user, password: ROOT.password });
    loseTheAnswer();
    await assert.rejects(server.client.write('database/rotate-root/yugabytedb', {}), { status: 503 });
    await database.query(`ALTER ROLE ${ROOT.user} PASSWORD 'by-hand'`);
    await server.client.write('database/config/yugabytedb', { password: 'by-hand', verify_connection: false });
    assert.match(server.log(), /an unfinished root rotation was abandoned/);
    await proxy.refuse(false);
    const issued = await issue(server.client);
    await server.client.write('sys/leases/revoke', { lease_id: issued.leaseId });
  });
});

describe('root rotation', () => {
  it('warns loudly where the database asks for no password', async () => {
    const database = await startPostgres({ authMethod: 'trust' });
    const server = await startTestServer();
    try {
      await configure(server.client, { ...connectionTo(database), password: 'whatever' });
      const answer = await server.client.write('database/rotate-root/yugabytedb', {});
      assert.match(answer?.warnings?.join() ?? '', /it trusts anyone who can connect/);
      assert.match(server.log(), /\[WARN\].*it trusts anyone who can connect/);
    } finally {
      await server.close();
      await database.stop();
    }
  });

  it('says what is missing', async () => {
    const server = await startTestServer();
    try {
      await server.client.request('POST', 'sys/mounts/database', { body: { type: 'database' } });
      const rotate = () => server.client.write('database/rotate-root/yb', {});
      await assert.rejects(rotate(), /failed to find entry for connection with name: \\?"yb/);
      const config = { plugin_name: 'ysql-plugin', verify_connection: false };
      const url = 'postgres://root:s3cret@127.0.0.1:5433/yugabyte';
      await server.client.write('database/config/yb', { ...config, connection_url: url });
      await assert.rejects(rotate(), /unable to rotate root credentials: no username in configuration/);
      await server.client.write('database/config/yb', { ...config, username: 'root' });
      await assert.rejects(rotate(), /unable to rotate root credentials: no password in configuration/);
      await server.client.write('database/config/yb', { ...config, password: 's3cret' });
      await assert.rejects(rotate(), /connection_url contains the password itself/);
    } finally {
      await server.close();
    }
  });
});
