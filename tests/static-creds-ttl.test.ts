/** The ttl of static credentials never promises more than is left until the password really changes. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it, type TestContext } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { databaseUnderTest, eventually, type TestDatabase } from '@coffer/testkit';
import pg from 'pg';
import { configure, connectionTo, startTestServer, type TestServer } from './dev-server.ts';

const MINUTE_MS = 60_000;
/** Far away from whatever time it is: in half a year or so. */
const farMonth = ((new Date().getUTCMonth() + 6) % 12) + 1;
const SET_PASSWORD = 'ALTER ROLE "{{name}}" PASSWORD \'{{password}}\'';
/** Waits while somebody else holds the gate. */
const SET_BEHIND_GATE = `UPDATE gate SET n = n; ${SET_PASSWORD}`;
const FAR = `0 0 1 ${farMonth} *`;

describe('the ttl of static credentials', () => {
  let database: TestDatabase;
  let server: TestServer;
  let logins = 0;
  let name = '';

  before(async () => {
    database = await databaseUnderTest();
    server = await startTestServer();
    await configure(server.client, connectionTo(database));
    await database.query('CREATE TABLE gate AS SELECT 1 AS n; GRANT ALL ON gate TO PUBLIC');
  });
  beforeEach(async () => (name = await login()));
  after(async () => {
    await server.close();
    await database.stop();
  });

  /** A login, for a static role of the same name. */
  async function login(): Promise<string> {
    const made = `timed_${++logins}`;
    await database.query(`CREATE ROLE ${made} LOGIN PASSWORD 'chosen'`);
    return made;
  }
  const write = (role: string, fields: JsonObject) =>
    server.client.write(`database/static-roles/${role}`, { db_name: 'yugabytedb', username: role, ...fields });
  const creds = async (role: string): Promise<JsonObject> =>
    (await server.client.read(`database/static-creds/${role}`))?.data ?? {};
  const ttl = async (): Promise<number> => (await creds(name))['ttl'] as number;

  async function withGateClosed(work: () => Promise<void>): Promise<void> {
    const holder = new pg.Client({ connectionString: database.url });
    await holder.connect();
    try {
      await holder.query('BEGIN; UPDATE gate SET n = n');
      await work();
    } finally {
      await holder.end();
    }
  }

  function jumpToTheNextMinute(test: TestContext): void {
    const now = Date.now;
    const ahead = MINUTE_MS - (now() % MINUTE_MS);
    test.mock.method(Date, 'now', () => now() + ahead);
  }

  it('is 0 while forty roles on one schedule wait for their turn, and an update of one puts nothing off', async (test) => {
    const names = [name, ...(await Promise.all(Array.from({ length: 39 }, login)))];
    const fields = { rotation_schedule: '* * * * *', rotation_statements: SET_BEHIND_GATE };
    await Promise.all(names.map((each) => write(each, { ...fields, password: 'chosen', skip_import_rotation: true })));
    const waiting = new Map<string, JsonObject>();
    const reads: Promise<unknown>[] = [];
    await withGateClosed(async () => {
      jumpToTheNextMinute(test);
      await write(name, {});
      const begun = `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE gate%'`;
      await eventually(async () => (await database.query(begun)).length > 0, 'the first rotations');
      // Those that have begun answer when they have ended.
      reads.push(...names.map(async (each) => waiting.set(each, await creds(each))));
      await eventually(() => waiting.size >= 36, 'the answers about those that have not');
      assert.deepEqual(new Set([...waiting.values()].map((each) => each['ttl'])), new Set([0]));
      const late = [...waiting.keys()].at(-1) ?? '';
      await write(late, { rotation_statements: SET_PASSWORD });
      assert.deepEqual([late, (await creds(late))['ttl']], [late, 0]);
    });
    await Promise.all(reads);
    const changed = async (each: string): Promise<boolean> => (await creds(each))['password'] !== 'chosen';
    await eventually(async () => (await Promise.all(names.map(changed))).every(Boolean), 'the rotation of all', {
      patienceMs: MINUTE_MS / 2,
    });
  });

  it('is 0 while a rotation that failed is tried again, by schedule and by period', async () => {
    for (const time of [{ rotation_schedule: FAR }, { rotation_period: '30d' }]) {
      await write(name, { ...time, rotation_statements: SET_PASSWORD });
      assert.ok((await ttl()) > 3600);
      await write(name, { rotation_statements: 'SELECT 1/0' });
      assert.ok((await ttl()) > 3600);
      await assert.rejects(server.client.write(`database/rotate-role/${name}`, {}));
      assert.equal(await ttl(), 0, JSON.stringify(time));
      name = await login();
    }
  });

  it('is what is left until the next scheduled time when a retry would come after its window', async () => {
    await write(name, { rotation_schedule: FAR, rotation_window: '1h' });
    const before = await ttl();
    await write(name, { rotation_statements: 'SELECT 1/0' });
    await assert.rejects(server.client.write(`database/rotate-role/${name}`, {}));
    assert.ok(before > 3600 && before - (await ttl()) < 60);
    await write(name, { rotation_schedule: '* * * * *', rotation_statements: SET_PASSWORD });
    const { next_rotation_attempt: next } = (await server.client.read(`database/static-roles/${name}`))?.data ?? {};
    assert.ok(Date.parse(next as string) <= Date.now() + MINUTE_MS, 'a new schedule counts for the retry too');
    assert.ok((await ttl()) <= 60);
  });

  it('never counts a second that has begun', async (test) => {
    await write(name, { rotation_period: 3600 });
    const rotated = Date.parse((await creds(name))['last_vault_rotation'] as string);
    for (const [passed, left] of [
      [1, 3599],
      [999, 3599],
      [1_001, 3598],
      [3_599_001, 0],
    ] as const) {
      const mocked = test.mock.method(Date, 'now', () => rotated + passed);
      assert.equal(await ttl(), left, `${passed} ms later`);
      mocked.mock.restore();
    }
  });
});
