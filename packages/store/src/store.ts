import type { Table } from './tables.ts';

/**
 * Durable state behind one small contract: a relational database reached with SQL in the common subset of its two
 * engines, the embedded one (SQLite) and YugabyteDB / PostgreSQL. The store does not know what rows mean.
 *
 * The common subset: `$1` parameters; `CAST($1 AS TEXT)` where a parameter stands alone (`$1 IS NULL`), since PostgreSQL
 * must be told its type; `ON CONFLICT`, `RETURNING`, `WITH RECURSIVE`. Text sorts by its bytes in UTF-8, so that what
 * begins with a prefix is a range. No SKIP LOCKED: a claim is
 * `UPDATE t SET claimed_until = store_now() + $1 WHERE claimed_until <= store_now() AND id IN (SELECT … LIMIT …)`, with
 * the condition outside as well, where PostgreSQL checks it again after it has waited for a row that another had locked.
 *
 * `FOR SHARE` behind a SELECT keeps others from changing its rows until the transaction is over. The embedded engine runs one
 * transaction after the other and leaves it out.
 *
 * `store_now()` in a statement is the store's clock in milliseconds since 1970: several nodes with clocks of their own agree on
 * whether a claim is over. An index is searched by it only as `(SELECT store_now())`, which is evaluated once.
 */
export type SqlValue = null | number | string | Uint8Array;
export type SqlRow = Readonly<Record<string, SqlValue>>;

/** One statement with positional parameters `$1`, `$2`, ... (both engines take this form). Numbers are whole. */
export interface SqlStatement {
  readonly sql: string;
  readonly params?: readonly SqlValue[];
  /**
   * It may be run again when the answer to it was lost and it may have taken effect: that leads to the same rows, whatever others
   * do meanwhile, and to the same answer, or to one with which the caller looks what is there (that nothing has changed). What reads
   * is known to be so; a write says so, and why, where it is written. Not so: an upsert of a row that others write too.
   */
  readonly repeatable?: boolean;
}

export interface SqlResult {
  readonly rows: readonly SqlRow[];
  /** Rows changed by INSERT, UPDATE or DELETE. */
  readonly changes: number;
}

/** Runs one statement of a transaction that is under way. */
export type Run = (sql: string, params?: readonly SqlValue[]) => Promise<SqlResult>;

/** Takes some rows of a table, which may have more columns than it names; the next ones are read when it has resolved. */
export type TakeRows = (table: Table, rows: readonly SqlRow[]) => Promise<void>;

/** How a store is read and written as a whole. Never more than some hundred rows of it are in memory. */
export interface BulkAccess {
  /**
   * Reads all rows of these tables, one table after the other, as they were at one moment. Others read and write meanwhile.
   *
   * @throws CofferError as the methods of a store do, and what `take` rejects with
   */
  dump(tables: readonly Table[], take: TakeRows): Promise<void>;
  /**
   * Runs `work` in one transaction, in which it may decide by what it has read. Nobody else writes into these tables meanwhile. When
   * it rejects, or the process ends, nothing of it was done. It is called again after a conflict with others.
   *
   * @throws CofferError as the methods of a store do, and what `work` rejects with
   */
  exclusively<T>(tables: readonly Table[], work: (run: Run) => Promise<T>): Promise<T>;
}

/**
 * Every method rejects with CofferError: `unavailable` when the engine cannot be reached, has no space or cannot write
 * (nothing of the request was kept, or the message says that this is not known), within 10 s of its going away; `internal` for a
 * statement that it refuses.
 */
export interface Store {
  /** Whether no other process can have it open. Claims on rows are then void once the process has ended. */
  readonly exclusive: boolean;
  /** To read and write it as a whole. Absent where somebody stands between, who sees single statements. */
  readonly bulk?: BulkAccess;
  /**
   * How often rows of this table may have been changed or removed, on a store that is {@link exclusive}: what was read of them
   * is still so while the number stays the same. It grows before such a statement is begun, and again before it is answered.
   * Absent where others write too.
   */
  rewrites?(table: string): number;
  /** Runs one statement in a transaction of its own; durable when the promise resolves. */
  run(sql: string, params?: readonly SqlValue[]): Promise<SqlResult>;
  /**
   * Runs several statements in one transaction: all or none; durable when the promise resolves. Isolation is READ COMMITTED or
   * stricter: a statement may see what others committed since the one before it.
   */
  transaction(statements: readonly SqlStatement[]): Promise<readonly SqlResult[]>;
  /** Waits for everything submitted so far, then closes. Later calls reject. Idempotent. */
  close(): Promise<void>;
}
