/** What is due is found in every bucket, in order, and no bucket waits for another: on both engines. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { silentLogger } from '@coffer/base';
import { openEmbeddedStore, openPostgresStore, type Store } from '@coffer/store';
import { databaseUnderTest, type TestDatabase } from '@coffer/testkit';
import { Barrier } from './barrier/barrier.ts';
import { createKeyring } from './barrier/keyring.ts';
import { Epochs } from './epochs/epochs.ts';
import { createLeaseIssuer } from './leases/lease-issuer.ts';
import { sealLease } from './leases/lease-row.ts';
import { LeaseList } from './leases/lease-list.ts';
import { Leases } from './leases/leases.ts';
import type { PlanNode } from './plan-faults-fixture.ts';
import { hourToken } from './tokens/token-fixture.ts';
import { createTokenStore } from './tokens/tokens.ts';

const BUCKETS = Array.from({ length: 16 }, (_, bucket) => bucket);
const FUTURE = 4_102_444_800_000;
const nothing = (): void => undefined;
const barrier = new Barrier(createKeyring());

function partsOf(store: Store) {
  const tokens = createTokenStore(store, barrier, nothing);
  const list = new LeaseList(store, barrier);
  const mounts = { engineFor: () => undefined };
  const epochs = new Epochs(store);
  const leases = new Leases({ store, barrier, list, tokens, mounts, epochs, logger: silentLogger, wake: nothing });
  return { tokens, list, leases, issuer: createLeaseIssuer(store, barrier, nothing) };
}

/** A bucket of `undefined` is left to the store, as by a node of an older version. */
async function insertLease(store: Store, id: string, due: number, bucket?: number): Promise<void> {
  await store.run(
    `INSERT INTO leases (id, token, state, issue_time, expire_time, last_renewal, claimed_until, next_attempt, attempts,
       last_error, value${bucket === undefined ? '' : ', bucket'})
     VALUES ($1, 't', 'active', 0, $2, NULL, 0, $2, 6, 'e', $3${bucket === undefined ? '' : `, ${bucket}`})`,
    [id, due, sealLease(barrier, id, { path: 'a/b', renewable: true, data: {} })],
  );
}

async function bucketsOf(store: Store, table: string): Promise<number[]> {
  const { rows } = await store.run(`SELECT DISTINCT bucket FROM ${table}`);
  return rows.map((row) => Number(row['bucket'])).sort((one, other) => one - other);
}

function suite(open: () => Promise<Store>): void {
  let store: Store;
  let parts: ReturnType<typeof partsOf>;
  before(async () => {
    store = await open();
    parts = partsOf(store);
  });
  after(() => store.close());
  beforeEach(async () => {
    for (const table of ['leases', 'tokens']) await store.run(`DELETE FROM ${table}`);
  });

  it('new rows are spread over all of them', async () => {
    const { entry } = await parts.tokens.create(hourToken({ expireTime: null }));
    const token = { id: entry.id, usesLeft: 0 };
    const times = { issueTime: 0, expireTime: FUTURE };
    for (let count = 0; count < 200; count++) {
      await parts.issuer.begin({ path: 'a/b', token, renewable: true, data: {}, ...times });
      await parts.tokens.create(hourToken({}));
    }
    assert.deepEqual(await bucketsOf(store, 'leases'), BUCKETS);
    assert.deepEqual(await bucketsOf(store, 'tokens'), BUCKETS);
  });

  it('leases that are due are claimed from all of them, the most overdue first, those of an older version with them', async () => {
    for (const bucket of BUCKETS) {
      await insertLease(store, `early/${bucket}`, 100 + bucket, bucket);
      await insertLease(store, `late/${bucket}`, 200 + bucket, bucket);
      await insertLease(store, `future/${bucket}`, FUTURE, bucket);
    }
    await insertLease(store, 'older', 50);
    assert.equal(await parts.leases.nextDue(), 50);
    const claim = async (limit: number): Promise<string[]> =>
      (await parts.leases.claimDue(1_000, limit)).map(({ id }) => id).sort();
    assert.deepEqual(await claim(3), ['early/0', 'early/1', 'older']);
    assert.equal(await parts.leases.nextDue(), 102);
    assert.deepEqual(
      await claim(14),
      BUCKETS.slice(2)
        .map((bucket) => `early/${bucket}`)
        .sort(),
    );
    // One bucket that has more than all the others holds nobody up.
    for (let count = 0; count < 50; count++) await insertLease(store, `crowd/${count}`, 300, 7);
    assert.deepEqual(await claim(16), BUCKETS.map((bucket) => `late/${bucket}`).sort());
    assert.equal((await claim(100)).length, 50);
    assert.deepEqual(await claim(100), []);
    assert.equal(await parts.leases.nextDue(), FUTURE);
  });

  it('leases that Vault calls irrevocable are listed from all of them, by their end', async () => {
    for (const bucket of BUCKETS) await insertLease(store, `l/${bucket}`, 1_000 - bucket, bucket);
    const listed = (await parts.list.irrevocable(3)).map(({ id }) => id);
    assert.deepEqual(listed, ['l/15', 'l/14', 'l/13']);
    assert.equal((await parts.list.irrevocable(100)).length, 16);
  });

  it('tokens that are over are found in all of them, with the spent ones, and ended', async () => {
    const { tokens } = parts;
    assert.equal(await tokens.nextExpiry(), undefined);
    await tokens.create(hourToken({ expireTime: null }));
    assert.equal(await tokens.nextExpiry(), undefined);
    const over: string[] = [];
    for (const bucket of BUCKETS) {
      const { entry } = await tokens.create(hourToken({ expireTime: 1_000 + bucket }));
      await store.run('UPDATE tokens SET bucket = $2 WHERE id = $1', [entry.id, bucket]);
      over.push(entry.id);
    }
    assert.equal(await tokens.nextExpiry(), 1_000);
    assert.deepEqual((await tokens.expired(2_000, 3)).sort(), over.slice(0, 3).sort());
    assert.deepEqual((await tokens.expired(2_000, 100)).sort(), over.toSorted());
    const { entry: spent } = await tokens.create(hourToken({ numUses: 1, expireTime: FUTURE }));
    await tokens.spend(spent);
    assert.equal(await tokens.nextExpiry(), 0);
    await tokens.endExpired(await tokens.expired(2_000, 100));
    assert.deepEqual(await tokens.expired(2_000, 100), []);
    assert.equal(await tokens.nextExpiry(), undefined);
    assert.equal((await store.run('SELECT id FROM tokens')).rows.length, 1);
  });
}

describe('the buckets of the embedded store', () => suite(() => openEmbeddedStore({ path: ':memory:' })));

describe('the buckets of the store on PostgreSQL', () => {
  let database: TestDatabase;
  const open = async (): Promise<Store> => {
    const url = new URL(database.url);
    url.pathname = '/coffer_buckets';
    return openPostgresStore({ connectionUrl: url.href, maxConnections: 2 });
  };
  before(async () => {
    database = await databaseUnderTest();
    await database.query(`CREATE DATABASE coffer_buckets OWNER ${database.user}`);
  });
  after(async () => {
    await database.query('DROP DATABASE coffer_buckets');
    await database.stop();
  });

  describe('with rows of every age', () => suite(open));

  it('a look that finds nothing due seeks once in each, and reads no row', async () => {
    const store = await open();
    const asked: { sql: string; params?: readonly (string | number | Uint8Array | null)[] }[] = [];
    const { leases, tokens } = partsOf({
      exclusive: false,
      run: (sql, params = []) => {
        asked.push({ sql, params });
        return store.run(sql, params);
      },
      transaction: (statements) => store.transaction(statements),
      close: () => store.close(),
    });
    for (let count = 0; count < 320; count++) await insertLease(store, `a/${count}`, FUTURE + count, count % 16);
    await leases.claimDue(Date.now(), 128);
    await leases.nextDue();
    await tokens.expired(Date.now(), 100);
    const reads: [seeks: number, rows: number][] = [];
    for (const { sql, params } of asked) {
      const { rows } = await store.run(`EXPLAIN (ANALYZE, FORMAT JSON) ${sql}`, params);
      const [{ Plan } = assert.fail()] = rows[0]?.['QUERY PLAN'] as unknown as { Plan: PlanNode }[];
      reads.push(readsOf(Plan));
    }
    await store.close();
    // The spent tokens have an index of their own.
    assert.deepEqual(reads, [
      [16, 0],
      [16, 16],
      [17, 0],
    ]);
  });
});

/** Of the indexes: how often they were searched, and the rows that were looked at. */
function readsOf(node: PlanNode): [seeks: number, rows: number] {
  const number = (name: string): number => Number((node as unknown as Record<string, unknown>)[name] ?? 0);
  const loops = number('Actual Loops');
  const isScan = /Index (Only )?Scan/.test(node['Node Type']);
  const own: [number, number] = isScan
    ? [loops, (number('Actual Rows') + number('Rows Removed by Filter')) * loops]
    : [0, 0];
  return (node.Plans ?? [])
    .map(readsOf)
    .reduce(([seeks, rows], [moreSeeks, moreRows]) => [seeks + moreSeeks, rows + moreRows], own);
}
