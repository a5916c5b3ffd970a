/** A store that is read and written as a whole. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startPostgres, type TestPostgres } from '@coffer/testkit';
import { insertRows } from './bulk.ts';
import { openEmbeddedStore, openPostgresStore, type SqlRow, type Store, type Table, TABLES } from './index.ts';
import { MIGRATIONS } from './schema.ts';

const VALUE = new TextEncoder().encode('v');
const entries = TABLES.filter(({ name }) => name === 'entries');

async function rowsOf(store: Store, tables: readonly Table[] = entries): Promise<SqlRow[]> {
  const found: SqlRow[] = [];
  await store.bulk?.dump(tables, (_, rows) => Promise.resolve(void found.push(...rows)));
  return found;
}

const row = (name: string): SqlRow => ({ mount: 'm', name, value: VALUE });

describe('the tables of a copy', () => {
  /** Those that belong to the processes on a store. */
  const LEFT_OUT = ['epoch', 'changes', 'nodes'];

  it('are all that people put something into, with all of their columns', async () => {
    const store = await openEmbeddedStore({ path: ':memory:' });
    try {
      const made = MIGRATIONS.flat().flatMap((sql) => /^CREATE TABLE IF NOT EXISTS (\w+)/.exec(sql)?.[1] ?? []);
      assert.deepEqual(
        TABLES.map(({ name }) => name).toSorted(),
        made.filter((name) => !LEFT_OUT.includes(name)).toSorted(),
      );
      const types = { text: 'TEXT', number: 'BIGINT', bytes: 'BYTEA' };
      for (const { name, columns } of TABLES) {
        const { rows } = await store.run(
          `SELECT name, type, "notnull" OR pk > 0 AS filled FROM pragma_table_info('${name}')`,
        );
        const schema = rows.map((each) => [each['name'], each['type'], each['filled'] === 0]);
        assert.deepEqual(
          columns.map((each) => [each.name, types[each.type], each.nullable]),
          schema,
          name,
        );
      }
    } finally {
      await store.close();
    }
  });
});

let server: TestPostgres;
let directory: string;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coffer-bulk-'));
  server = await startPostgres();
});
after(async () => {
  await server.stop();
  await rm(directory, { recursive: true });
});

const ENGINES: Readonly<Record<string, () => Promise<Store>>> = {
  embedded: () => openEmbeddedStore({ path: join(directory, 'coffer.db') }),
  'in memory': () => openEmbeddedStore({ path: ':memory:' }),
  PostgreSQL: async () => {
    await server.query(`CREATE DATABASE bulk OWNER ${server.user}`);
    const url = new URL(server.url);
    url.pathname = '/bulk';
    return openPostgresStore({ connectionUrl: url.toString() });
  },
};

for (const [engine, open] of Object.entries(ENGINES)) {
  describe(`the ${engine} store as a whole`, () => {
    let store: Store;
    let bulk: NonNullable<Store['bulk']>;
    before(async () => {
      store = await open();
      assert.ok(store.bulk);
      bulk = store.bulk;
      await store.run('DELETE FROM entries');
    });
    after(() => store.close());

    it('takes rows, and gives them back as they were', async () => {
      const rows = Array.from({ length: 450 }, (_, index) => row(`n${index}`));
      const count = await bulk.exclusively(entries, (run) => insertRows(run, entries[0]!, rows));
      assert.equal(count, 450);
      const found = await rowsOf(store);
      assert.deepEqual(new Set(found.map(({ name }) => name)), new Set(rows.map(({ name }) => name)));
      assert.deepEqual(Buffer.from(found[0]?.['value'] as Uint8Array), Buffer.from(VALUE));
    });

    it('leaves rows alone that are there', async () => {
      const again = [row('n1'), row('more')];
      const insert = (unlessThere: boolean) =>
        bulk.exclusively(entries, (run) => insertRows(run, entries[0]!, again, { unlessThere }));
      await assert.rejects(insert(false));
      assert.equal(await insert(true), 1);
    });

    it('does nothing of a work that fails', async () => {
      const before = await rowsOf(store);
      const half = bulk.exclusively(entries, async (run) => {
        await run('DELETE FROM entries');
        await insertRows(run, entries[0]!, [row('half')]);
        throw new Error('no more');
      });
      await assert.rejects(half, /no more/);
      assert.deepEqual(await rowsOf(store), before);
      await store.run('DELETE FROM entries WHERE name = $1', ['more']);
    });

    it('is read as it was at one moment, while others write', async () => {
      // Whoever writes moves a row to another name: there are always as many.
      let isOver = false;
      let moves = 0;
      const write = (async () => {
        while (!isOver) {
          const [from, to] = [`n${moves % 450}`, `m${moves % 450}`];
          await store.transaction([
            { sql: 'DELETE FROM entries WHERE name = $1', params: [from] },
            { sql: 'INSERT INTO entries (mount, name, value) VALUES ($1, $2, $3)', params: ['m', to, VALUE] },
            { sql: 'DELETE FROM entries WHERE name = $1', params: [to] },
            { sql: 'INSERT INTO entries (mount, name, value) VALUES ($1, $2, $3)', params: ['m', from, VALUE] },
          ]);
          moves++;
        }
      })();
      for (let i = 0; i < 10; i++) {
        const found = await rowsOf(store);
        assert.equal(found.length, 450);
        assert.equal(new Set(found.map(({ name }) => name)).size, 450);
      }
      isOver = true;
      await write;
      assert.ok(moves > 0, 'somebody wrote');
    });

    it('lets nobody else write into tables that are written as a whole', async () => {
      const order: string[] = [];
      const reached = Promise.withResolvers<void>();
      const whole = bulk.exclusively(entries, async (run) => {
        await run('DELETE FROM entries');
        reached.resolve();
        await new Promise((resolve) => setTimeout(resolve, 200));
        order.push('whole');
      });
      await reached.promise;
      const other = store
        .run('INSERT INTO entries (mount, name, value) VALUES ($1, $2, $3)', ['m', 'other', VALUE])
        .then(() => order.push('other'));
      await Promise.all([whole, other]);
      assert.deepEqual(order, ['whole', 'other']);
      assert.deepEqual(
        (await rowsOf(store)).map(({ name }) => name),
        ['other'],
      );
    });
  });
}

describe('a copy of the store file', () => {
  it('is removed, also one that a killed process has left', async () => {
    const path = join(directory, 'other.db');
    let store = await openEmbeddedStore({ path });
    await rowsOf(store);
    const copies = async (): Promise<string[]> => (await readdir(directory)).filter((name) => name.includes('copy'));
    assert.deepEqual(await copies(), []);
    await store.close();
    await writeFile(`${path}.copy-abc`, 'left');
    store = await openEmbeddedStore({ path });
    assert.deepEqual(await copies(), []);
    await store.close();
  });
});
