/**
 * On PostgreSQL every statement finds its rows by an index, whether or not there are statistics: YugabyteDB has none until somebody
 * runs ANALYZE.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openPostgresStore, type SqlStatement, type SqlValue, type Store } from '@coffer/store';
import { databaseUnderTest, type TestDatabase } from '@coffer/testkit';
import { exceptionFor, faultsOf, GROWING, MAY_GROW, type PlanNode, rowsRead, SMALL } from './plan-faults-fixture.ts';
import { statementsOfCore } from './statements-fixture.ts';

const ROWS = 4_000;
/** The most rows that a statement reads, however many there are: a page of a list, and what is beside it. */
const MOST_ROWS = 1_100;
/** Much of one kind, as in one big mount; one token has made half of all others; every hundredth never ends. */
const LOAD = [
  `INSERT INTO leases (id, token, state, issue_time, expire_time, last_renewal, claimed_until, next_attempt, attempts,
     last_error, value, bucket)
   SELECT 'a/role/' || md5(CAST(i AS TEXT)), CASE WHEN i % 2 = 0 THEN 'one' ELSE md5(CAST(i % 100 AS TEXT)) END, 'active', 0, store_now() + 3600000 + i,
     NULL, 0, store_now() + 3600000 + i, 0, NULL, '', i % 16 FROM generate_series(1, ${ROWS}) AS i`,
  `INSERT INTO tokens (id, accessor, parent, expire_time, uses_left, value, lease, bucket)
   SELECT md5(CAST(i AS TEXT)), md5('a' || i), CASE WHEN i % 2 = 0 THEN 'one' ELSE '' END, CASE WHEN i % 100 = 0 THEN NULL ELSE store_now() + 3600000 + i END, 0, CAST(repeat('x', 300) AS BYTEA),
     'auth/token/create/h' || md5(CAST(i AS TEXT)), i % 16 FROM generate_series(1, ${ROWS}) AS i`,
  `INSERT INTO entries (mount, name, value) SELECT 'm', 'roles/' || i, '' FROM generate_series(1, ${ROWS}) AS i`,
  `INSERT INTO intents (mount, subject, login, state, claim, claimed_until, next_attempt, attempts, last_error, value)
   SELECT 'm', 'subject' || i, 'login' || i, 'open', '', 0, store_now() + 3600000 + i, 0, NULL, ''
   FROM generate_series(1, ${ROWS}) AS i`,
  `INSERT INTO changes (epoch, node, what) SELECT i, 'n', '{"keys":[]}' FROM generate_series(1, ${ROWS}) AS i`,
  `UPDATE epoch SET epoch = ${ROWS} WHERE name = 'store'`,
];

function literal(value: SqlValue): string {
  if (value === null) return 'NULL';
  if (value instanceof Uint8Array) return `'\\x${Buffer.from(value).toString('hex')}'`;
  return typeof value === 'number' ? String(value) : `'${value.replaceAll("'", "''")}'`;
}

describe('the statements on PostgreSQL', () => {
  let database: TestDatabase;
  let store: Store;
  let statements: readonly SqlStatement[];

  before(async () => {
    database = await databaseUnderTest();
    await database.query(`CREATE DATABASE coffer_plans OWNER ${database.user}`);
    const url = new URL(database.url);
    url.pathname = '/coffer_plans';
    store = await openPostgresStore({ connectionUrl: url.href, maxConnections: 2 });
    for (const table of GROWING) await store.run(`ALTER TABLE ${table} SET (autovacuum_enabled = false)`);
    statements = await statementsOfCore(store);
    await store.run('DELETE FROM changes');
    for (const sql of LOAD) await store.run(sql);
  });
  after(async () => {
    await store.close();
    await database.query('DROP DATABASE coffer_plans');
    await database.stop();
  });

  async function planOf({ sql, params }: SqlStatement): Promise<PlanNode> {
    const { rows } = await store.run(`EXPLAIN (FORMAT JSON) ${sql}`, params);
    const plans: unknown = rows[0]?.['QUERY PLAN'];
    return (plans as readonly { readonly Plan: PlanNode }[])[0]?.Plan ?? assert.fail(sql);
  }

  /** The plan for any parameters, which a connection keeps once it has run a statement a few times. */
  async function keptPlanOf({ sql, params = [] }: SqlStatement): Promise<PlanNode> {
    const values = params.length === 0 ? '' : `(${params.map(literal).join(', ')})`;
    const answers = await store.transaction([
      { sql: 'SET LOCAL plan_cache_mode = force_generic_plan' },
      { sql: `PREPARE kept AS ${sql}` },
      { sql: `EXPLAIN (FORMAT JSON) EXECUTE kept ${values}` },
      { sql: 'DEALLOCATE kept' },
    ]);
    const plans: unknown = answers[2]?.rows[0]?.['QUERY PLAN'];
    return (plans as readonly { readonly Plan: PlanNode }[])[0]?.Plan ?? assert.fail(sql);
  }

  /** How many rows of tables that grow it reads when it is run, which has no effect. */
  async function rowsReadBy(sql: string, params: readonly SqlValue[] = []): Promise<number> {
    const answers = await store.transaction([
      { sql: 'SAVEPOINT before' },
      // What comes after it in a transaction of its own finds a new one.
      { sql: "UPDATE epoch SET epoch = epoch + 1 WHERE name = 'store'" },
      { sql: `EXPLAIN (ANALYZE, FORMAT JSON) ${sql}`, params },
      { sql: 'ROLLBACK TO SAVEPOINT before' },
    ]);
    const plans: unknown = answers[2]?.rows[0]?.['QUERY PLAN'];
    return rowsRead((plans as readonly { readonly Plan: PlanNode }[])[0]?.Plan ?? assert.fail(sql));
  }

  async function checkRows(): Promise<void> {
    const all = statements.filter(({ sql }) => exceptionFor(sql) === undefined);
    const found: string[] = [];
    for (const { sql, params } of all) {
      const rows = await rowsReadBy(sql, params);
      if (rows > MOST_ROWS) found.push(`${rows} rows: ${sql}`);
    }
    assert.deepEqual(found, []);
  }

  async function check(plan: (statement: SqlStatement) => Promise<PlanNode>): Promise<void> {
    const faults: string[] = [];
    for (const statement of statements) {
      const found = faultsOf(await plan(statement));
      if (found.length > 0) faults.push(exceptionFor(statement.sql) ?? `${found.join(', ')}: ${statement.sql}`);
    }
    assert.deepEqual(faults.sort(), Object.keys(MAY_GROW).sort());
  }

  const kinds = { 'once more': planOf, 'again and again': keptPlanOf };
  for (const [often, plan] of Object.entries(kinds)) {
    it(`find their rows by an index without statistics, run ${often}`, () => check(plan));
  }

  it('read no more the more there is, without statistics', checkRows);

  it('do all of this with statistics', async () => {
    for (const table of GROWING) await store.run(`ANALYZE ${table}`);
    await check(planOf);
    await check(keptPlanOf);
    await checkRows();
  });

  it('are of tables that are known to grow, or not to', async () => {
    const { rows } = await store.run('SELECT tablename FROM pg_tables WHERE schemaname = current_schema()');
    const tables = rows.map((row) => String(row['tablename'])).sort();
    assert.deepEqual(tables, [...GROWING, ...Object.keys(SMALL)].sort());
  });
});
