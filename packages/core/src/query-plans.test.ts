/** What is asked for often must not read a whole table: memory and time would grow with the number of leases and tokens. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openEmbeddedStore } from '@coffer/store';
import { exceptionFor, MAY_GROW, SMALL } from './plan-faults-fixture.ts';
import { statementsOfCore } from './statements-fixture.ts';

/** Subqueries: a LIMIT ends them. */
const SUBQUERY = /^(over|spent|family|up|down|credentials|issued|due|overs|irrevocable|page|b\d+)$/;

describe('the statements on the embedded store', () => {
  it('read no whole table; a walk along an index ends at its LIMIT', async () => {
    const store = await openEmbeddedStore({ path: ':memory:' });
    const scans: string[] = [];
    for (const { sql, params } of await statementsOfCore(store)) {
      const { rows } = await store.run(`EXPLAIN QUERY PLAN ${sql}`, params);
      const tables = rows.map((row) => /^SCAN (\w+)$/.exec(String(row['detail']))?.[1] ?? '');
      const read = tables.filter((table) => table !== '' && !SUBQUERY.test(table) && !(table in SMALL));
      scans.push(...read.map((table) => exceptionFor(sql) ?? `${table}: ${sql}`));
    }
    await store.close();
    // That counts all of them are counted in an index, which is smaller.
    assert.deepEqual(
      scans.sort(),
      Object.keys(MAY_GROW)
        .filter((sql) => !/^SELECT count\(\*\) AS n FROM \w+$/.test(sql))
        .sort(),
    );
  });
});
