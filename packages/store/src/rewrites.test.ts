/** What was read while the number of a table stayed the same is what is there: whoever keeps it relies on that alone. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { openEmbeddedStore, type Store } from './index.ts';
import { Rewrites } from './rewrites.ts';
import { watchedStore } from './watched-store.ts';
import { NO_METRICS } from '@coffer/base';

/** Of which of the two tables a statement may have changed rows. */
function changedBy(sql: string): readonly string[] {
  const rewrites = new Rewrites();
  // Also when the text is known already.
  for (const count of [1, 2]) {
    rewrites.count([{ sql }]);
    for (const table of ['tokens', 'epoch']) assert.ok([0, count].includes(rewrites.of(table)), sql);
  }
  return ['tokens', 'epoch'].filter((table) => rewrites.of(table) > 0);
}

describe('rewrites', () => {
  it('are statements that change or remove rows of their table', () => {
    for (const sql of [
      'UPDATE tokens SET parent = $1',
      '\n  update\n tokens SET parent = (SELECT epoch FROM epoch)',
      'DELETE FROM tokens WHERE id IN (SELECT id FROM epoch)',
      'delete  from Tokens',
      'DELETE FROM tokens',
      'INSERT INTO tokens (id) VALUES ($1) ON CONFLICT (id) DO UPDATE SET parent = $2',
      'INSERT INTO tokens(id) VALUES ($1) ON CONFLICT (id)\n DO\n UPDATE SET parent = $2',
    ]) {
      assert.deepEqual(changedBy(sql), ['tokens'], sql);
    }
  });

  it('are none that add rows or read them, though they lock them', () => {
    for (const sql of [
      'INSERT INTO tokens (id) VALUES ($1)',
      'INSERT INTO tokens (id) VALUES ($1) ON CONFLICT DO NOTHING',
      'INSERT INTO tokens (id) SELECT id FROM epoch WHERE id = $1',
      'SELECT * FROM tokens',
      '  select 1 FROM tokens WHERE id = $1 FOR SHARE',
      'SELECT id FROM tokens FOR UPDATE',
    ]) {
      assert.deepEqual(changedBy(sql), [], sql);
    }
  });

  it('of another form may be of any table', () => {
    for (const sql of [
      'WITH old AS (SELECT id FROM leases) DELETE FROM tokens WHERE id IN (SELECT id FROM old)',
      'REPLACE INTO tokens (id) VALUES ($1)',
      'INSERT OR REPLACE INTO tokens (id) VALUES ($1)',
      'UPDATE OR IGNORE tokens SET parent = $1',
      'UPDATE main.tokens SET parent = $1',
      'DELETE FROM main.tokens',
      'INSERT INTO main.tokens (id) VALUES ($1) ON CONFLICT (id) DO UPDATE SET parent = $2',
      'UPDATE "tokens" SET parent = $1',
      'DROP TABLE tokens',
      '/* why */ UPDATE tokens SET parent = $1',
    ]) {
      assert.deepEqual(changedBy(sql), ['tokens', 'epoch'], sql);
    }
  });

  it('are counted however many texts there are', () => {
    const rewrites = new Rewrites();
    for (let count = 1; count <= 3_000; count++) {
      rewrites.count([
        { sql: `UPDATE tokens SET uses_left = ${count}` },
        { sql: `INSERT INTO tokens VALUES (${count})` },
      ]);
      assert.equal(rewrites.of('tokens'), count);
    }
  });
});

describe('rewrites of an embedded store', () => {
  const RENAME = 'UPDATE policies SET name = $1';
  const NAME = 'SELECT name FROM policies';
  let store: Store;
  const number = (): number => store.rewrites?.('policies') ?? assert.fail('it does not count');
  const nameOf = async (): Promise<unknown> => (await store.run(NAME)).rows[0]?.['name'];

  beforeEach(async () => {
    store = await openEmbeddedStore({ path: ':memory:' });
    await store.run("INSERT INTO policies (name, value) VALUES ('old', $1)", [Buffer.of(1)]);
  });
  afterEach(() => store.close());

  it('grow before a write is answered, and again when it is', async () => {
    for (const write of [
      () => store.run(RENAME, ['new']),
      () => store.transaction([{ sql: NAME }, { sql: RENAME, params: ['newer'] }]),
    ]) {
      const before = number();
      const written = write();
      assert.equal(number(), before + 1);
      await written;
      assert.equal(number(), before + 2);
    }
    assert.equal(await nameOf(), 'newer');
  });

  it('grow as much for a write that fails', async () => {
    const before = number();
    await assert.rejects(store.run('UPDATE policies SET value = NULL'), /NOT NULL/);
    assert.equal(number(), before + 2);
  });

  it('stay for what is read, added, or of another table', async () => {
    const before = number();
    await nameOf();
    await store.run("INSERT INTO policies (name, value) VALUES ('more', $1)", [Buffer.of(1)]);
    await store.run('UPDATE epoch SET epoch = epoch + 1');
    assert.equal(number(), before);
  });

  it('grow in a bulk transaction, of which nothing is read before it is committed or undone', async () => {
    const { bulk } = store;
    assert.ok(bulk);
    for (const [name, fails] of [
      ['undone', true],
      ['committed', false],
    ] as const) {
      let read: Promise<unknown> | undefined;
      let whileRead = -1;
      const all = bulk.exclusively([], async (run) => {
        const before = number();
        const written = run(RENAME, [name]);
        assert.equal(number(), before + 1);
        await written;
        assert.equal(number(), before + 2);
        // The number does not grow any more: whatever is read from now on may be kept.
        whileRead = number();
        read = nameOf();
        await run(NAME);
        if (fails) throw new Error('on purpose');
      });
      if (fails) await assert.rejects(all, /on purpose/);
      else await all;
      assert.equal(await read, fails ? 'old' : name);
      assert.equal(number(), whileRead);
    }
  });

  it('are passed on where its statements are counted', async () => {
    const watched = watchedStore(store, NO_METRICS);
    const before = number();
    await watched.run(RENAME, ['new']);
    assert.equal(watched.rewrites?.('policies'), before + 2);
  });
});
