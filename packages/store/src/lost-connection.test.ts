/** What becomes of a statement whose connection is lost, by when that happens. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, type FaultAction, type WireProxy } from '@coffer/testkit';
import { namesIn, type OpenedStore, PUT, StoreNodes, VALUE } from './store-fixture.ts';

const nodes = new StoreNodes();
const put = (name: string) => ({ sql: PUT, params: ['m', name, VALUE] });
const UPSERT = `${PUT} ON CONFLICT (mount, name) DO UPDATE SET value = excluded.value`;
const UNKNOWN = { code: 'unavailable', message: /broke \(.*\): it is unknown whether the request was stored$/ };
const ENDED: FaultAction = { type: 'fatal', sqlstate: '57P01', message: 'terminating connection' };

async function open(test: TestContext): Promise<OpenedStore & { readonly proxy: WireProxy }> {
  const [proxy] = await nodes.proxies(test, 1);
  assert.ok(proxy !== undefined);
  return { proxy, ...(await nodes.open(test, [proxy], { maxConnections: 1 })) };
}

/** How often a statement like this was asked for. */
const asked = (proxy: WireProxy, sql: RegExp): number =>
  proxy.statements.filter((statement) => sql.test(statement.sql)).length;

describe('a statement whose connection is lost', () => {
  it('is sent over another one when that was lost before', async (test) => {
    const { proxy, store } = await open(test);
    await store.run('SELECT 1');
    proxy.dropAll();
    await eventually(() => proxy.connections === 0, 'the end of the connection');
    await sleep(20);
    await store.run(PUT, ['m', 'a', VALUE]);
    assert.deepEqual(await namesIn(store), ['a']);
  });

  for (const type of ['drop-before', 'drop-after'] as const) {
    it(`is repeated when it reads (${type})`, async (test) => {
      const { proxy, store, log } = await open(test);
      await store.run(PUT, ['m', 'a', VALUE]);
      proxy.addFault({ match: /^SELECT name/, times: 2, action: { type } });
      assert.deepEqual(await namesIn(store), ['a']);
      assert.equal(asked(proxy, /^SELECT name/), 3);
      proxy.addFault({ match: /^WITH/, action: { type } });
      const { rows } = await store.run('WITH all_of (name) AS (SELECT name FROM entries) SELECT name FROM all_of');
      assert.equal(rows.length, 1);
      proxy.addFault({ match: /FOR SHARE/, action: { type } });
      const locked = 'SELECT name FROM entries WHERE name = $1 FOR SHARE';
      assert.equal((await store.transaction([{ sql: locked, params: ['a'] }, { sql: 'SELECT 1' }])).length, 2);
      assert.equal(
        log.filter(({ message, fields }) => message === 'store: retrying' && fields['reason'] === 'connection').length,
        4,
      );
    });

    it(`is not repeated when it writes and nobody can know (${type})`, async (test) => {
      const { proxy, store } = await open(test);
      for (const [sql, pattern] of [
        [PUT, /^INSERT/],
        [UPSERT, /^INSERT/],
        ["UPDATE entries SET name = $2 WHERE mount = $1 AND value = $3 AND name = 'none'", /^UPDATE/],
        [`WITH made AS (${PUT} RETURNING name) SELECT name FROM made`, /^WITH made/],
      ] as const) {
        const before = asked(proxy, pattern);
        proxy.addFault({ match: pattern, action: { type } });
        await assert.rejects(store.run(sql, ['m', 'a', VALUE]), UNKNOWN);
        assert.equal(asked(proxy, pattern) - before, 1, sql);
        await store.run('DELETE FROM entries');
      }
    });

    it(`is repeated when it says that it may be (${type})`, async (test) => {
      const { proxy, store } = await open(test);
      const statement = { sql: UPSERT, params: ['m', 'a', VALUE], repeatable: true };
      proxy.addFault({ match: /^INSERT/, action: { type } });
      assert.equal((await store.transaction([statement]))[0]?.changes, 1);
      assert.equal(asked(proxy, /^INSERT INTO entries/), 2);
      proxy.addFault({ match: /^COMMIT/, action: { type } });
      const [, inserted, read] = await store.transaction([
        { sql: 'SELECT 1' },
        statement,
        { sql: 'SELECT name FROM entries' },
      ]);
      assert.deepEqual([inserted?.changes, read?.rows.length], [1, 1]);
      assert.deepEqual(await namesIn(store), ['a']);
    });

    it(`is repeated with its transaction when that was not to be committed yet (${type})`, async (test) => {
      const { proxy, store } = await open(test);
      for (const [at, match] of [/^BEGIN/, /^INSERT/].entries()) {
        proxy.addFault({ match, action: { type } });
        await store.transaction([put(`a${at}`), put(`b${at}`)]);
      }
      assert.deepEqual(await namesIn(store), ['a0', 'a1', 'b0', 'b1']);
    });

    it(`is not repeated when the COMMIT was not answered (${type})`, async (test) => {
      const { proxy, store } = await open(test);
      proxy.addFault({ match: /^COMMIT/, action: { type } });
      await assert.rejects(store.transaction([put('a'), put('b')]), UNKNOWN);
      assert.equal(asked(proxy, /^INSERT INTO entries/), 2);
      assert.deepEqual(await namesIn(store), type === 'drop-after' ? ['a', 'b'] : []);
    });
  }

  it('is repeated when the server ended the session before it looked at it', async (test) => {
    const { proxy, store } = await open(test);
    proxy.addFault({ match: /^INSERT/, action: ENDED });
    await store.run(PUT, ['m', 'a', VALUE]);
    proxy.addFault({ match: /^BEGIN/, action: ENDED });
    await store.transaction([put('b'), put('c')]);
    assert.deepEqual(await namesIn(store), ['a', 'b', 'c']);
  });

  it('is not repeated when the server ended the session while it was at it', async (test) => {
    const { store } = await open(test);
    const { server } = nodes;
    const end = async (): Promise<void> => {
      const ended = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'UPDATE entries%' AND state = 'active'`;
      while ((await server.query(ended)).length === 0) await sleep(20);
    };
    await store.run(PUT, ['m', 'a', VALUE]);
    const sleeping = store.run("UPDATE entries SET name = $1 WHERE pg_catalog.pg_sleep(5) IS NOT NULL AND name = 'a'", [
      'b',
    ]);
    await Promise.all([end(), assert.rejects(sleeping, UNKNOWN)]);
    assert.deepEqual(await namesIn(store), ['a']);
  });

  it('leaves the next one a connection without a transaction', async (test) => {
    const { store, proxy } = await open(test);
    await store.run(PUT, ['m', 'a', VALUE]);
    const connections = new Set(proxy.statements.map(({ connection }) => connection)).size;
    await assert.rejects(store.transaction([put('b'), put('a'), put('c')]), { code: 'internal', message: /unique/ });
    await assert.rejects(store.transaction([put('c'), { sql: 'SELECT nonsense' }]), { code: 'internal' });
    assert.deepEqual(await namesIn(store), ['a']);
    assert.equal(new Set(proxy.statements.map(({ connection }) => connection)).size, connections, 'the same one');
  });
});

describe('statements that run into others', () => {
  for (const [sqlstate, times] of [
    ['40001', 9],
    ['40P01', 2],
  ] as const) {
    it(`are repeated after ${sqlstate}, and counted`, async (test) => {
      const { proxy, store, log } = await open(test);
      const action: FaultAction = { type: 'error', sqlstate, message: 'try again' };
      proxy.addFault({ match: /^INSERT INTO entries/, times, action });
      await store.run(PUT, ['m', 'a', VALUE]);
      proxy.addFault({ match: /^COMMIT/, times, action });
      await store.transaction([put('b'), put('c')]);
      proxy.addFault({ match: /^INSERT INTO entries/, times, action });
      await store.transaction([put('d'), put('e')]);
      assert.deepEqual(await namesIn(store), ['a', 'b', 'c', 'd', 'e']);
      await store.close();
      const told = log.filter(({ level }) => level === 'info').map(({ message }) => message);
      assert.deepEqual(told, [`store: retried ${times * 3} statements: ${sqlstate} ${times * 3}`]);
      assert.equal(log.filter(({ message }) => message === 'store: retrying').length, times * 3);
    });
  }

  it('are given up after ten attempts', async (test) => {
    const { proxy, store } = await open(test);
    const action: FaultAction = { type: 'error', sqlstate: '40001', message: 'try again' };
    proxy.addFault({ match: /^INSERT/, times: 100, action });
    await assert.rejects(store.run(PUT, ['m', 'a', VALUE]), {
      code: 'unavailable',
      message: 'store: too much contention: nothing of this request was stored',
    });
    assert.equal(asked(proxy, /^INSERT INTO entries/), 10);
  });
});
