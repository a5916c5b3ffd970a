import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nodeLocal } from './node-local.ts';

const ROWS = `(SELECT * FROM pg_catalog.pg_stat_activity WHERE pid = ANY('{7,8}'::int4[]))`;

describe('nodeLocal', () => {
  it('narrows pg_stat_activity, with or without alias', () => {
    const cases: [string, string][] = [
      ['SELECT pid FROM pg_stat_activity', `SELECT pid FROM ${ROWS} AS pg_stat_activity`],
      ['SELECT pid FROM pg_stat_get_activity(NULL)', `SELECT pid FROM ${ROWS} AS pg_stat_activity`],
      ['select 1 from pg_catalog.pg_stat_activity where true', `select 1 from ${ROWS} AS pg_stat_activity where true`],
      ['SELECT 1 FROM pg_stat_activity a WHERE a.pid = 1', `SELECT 1 FROM ${ROWS} a WHERE a.pid = 1`],
      [
        'SELECT 1 FROM pg_roles r JOIN pg_stat_activity AS a ON true',
        `SELECT 1 FROM pg_roles r JOIN ${ROWS} AS a ON true`,
      ],
      ['SELECT 1 FROM pg_roles, pg_stat_activity;', `SELECT 1 FROM pg_roles, ${ROWS} AS pg_stat_activity;`],
      ['SELECT 1 FROM pg_roles', 'SELECT 1 FROM pg_roles'],
    ];
    for (const [sql, expected] of cases) assert.equal(nodeLocal(sql, [7, 8]), expected);
  });

  it('ends nobody elsewhere, whatever the argument looks like', () => {
    const only = (pid: string): string => `CASE WHEN (${pid}) = ANY('{7}'::int4[]) THEN (${pid}) ELSE 2147483647 END`;
    const cases: [string, string][] = [
      ['SELECT pg_terminate_backend($1)', `SELECT pg_catalog.pg_terminate_backend(${only('$1')})`],
      [
        'SELECT pg_terminate_backend(f(a, 1), 5000) AS x',
        `SELECT pg_catalog.pg_terminate_backend(${only('f(a, 1)')}, 5000) AS x`,
      ],
      [`SELECT pg_catalog.pg_terminate_backend(f(')'))`, `SELECT pg_catalog.pg_terminate_backend(${only(`f(')')`)})`],
    ];
    for (const [sql, expected] of cases) assert.equal(nodeLocal(sql, [7]), expected);
    const twice = nodeLocal('SELECT pg_terminate_backend(1), pg_terminate_backend(2)', [7]);
    assert.equal(twice.match(/ELSE 2147483647/g)?.length, 2);
  });
});
