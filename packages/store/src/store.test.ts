/** One suite on both engines: what holds for the embedded one holds on PostgreSQL. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { databaseUnderTest, type TestDatabase } from '@coffer/testkit';
import { inEveryBucket, openEmbeddedStore, openPostgresStore, type Store } from './index.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const insert = 'INSERT INTO entries (mount, name, value) VALUES ($1, $2, $3)';
const LEASE = `INSERT INTO leases (id, token, state, issue_time, expire_time, last_renewal, claimed_until, next_attempt,
  attempts, last_error, value) VALUES ($1, 'token', 'active', 0, $2, NULL, 0, $2, 0, NULL, $3)`;

function suite(open: () => Promise<Store>): void {
  let store: Store;
  before(async () => (store = await open()));
  after(() => store.close());
  beforeEach(async () => {
    for (const table of ['entries', 'leases', 'tokens']) await store.run(`DELETE FROM ${table}`);
  });

  it('keeps bytes, numbers and nulls, with repeated parameters', async () => {
    const anything = Uint8Array.from({ length: 256 }, (_, index) => index);
    await store.run(insert, ['m', 'a', anything]);
    const { rows } = await store.run('SELECT value, mount FROM entries WHERE mount = $1 OR name = $1', ['m']);
    assert.deepEqual(Buffer.from(rows[0]?.['value'] as Uint8Array), Buffer.from(anything));
    const late = 4_102_444_800_123;
    await store.run(LEASE, ['l', late, bytes('v')]);
    const { rows: leases } = await store.run('SELECT expire_time, last_renewal FROM leases');
    assert.deepEqual({ ...leases[0] }, { expire_time: late, last_renewal: null });
  });

  it('runs a transaction whole or not at all', async () => {
    const statements = [
      { sql: insert, params: ['m', 'a', bytes('1')] },
      { sql: insert, params: ['m', 'a', bytes('2')] },
    ];
    await assert.rejects(store.transaction(statements), /unique/i);
    assert.equal((await store.run('SELECT * FROM entries')).rows.length, 0);
  });

  it('keeps the neighbours of a failing request', async () => {
    const results = await Promise.allSettled([
      store.run(insert, ['m', 'a', bytes('1')]),
      store.run(insert, ['m', 'a', bytes('2')]),
      store.run(insert, ['m', 'b', bytes('3')]),
    ]);
    assert.equal(results.filter((result) => result.status === 'rejected').length, 1);
    assert.equal((await store.run('SELECT * FROM entries')).rows.length, 2);
  });

  it('counts changed rows, also with RETURNING, and none for a SELECT', async () => {
    await store.run(insert, ['m', 'a', bytes('1')]);
    assert.equal((await store.run("UPDATE entries SET name = 'b' WHERE name = 'a' RETURNING name")).changes, 1);
    assert.equal((await store.run('SELECT * FROM entries')).changes, 0);
    assert.equal((await store.run("DELETE FROM entries WHERE name = 'b'")).changes, 1);
  });

  it('replaces on conflict, walks a family and takes a parameter that may be null', async () => {
    const put = `${insert} ON CONFLICT (mount, name) DO UPDATE SET value = excluded.value`;
    await store.run(put, ['m', 'a', bytes('1')]);
    await store.run(put, ['m', 'a', bytes('2')]);
    const { rows } = await store.run('SELECT value FROM entries WHERE CAST($1 AS TEXT) IS NULL OR name = $1', [null]);
    assert.equal(Buffer.from(rows[0]?.['value'] as Uint8Array).toString(), '2');
    for (const [id, parent] of [
      ['a', ''],
      ['b', 'a'],
      ['c', 'b'],
    ]) {
      await store.run(
        'INSERT INTO tokens (id, accessor, parent, expire_time, uses_left, value) VALUES ($1, $1, $2, NULL, 0, $3)',
        [id ?? '', parent ?? '', bytes('')],
      );
    }
    const family = await store.run(
      `WITH RECURSIVE family (id) AS (SELECT id FROM tokens WHERE parent = $1 UNION ALL
         SELECT tokens.id FROM tokens JOIN family ON tokens.parent = family.id) SELECT id FROM family`,
      ['a'],
    );
    assert.deepEqual(family.rows.map((row) => row['id']).sort(), ['b', 'c']);
  });

  it('sorts text by its bytes, whatever the locale, so that what begins alike is a range', async () => {
    const ids = ['a/B', 'a/a', 'a/Ä', 'a/\u{10000}', 'a/\u{ffff}', 'a-b', 'a', 'a0', 'A/a'];
    await store.transaction(ids.map((id) => ({ sql: LEASE, params: [id, 0, bytes('v')] })));
    const below = await store.run('SELECT id FROM leases WHERE id > $1 AND id < $2 ORDER BY id', ['a/', 'a0']);
    assert.deepEqual(
      below.rows.map((row) => row['id']),
      ['a/B', 'a/a', 'a/Ä', 'a/\u{ffff}', 'a/\u{10000}'],
    );
    const all = await store.run('SELECT id FROM leases ORDER BY id');
    assert.deepEqual(
      all.rows.map((row) => row['id']),
      [...ids].sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other))),
    );
  });

  it('has a clock of its own for claims', async () => {
    const { rows } = await store.run('SELECT store_now() AS now');
    assert.equal(typeof rows[0]?.['now'], 'number');
    assert.ok(Math.abs(Number(rows[0]?.['now']) - Date.now()) < 3_600_000);
  });

  it('gives each row to one of many that claim at once', async () => {
    const ids = Array.from({ length: 50 }, (_, index) => `lease-${index}`);
    await store.transaction(ids.map((id) => ({ sql: LEASE, params: [id, 1, bytes('v')] })));
    await store.run("UPDATE leases SET bucket = 15 WHERE id < 'lease-3'");
    const due = inEveryBucket(
      (bucket) => `SELECT id, next_attempt FROM leases WHERE ${bucket} AND next_attempt <= $2
        AND claimed_until <= store_now() ORDER BY next_attempt LIMIT $3`,
    );
    const claim = async (): Promise<string[]> => {
      const { rows } = await store.run(
        `UPDATE leases SET claimed_until = store_now() + $1 WHERE claimed_until <= store_now() AND id IN (
           SELECT id FROM ${due} AS due ORDER BY next_attempt LIMIT $3
         ) RETURNING id`,
        [60_000, 10, 10],
      );
      return rows.map((row) => String(row['id']));
    };
    const claimed: string[] = [];
    // A claim that met another's rows may come back with fewer than its limit, so ask until all are given out.
    while (claimed.length < ids.length) claimed.push(...(await Promise.all(Array.from({ length: 8 }, claim))).flat());
    assert.deepEqual(claimed.sort(), [...ids].sort());
    assert.deepEqual(await claim(), []);
  });

  it('sees every change of transactions that run into each other', async () => {
    await store.transaction(['a', 'b'].map((id) => ({ sql: LEASE, params: [id, 0, bytes('v')] })));
    const add = (id: string) => ({ sql: 'UPDATE leases SET attempts = attempts + 1 WHERE id = $1', params: [id] });
    // In both orders: on PostgreSQL some of these deadlock, and are run again.
    await Promise.all(
      Array.from({ length: 6 }, (_, index) =>
        store.transaction(index % 2 === 0 ? [add('a'), add('b')] : [add('b'), add('a')]),
      ),
    );
    const { rows } = await store.run('SELECT attempts FROM leases');
    assert.deepEqual(
      rows.map((row) => row['attempts']),
      [6, 6],
    );
  });

  it('opens again what is there, and refuses calls after close', async () => {
    const second = await open();
    await second.close();
    await second.close();
    await assert.rejects(second.run('SELECT 1'), { code: 'unavailable', message: /closed/ });
  });
}

describe('the embedded store', () => suite(() => openEmbeddedStore({ path: ':memory:' })));

describe('the store on PostgreSQL', () => {
  let database: TestDatabase;
  let url: string;
  before(async () => {
    database = await databaseUnderTest();
    // A database of its own, since the one under test may be a real cluster's.
    // With a locale that sorts otherwise than by bytes, where the server has such.
    const create = `CREATE DATABASE coffer_store OWNER ${database.user}`;
    const withLocale = `${create} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'`;
    await database.query(withLocale).catch(() => database.query(create));
    const own = new URL(database.url);
    own.pathname = '/coffer_store';
    url = own.toString();
  });
  after(async () => {
    await database.query('DROP DATABASE coffer_store');
    await database.stop();
  });

  suite(() => openPostgresStore({ connectionUrl: url }));

  it('is made by several nodes that start at once', async () => {
    await database.query(`CREATE DATABASE coffer_store_race OWNER ${database.user}`);
    try {
      const own = new URL(url);
      own.pathname = '/coffer_store_race';
      const stores = await Promise.all(
        Array.from({ length: 4 }, () => openPostgresStore({ connectionUrl: own.toString(), maxConnections: 2 })),
      );
      const { rows } = (await stores[0]?.run('SELECT count(*) AS n FROM migrations')) ?? { rows: [] };
      assert.ok(Number(rows[0]?.['n']) > 0);
      for (const store of stores) await store.close();
    } finally {
      await database.query('DROP DATABASE coffer_store_race');
    }
  });

  it('refuses a schema of a newer version', async () => {
    await database.query('INSERT INTO migrations (version) VALUES (9999)', [], 'coffer_store');
    await assert.rejects(openPostgresStore({ connectionUrl: url }), { code: 'failed', message: /newer Coffer/ });
    await database.query('DELETE FROM migrations WHERE version = 9999', [], 'coffer_store');
  });

  it('says what cannot be reached, without the password', async () => {
    const own = new URL(url);
    own.port = '1';
    await assert.rejects(openPostgresStore({ connectionUrl: own.toString() }), (error: Error) => {
      assert.match(error.message, /cannot connect/);
      assert.ok(!error.message.includes(`:${database.password}@`));
      return true;
    });
    await assert.rejects(openPostgresStore({ connectionUrl: 'host=x' }), { message: /connection_url/ });
  });

  it('goes on after its connections were ended', async () => {
    const store = await openPostgresStore({ connectionUrl: url, maxConnections: 1 });
    await store.run('SELECT 1');
    await database.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'coffer-store'",
    );
    let answered = false;
    for (let attempt = 0; attempt < 5 && !answered; attempt++) {
      answered = await store.run('SELECT 1').then(
        () => true,
        (error: unknown) => {
          // Whichever of the two the connection hears first: the server's word, or its end.
          assert.match(String(error), /broke|terminating connection/);
          return false;
        },
      );
    }
    assert.ok(answered);
    await store.close();
  });
});
