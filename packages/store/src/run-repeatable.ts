import type { SqlResult, SqlValue, Store } from './store.ts';

/** As `store.run`, a write that may be run again although it may have taken effect: see `SqlStatement.repeatable`. */
export async function runRepeatable(store: Store, sql: string, params: readonly SqlValue[] = []): Promise<SqlResult> {
  const [result] = await store.transaction([{ sql, params, repeatable: true }]);
  return result ?? { rows: [], changes: 0 };
}
