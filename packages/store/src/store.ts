/**
 * Durable state behind one small contract: a relational database reached with SQL in the common subset of its two
 * engines (the embedded one, SQLite; YugabyteDB / PostgreSQL from issue 5 on). The store does not know what rows mean.
 */
export type SqlValue = null | number | string | Uint8Array;
export type SqlRow = Readonly<Record<string, SqlValue>>;

/** One statement with positional parameters `$1`, `$2`, ... (both engines take this form). */
export interface SqlStatement {
  readonly sql: string;
  readonly params?: readonly SqlValue[];
}

export interface SqlResult {
  readonly rows: readonly SqlRow[];
  /** Rows changed by INSERT, UPDATE or DELETE. */
  readonly changes: number;
}

export interface Store {
  /** Runs one statement in a transaction of its own; durable when the promise resolves. */
  run(sql: string, params?: readonly SqlValue[]): Promise<SqlResult>;
  /** Runs several statements in one transaction: all or none; durable when the promise resolves. */
  transaction(statements: readonly SqlStatement[]): Promise<readonly SqlResult[]>;
  /** Waits for what was submitted, then closes. Later calls reject. Idempotent. */
  close(): Promise<void>;
}
