/** Statements as the server's own log tells them, by kind, with what each kind costs on YugabyteDB. */
import assert from 'node:assert/strict';
import type { TestPostgres } from '@coffer/testkit';
import { splitSql } from '@coffer/ysql';

/**
 * `none` leaves YugabyteDB's catalog version as it is; `bump` makes every backend refresh its catalog cache; `breaking`
 * aborts running transactions as well.
 */
export type CatalogCost = 'none' | 'bump' | 'breaking';

interface StatementKind {
  readonly kind: string;
  readonly pattern: RegExp;
  readonly cost: CatalogCost;
}

/**
 * The first row that fits decides; a statement that none fits fails the test. Costs: YbGetDdlMode in
 * yugabyte/yugabyte-db:src/postgres/src/backend/utils/misc/pg_yb_utils.c, the same in its PG11 and PG15 trees. From
 * 2026.1 on every DDL bumps (yugabyte-db issue 28253).
 */
export const STATEMENT_KINDS: readonly StatementKind[] = [
  { kind: 'SELECT', pattern: /^SELECT\b/i, cost: 'none' },
  { kind: 'BEGIN', pattern: /^BEGIN$/i, cost: 'none' },
  { kind: 'COMMIT', pattern: /^COMMIT$/i, cost: 'none' },
  { kind: 'SET', pattern: /^SET\b/i, cost: 'none' },
  {
    kind: 'CREATE ROLE ... IN ROLE',
    pattern: /^CREATE ROLE .*\b(?:IN (?:ROLE|GROUP)|ROLE|ADMIN|USER) [\w", ]+$/i,
    cost: 'bump',
  },
  { kind: 'CREATE ROLE', pattern: /^CREATE ROLE\b/i, cost: 'none' },
  { kind: 'GRANT', pattern: /^GRANT\b/i, cost: 'bump' },
  { kind: 'ALTER ROLE ... PASSWORD', pattern: /^ALTER ROLE \S+ WITH PASSWORD '[^']*'$/i, cost: 'none' },
  { kind: 'ALTER ROLE', pattern: /^ALTER ROLE\b/i, cost: 'breaking' },
  { kind: 'REVOKE', pattern: /^REVOKE\b/i, cost: 'breaking' },
  { kind: 'REASSIGN OWNED', pattern: /^REASSIGN OWNED\b/i, cost: 'breaking' },
  { kind: 'DROP OWNED', pattern: /^DROP OWNED\b/i, cost: 'breaking' },
  { kind: 'DROP ROLE', pattern: /^DROP ROLE\b/i, cost: 'breaking' },
];

/** `SET yb_make_next_ddl_statement_nonbreaking = true` holds for one DDL statement of its connection. */
const SPARES_NEXT = /make_next_ddl_statement_nonbreaking\s*=\s*true/;

export interface Counted {
  /** How many statements of each kind. */
  readonly statements: Readonly<Record<string, number>>;
  /** Changes of the catalog version, the breaking ones included. */
  readonly bumps: number;
  readonly breaking: number;
}

export function kindOf(sql: string): StatementKind {
  const found = STATEMENT_KINDS.find(({ pattern }) => pattern.test(sql));
  assert.ok(found !== undefined, `nobody has said what this statement costs: ${sql}`);
  return found;
}

/** Settings for {@link startPostgres} with which {@link countStatements} can read the log. */
export const LOG_EVERY_STATEMENT = { log_statement: 'all', log_line_prefix: '[%a] ' };

interface LoggedStatement {
  readonly connection: string;
  readonly sql: string;
}

/** What the plugin's connections sent; the lines of one entry after its first begin with a tab. */
function readLog(log: string): LoggedStatement[] {
  const entries = log.matchAll(/^\[(ysql-plugin \w+)\] LOG: {2}(?:statement|execute [^:]*): (.*(?:\n\t.*)*)/gm);
  return [...entries].flatMap(([, connection = '', text = '']) =>
    splitSql(text).map((sql) => ({ connection, sql: sql.replace(/\s+/g, ' ') })),
  );
}

/** Counts what the plugin has the server do while `work` runs. */
export async function countStatements(server: TestPostgres, work: () => Promise<unknown>): Promise<Counted> {
  // The server writes its log before it answers.
  const from = server.log().length;
  await work();
  const statements: Record<string, number> = {};
  const spared = new Set<string>();
  let bumps = 0;
  let breaking = 0;
  for (const { connection, sql } of readLog(server.log().slice(from))) {
    const { kind, cost } = kindOf(sql);
    statements[kind] = (statements[kind] ?? 0) + 1;
    if (SPARES_NEXT.test(sql)) spared.add(connection);
    if (cost === 'none') continue;
    bumps++;
    if (cost === 'breaking' && !spared.delete(connection)) breaking++;
  }
  return { statements, bumps, breaking };
}

export function total(...counted: readonly Counted[]): Pick<Counted, 'bumps' | 'breaking'> {
  return {
    bumps: counted.reduce((sum, { bumps }) => sum + bumps, 0),
    breaking: counted.reduce((sum, { breaking }) => sum + breaking, 0),
  };
}
