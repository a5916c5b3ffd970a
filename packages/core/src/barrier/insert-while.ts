import type { SqlStatement, SqlValue } from '@coffer/store';
import type { Condition } from '@coffer/framework';

export interface Insertion {
  /** `leases (id, token, ...)` */
  readonly into: string;
  /** SQL for each column, with `$1` and so on for `params`. */
  readonly values: string;
  readonly params: readonly SqlValue[];
  /** `ON CONFLICT ...` */
  readonly onConflict?: string;
}

/**
 * The statement that inserts a row while every condition holds, and changes nothing otherwise.
 *
 * `FOR SHARE` makes this so where several write at once, whatever the isolation level: a row of a condition cannot be
 * changed or deleted until the insert is committed. Whoever removes it either waits for this insert, and sees its row in the
 * next statement, or came first: then this one waits, finds the row changed, and inserts nothing. `FOR KEY SHARE` would not
 * do, since ending a token begins by changing a column that is not a key. The time is the store's, read again after such a
 * wait.
 */
export function insertWhile(
  { into, values, params, onConflict = '' }: Insertion,
  conditions: readonly Condition[],
): SqlStatement {
  if (conditions.length === 0) return { sql: `INSERT INTO ${into} VALUES (${values}) ${onConflict}`.trim(), params };
  const all = [...params];
  const sql = `INSERT INTO ${into} SELECT ${values} ${fromConditions(conditions, all)} ${onConflict}`;
  return { sql: sql.trim(), params: all };
}

/** The statement that deletes rows while every condition holds, as {@link insertWhile} does. `where`: which. */
export function deleteWhile(
  { from, where, params }: { readonly from: string; readonly where: string; readonly params: readonly SqlValue[] },
  conditions: readonly Condition[],
): SqlStatement {
  const all = [...params];
  return {
    sql: `DELETE FROM ${from} WHERE ${where} AND EXISTS (SELECT 1 ${fromConditions(conditions, all)})`,
    params: all,
  };
}

/** The statement that updates rows while every condition holds, as {@link insertWhile} does. `where`: which. */
export function updateWhile(
  { table, set, where, params }: Record<'table' | 'set' | 'where', string> & { readonly params: readonly SqlValue[] },
  conditions: readonly Condition[],
): SqlStatement {
  const all = [...params];
  return {
    sql: `UPDATE ${table} SET ${set} WHERE ${where} AND EXISTS (SELECT 1 ${fromConditions(conditions, all)})`,
    params: all,
  };
}

/** The statement that finds one row while every condition holds, and none otherwise. There must be one at least. */
export function whileHolds(conditions: readonly Condition[]): SqlStatement {
  const params: SqlValue[] = [];
  return { sql: `SELECT 1 AS holds ${fromConditions(conditions, params)}`, params };
}

/** Appends what the conditions compare with to `params`. */
function fromConditions(conditions: readonly Condition[], params: SqlValue[]): string {
  const tests = conditions.flatMap(({ table, row }, index) => [
    ...Object.entries(row).map(([column, value]) => `c${index}.${column} = $${params.push(value)}`),
    ...(table === 'tokens' ? [`(c${index}.expire_time IS NULL OR c${index}.expire_time > store_now())`] : []),
  ]);
  const tables = conditions.map(({ table }, index) => `${table} AS c${index}`).join(', ');
  return `FROM ${tables} WHERE ${tests.join(' AND ')} FOR SHARE`;
}
