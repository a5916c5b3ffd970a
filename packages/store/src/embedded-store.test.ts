import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openEmbeddedStore, type Store } from './index.ts';

async function withStore(body: (store: Store) => Promise<void>): Promise<void> {
  const store = await openEmbeddedStore({ path: ':memory:' });
  try {
    await body(store);
  } finally {
    await store.close();
  }
}

const insert = 'INSERT INTO entries (mount, name, value) VALUES ($1, $2, $3)';
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('embedded store', () => {
  it('keeps bytes and numbers, with repeated parameters', () =>
    withStore(async (store) => {
      await store.run(insert, ['m', 'a', bytes('one')]);
      const { rows } = await store.run('SELECT value, $1 AS again FROM entries WHERE mount = $1 AND name = $2', [
        'm',
        'a',
      ]);
      assert.deepEqual(Buffer.from(rows[0]?.['value'] as Uint8Array).toString(), 'one');
      assert.equal(rows[0]?.['again'], 'm');
    }));

  it('runs a transaction whole or not at all', () =>
    withStore(async (store) => {
      const statements = [
        { sql: insert, params: ['m', 'a', bytes('1')] },
        { sql: insert, params: ['m', 'a', bytes('2')] },
      ];
      await assert.rejects(store.transaction(statements), /UNIQUE/);
      assert.equal((await store.run('SELECT * FROM entries')).rows.length, 0);
    }));

  it('commits neighbours of a failing request that came in the same tick', () =>
    withStore(async (store) => {
      const results = await Promise.allSettled([
        store.run(insert, ['m', 'a', bytes('1')]),
        store.run(insert, ['m', 'a', bytes('2')]),
        store.run(insert, ['m', 'b', bytes('3')]),
      ]);
      assert.deepEqual(
        results.map((result) => result.status),
        ['fulfilled', 'rejected', 'fulfilled'],
      );
      assert.equal((await store.run('SELECT * FROM entries')).rows.length, 2);
    }));

  it('counts changed rows, also with RETURNING', () =>
    withStore(async (store) => {
      await store.run(insert, ['m', 'a', bytes('1')]);
      assert.equal((await store.run("UPDATE entries SET name = 'b' WHERE name = 'a' RETURNING name")).changes, 1);
      assert.equal((await store.run("DELETE FROM entries WHERE name = 'b'")).changes, 1);
    }));

  it('survives reopening when it is a file, and refuses calls after close', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'coffer-store-'));
    try {
      const path = join(directory, 'coffer.db');
      const first = await openEmbeddedStore({ path });
      await first.run(insert, ['m', 'a', bytes('kept')]);
      await first.close();
      await assert.rejects(first.run('SELECT 1'), /closed/);
      const second = await openEmbeddedStore({ path });
      assert.equal((await second.run('SELECT * FROM entries')).rows.length, 1);
      await second.close();
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('says what is wrong when the file cannot be opened', async () => {
    await assert.rejects(openEmbeddedStore({ path: '/nonexistent/coffer.db' }), /store: .*unable to open/);
  });
});
