/** Thousands of leases on one server: what a start reads of them, and what happens when they end at one instant. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createLogger, formatLogLine, type JsonObject } from '@coffer/base';
import type { IncomingRequest, OutgoingResponse } from '@coffer/framework';
import { createStaticSeal, type SealableCore } from '@coffer/core';
import { openEmbeddedStore, openPostgresStore, type SqlStatement, type Store } from '@coffer/store';
import { databaseUnderTest, eventually, type TestDatabase } from '@coffer/testkit';
import { composeSealable } from '../apps/coffer/src/compose.ts';
import { tryLogin } from './logins.ts';

const ISSUED_AT_ONCE = 32;
const KEYS = { current: { id: 'test', key: Buffer.alloc(32, 'scale') } };
const ROOT_TOKEN = 'root';
const TOKENS = 500;
/** Many logins fast: making a password's verifier is most of the work of a creation. */
const MANY = `CREATE ROLE "{{name}}" LOGIN VALID UNTIL '{{expiration}}'`;
const ONE = `CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'`;

/** A store that counts the rows it gives out, and knows what it was asked. */
function counted(store: Store): Store & { rows: number; asked: SqlStatement[] } {
  const counting = {
    exclusive: store.exclusive,
    rows: 0,
    asked: [] as SqlStatement[],
    async run(...args: Parameters<Store['run']>) {
      counting.asked.push({ sql: args[0], params: args[1] ?? [] });
      const result = await store.run(...args);
      counting.rows += result.rows.length;
      return result;
    },
    async transaction(...args: Parameters<Store['transaction']>) {
      counting.asked.push(...args[0]);
      const results = await store.transaction(...args);
      for (const { rows } of results) counting.rows += rows.length;
      return results;
    },
    close: () => store.close(),
  };
  return counting;
}

interface Storage {
  open(): Promise<Store>;
  remove(): Promise<void>;
}

function suite(leases: number, makeStorage: (database: TestDatabase) => Promise<Storage>): void {
  let storage: Storage;
  let database: TestDatabase;
  let store: ReturnType<typeof counted>;
  let sealable: SealableCore;
  let log = '';

  async function start(): Promise<void> {
    store = counted(await storage.open());
    sealable = composeSealable({
      store,
      storageType: 'file',
      autoSeal: createStaticSeal(KEYS),
      logger: createLogger('', 'info', (entry) => (log += formatLogLine(entry))),
    });
    await sealable.start();
  }
  async function stop(): Promise<void> {
    await sealable.stop();
    await store.close();
  }
  async function request(
    operation: IncomingRequest['operation'],
    path: string,
    data: JsonObject = {},
  ): Promise<OutgoingResponse> {
    const common = { id: randomUUID(), token: ROOT_TOKEN, remoteAddress: '127.0.0.1' };
    return (await sealable.handle({ ...common, operation, path, data })) ?? {};
  }
  async function issue(role: string): Promise<{ leaseId: string; username: string; password: string }> {
    const { data, lease } = await request('read', `database/creds/${role}`);
    const { username, password } = data as { username: string; password: string };
    return { leaseId: lease?.id ?? '', username, password };
  }
  async function rolesLike(pattern: string): Promise<number> {
    const rows = await database.query('SELECT count(*)::int AS n FROM pg_roles WHERE rolname LIKE $1', [pattern]);
    return Number(rows[0]?.['n']);
  }

  before(async () => {
    database = await databaseUnderTest({ authMethod: 'md5' });
    storage = await makeStorage(database);
    await start();
    await sealable.init({ recovery: { shares: 1, threshold: 1 }, rootToken: ROOT_TOKEN });
    const { host, port, user: username, password, database: db } = database;
    await request('update', 'sys/mounts/database', { type: 'database' });
    const connection = { host, port, username, password, db };
    await request('update', 'database/config/yb', { plugin_name: 'ysql-plugin', allowed_roles: '*', ...connection });
    await request('update', 'database/roles/many', { db_name: 'yb', creation_statements: MANY, default_ttl: '1h' });
    await request('update', 'database/roles/one', { db_name: 'yb', creation_statements: ONE, default_ttl: '1h' });
    let left = leases;
    const client = async (): Promise<void> => {
      while (left-- > 0) await issue('many');
    };
    await Promise.all(Array.from({ length: ISSUED_AT_ONCE }, client));
    assert.equal(await rolesLike('v-%-many-%'), leases);
    await stop();
  });
  after(async () => {
    await stop();
    await storage.remove();
    await database.stop();
  });

  /** Nothing reads a table from one end to the other, or all that lies below a prefix for one page. */
  async function assertIndexed(asked: readonly SqlStatement[]): Promise<void> {
    const statements = asked.filter(({ sql }) => /^(SELECT|UPDATE|DELETE)/.test(sql) && /(tokens|leases) /.test(sql));
    assert.ok(statements.length > 5);
    for (const { sql, params = [] } of statements) {
      const { rows } = await store.run(`EXPLAIN ${sql}`, params);
      const plan = rows.map((row) => String(row['QUERY PLAN'])).join('\n');
      assert.doesNotMatch(plan, /Seq Scan|Bitmap|Materialize/, `${sql}\n${plan}`);
    }
  }

  it('starts, issues and lists a page without reading the leases that there are', async () => {
    await start();
    const { leaseId } = await issue('one');
    await request('update', 'sys/leases/lookup', { lease_id: leaseId });
    const { data } = await request('list', 'sys/leases/lookup/database/creds/many', { limit: 10 });
    assert.equal((data?.['keys'] as unknown[]).length, 10);
    const levels = await request('list', 'sys/leases/lookup/database/creds');
    assert.deepEqual(levels.data, { keys: ['many/', 'one/'] });
    assert.ok(store.rows < 100, `${store.rows} rows were read`);
    await request('update', 'sys/leases/revoke', { lease_id: leaseId });
  });

  it('lists and revokes tokens where they were issued without reading those that there are', async () => {
    const create = async (path: string): Promise<unknown> =>
      (await request('update', path, { policies: ['default'] })).auth?.['accessor'];
    await request('update', 'auth/token/roles/few', { orphan: true });
    for (let left = TOKENS; left > 0; left--) await create('auth/token/create');
    const few = [await create('auth/token/create/few'), await create('auth/token/create/few')];
    // What the planner knows of the data must not change its mind, whether or not it knows it.
    if (!store.exclusive) await store.run('ANALYZE tokens');
    [store.rows, store.asked] = [0, []];
    assert.deepEqual((await request('list', 'sys/leases/lookup')).data, { keys: ['auth/', 'database/'] });
    const { data } = await request('list', 'sys/leases/lookup/auth/token/create', { limit: 10 });
    assert.equal((data?.['keys'] as unknown[]).length, 10);
    assert.equal(((await request('list', 'sys/leases/lookup/auth/token/create/few')).data?.['keys'] as []).length, 2);
    await request('update', 'sys/leases/revoke-prefix/auth/token/create/few');
    assert.ok(store.rows < 100, `${store.rows} rows were read`);
    if (!store.exclusive) await assertIndexed(store.asked);
    const accessors = (await request('list', 'auth/token/accessors')).data?.['keys'] as unknown[];
    assert.deepEqual(
      few.filter((accessor) => accessors.includes(accessor)),
      [],
    );
    assert.ok(accessors.length >= TOKENS);
    await request('update', 'sys/leases/revoke-prefix/auth/token/create');
  });

  it('ends all that end at one instant, with their logins, and serves others meanwhile', async () => {
    const { data: before } = await request('read', 'sys/leases/count');
    assert.equal(before?.['lease_count'], leases);
    await store.run('UPDATE leases SET expire_time = $1, next_attempt = $1', [Date.now() + 300]);
    const meanwhile: Awaited<ReturnType<typeof issue>>[] = [];
    for (let tries = 0; ; tries++) {
      const issued = await issue('one');
      meanwhile.push(issued);
      await request('update', 'sys/leases/lookup', { lease_id: issued.leaseId });
      if ((await rolesLike('v-%-many-%')) === 0) break;
      assert.ok(tries < 10_000, `${await rolesLike('v-%-many-%')} logins are still there\n${log.slice(-2000)}`);
    }
    // The rows go right after their logins.
    const remaining = async (): Promise<unknown> => (await request('read', 'sys/leases/count')).data?.['lease_count'];
    await eventually(
      async () => (await remaining()) === meanwhile.length,
      async () => `${String(await remaining())} leases are left of ${meanwhile.length}`,
    );
    assert.equal(await rolesLike('v-%-one-%'), meanwhile.length, 'nobody else’s login is touched');
    const last = meanwhile.at(-1);
    assert.ok('user' in (await tryLogin(database, last?.username ?? '', last?.password ?? '')));
    assert.ok(!log.includes('[ERROR]'), log);
    await request('update', 'sys/leases/revoke-prefix/database/creds/one');
    assert.equal(await remaining(), 0);
    assert.equal(await rolesLike('v-%-one-%'), 0);
  });
}

describe('thousands of leases, with the store in a file', () => {
  suite(2_000, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'coffer-scale-'));
    return {
      open: () => openEmbeddedStore({ path: join(directory, 'coffer.db') }),
      remove: () => rm(directory, { recursive: true }),
    };
  });
});

describe('a thousand leases, with the store in a database', () => {
  suite(1_000, async (database) => {
    await database.query(`CREATE DATABASE coffer_scale OWNER ${database.user}`);
    const url = new URL(database.url);
    url.pathname = '/coffer_scale';
    return {
      open: () => openPostgresStore({ connectionUrl: url.toString() }),
      remove: async () => {
        await database.query('DROP DATABASE coffer_scale');
      },
    };
  });
});
