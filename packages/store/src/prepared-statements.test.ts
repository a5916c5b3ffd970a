/** Each connection has what it asks for again parsed and planned once, and goes on when its server has forgotten it. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { CofferError } from '@coffer/base';
import { type OpenedStore, PUT, StoreNodes, VALUE } from './store-fixture.ts';
import type { Store } from './store.ts';

const nodes = new StoreNodes();
const NAMES = 'SELECT name FROM entries WHERE mount = $1';

/** A store that has one connection. */
function open(test: TestContext, database?: string): Promise<OpenedStore> {
  const { host, port } = nodes.server;
  return nodes.open(test, [{ host, port }], { maxConnections: 1, ...(database !== undefined && { database }) });
}

/** How often the server has been asked to parse this text, and how often to run it. */
async function preparedIn(store: Store, sql: string): Promise<readonly (readonly [string, number])[]> {
  const { rows } = await store.run(
    'SELECT name, generic_plans + custom_plans AS runs FROM pg_prepared_statements WHERE statement = $1',
    [sql],
  );
  return rows.map(({ name, runs }) => [String(name), Number(runs)]);
}

describe('what is asked again', () => {
  it('is parsed once, alone and in a transaction', async (test) => {
    const { store } = await open(test);
    const one = { sql: NAMES, params: ['m'] };
    for (let time = 0; time < 7; time++) await store.run(NAMES, ['m']);
    await store.transaction([one, one, { sql: PUT, params: ['m', 'a', VALUE] }]);
    const [[, runs] = [], ...more] = await preparedIn(store, NAMES);
    assert.deepEqual([runs, more], [9, []]);
  });

  it('has one name on every connection, and another than any other statement', async (test) => {
    const database = await nodes.makeDatabase();
    const [first, second] = [await open(test, database), await open(test, database)];
    const names: string[] = [];
    for (const { store } of [first, second]) {
      await store.run('SELECT 2');
      await store.run(NAMES, ['m']);
      names.push((await preparedIn(store, NAMES))[0]?.[0] ?? '');
    }
    assert.equal(names[0], names[1]);
    assert.notEqual(names[0], (await preparedIn(first.store, 'SELECT 2'))[0]?.[0]);
  });

  it('is prepared again where the server has dropped it, which is counted as a retry', async (test) => {
    const { store, log } = await open(test);
    await store.run(PUT, ['m', 'a', VALUE]);
    await store.run(NAMES, ['m']);
    // Each time another text, which cannot have been dropped itself.
    await store.run('DEALLOCATE ALL');
    assert.equal((await store.run(NAMES, ['m'])).rows.length, 1);
    await store.run('DEALLOCATE PREPARE ALL');
    await store.run(PUT, ['m', 'b', VALUE]);
    await store.run('DEALLOCATE  ALL');
    const put = (name: string) => ({ sql: PUT, params: ['m', name, VALUE] });
    await store.transaction([put('c'), { sql: NAMES, params: ['m'] }, put('d')]);
    assert.deepEqual(
      (await store.run(`${NAMES} ORDER BY name`, ['m'])).rows.map((row) => row['name']),
      ['a', 'b', 'c', 'd'],
    );
    const reasons = log.filter(({ message }) => message === 'store: retrying').map(({ fields }) => fields?.['reason']);
    assert.deepEqual(reasons, ['26000', '26000', '26000']);
  });

  it('is prepared again where its columns have become others', async (test) => {
    const { store } = await open(test);
    await store.run('CREATE TABLE other (a INTEGER)');
    await store.run('INSERT INTO other VALUES (1)');
    assert.deepEqual((await store.run('SELECT * FROM other')).rows, [{ a: 1 }]);
    await store.run('ALTER TABLE other ADD COLUMN b INTEGER');
    assert.deepEqual((await store.run('SELECT * FROM other')).rows, [{ a: 1, b: null }]);
  });

  it('fails each time that it fails, and works when it can', async (test) => {
    const { store } = await open(test);
    const put = { sql: PUT, params: ['m', 'a', VALUE] };
    await store.run(PUT, put.params);
    for (const work of [
      () => store.run(PUT, put.params),
      () => store.transaction([{ sql: NAMES, params: ['m'] }, put]),
    ]) {
      for (let time = 0; time < 3; time++) await assert.rejects(work(), CofferError);
    }
    for (let time = 0; time < 2; time++) await assert.rejects(store.run('SELECT nothing FROM entries'), CofferError);
    assert.equal((await store.run(NAMES, ['m'])).rows.length, 1);
    await store.run(PUT, ['m', 'b', VALUE]);
    assert.equal((await preparedIn(store, PUT)).length, 1);
  });

  it('does not fill the server with texts that differ each time', async (test) => {
    const { store } = await open(test);
    for (let n = 0; n < 600; n++) await store.run(`SELECT ${n} AS n`);
    await store.run(NAMES, ['m']);
    const { rows } = await store.run('SELECT count(*) AS n FROM pg_prepared_statements');
    assert.ok(Number(rows[0]?.['n']) <= 257, String(rows[0]?.['n']));
    assert.deepEqual((await store.run('SELECT 0 AS n')).rows, [{ n: 0 }]);
  });
});
