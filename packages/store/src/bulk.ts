import type { Run, SqlRow } from './store.ts';
import type { Table } from './tables.ts';

/** Rows of one answer. Sealed values may be large. */
export const ROWS_AT_ONCE = 200;
/** Rows of one INSERT. SQLite takes 32,766 parameters, PostgreSQL 65,535. */
const ROWS_OF_INSERT = 100;

export interface InsertOptions {
  /** Leaves rows alone that are there already, by any key of theirs. Default: they are an error. */
  readonly unlessThere?: boolean;
}

/** Inserts rows into a table. Columns that a row does not name get their default. Returns how many were inserted. */
export async function insertRows(
  run: Run,
  table: Table,
  rows: readonly SqlRow[],
  { unlessThere = false }: InsertOptions = {},
): Promise<number> {
  const [first] = rows;
  if (first === undefined) return 0;
  const columns = table.columns.map(({ name }) => name).filter((name) => first[name] !== undefined);
  const ending = unlessThere ? ' ON CONFLICT DO NOTHING' : '';
  let inserted = 0;
  for (let at = 0; at < rows.length; ) {
    // Two texts of statement for each table: both engines keep a statement that they have parsed.
    const count = rows.length - at >= ROWS_OF_INSERT ? ROWS_OF_INSERT : 1;
    const some = rows.slice(at, at + count);
    const values = some.map(
      (_, row) => `(${columns.map((_, column) => `$${row * columns.length + column + 1}`).join(', ')})`,
    );
    const params = some.flatMap((row) => columns.map((name) => row[name] ?? null));
    const sql = `INSERT INTO ${table.name} (${columns.join(', ')}) VALUES ${values.join(', ')}${ending}`;
    inserted += (await run(sql, params)).changes;
    at += count;
  }
  return inserted;
}
