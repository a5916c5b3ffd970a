import { setTimeout as sleep } from 'node:timers/promises';
import { awaiting, type Backoff, backoffMs, CofferError, errorText, logInAsLibpq } from '@coffer/base';
import pg from 'pg';
import { migratePostgres } from './postgres-migrations.ts';
import { StoreSchema } from './postgres-schema.ts';
import type { SqlResult, SqlStatement, SqlValue, Store } from './store.ts';

export interface PostgresStoreOptions {
  /** `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=…`, with libpq's meaning of `sslmode`. */
  readonly connectionUrl: string;
  /** Default 10. */
  readonly maxConnections?: number;
  /** Called with what went wrong on an idle connection, without secrets. */
  readonly onIdleError?: (text: string) => void;
}

/** The database's clock, not the transaction's: a statement that waited for a lock must see that time has passed. */
const STORE_NOW =
  "(CAST(pg_catalog.floor(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()) OPERATOR(pg_catalog.*) 1000) AS BIGINT))";
/** The type of BIGINT and of count(*). */
const INT8: number = pg.types.builtins.INT8;
/** Serialization failure and deadlock: nothing was kept, so the same statements may be run again. */
const CONFLICTS = new Set(['40001', '40P01']);
const ATTEMPTS = 10;
const CONTENTION: Backoff = { firstMs: 5, longestMs: 250, jitter: 1 };
const CONNECT_MS = 10_000;
const STATEMENT_MS = 30_000;

/**
 * Opens the store in a YugabyteDB or PostgreSQL database: in the schema where it already is, or else in the first one of the
 * search path. Conflicts (40001, 40P01) are retried, since the store may live in the very cluster whose roles it changes.
 *
 * @throws CofferError `invalid-request` for a URL that is none; `failed` when the database cannot be reached, or its
 *   schema is of a newer version or cannot be made
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<Store> {
  const schema = new StoreSchema(options.connectionUrl);
  const pool = new pg.Pool({
    Client: StoreClient,
    connectionString: libpqUrl(options.connectionUrl),
    max: options.maxConnections ?? 10,
    connectionTimeoutMillis: CONNECT_MS,
    idleTimeoutMillis: 60_000,
    statement_timeout: STATEMENT_MS,
    query_timeout: STATEMENT_MS + 5_000,
    keepAlive: true,
    application_name: 'coffer-store',
    types: { getTypeParser: parserOf },
    // The pool waits for it, which its types do not say.
    // eslint-disable-next-line no-restricted-syntax -- of a promise and `undefined` neither is a part of the other
    onConnect: (client) => schema.prepare(client) as unknown as undefined,
  });
  // A connection that breaks while nobody uses it is simply replaced.
  pool.on('error', (error) => options.onIdleError?.(errorText(error)));
  const store = new PostgresStore(pool);
  try {
    const check = (): Promise<void> => schema.check(async (sql) => (await store.run(sql)).rows);
    await migratePostgres((statements) => store.transaction(statements), check, placeOf(options.connectionUrl));
    await check();
  } catch (cause) {
    await store.close();
    throw new CofferError('failed', errorText(cause), { cause });
  }
  return store;
}

class StoreClient extends pg.Client {
  constructor(config?: string | pg.ClientConfig) {
    super(config);
    logInAsLibpq(this, () => this.password ?? '');
  }
}

/** Bytes and whole numbers come as such; `count(*)` and BIGINT columns stay below 2^53. */
function parserOf(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
  if (oid === INT8) return Number;
  return pg.types.getTypeParser(oid, format === 'binary' ? 'binary' : 'text') as (value: string) => unknown;
}

/** pg alone reads `sslmode=require` as verify-full; this asks for what psql does. */
function libpqUrl(text: string): string {
  const url = parseUrl(text);
  if (url.searchParams.has('sslmode') && !url.searchParams.has('uselibpqcompat')) {
    url.searchParams.set('uselibpqcompat', 'true');
  }
  return url.toString();
}

function placeOf(text: string): string {
  const { hostname, port, pathname } = parseUrl(text);
  return `${hostname}:${port || '5432'}${pathname}`;
}

function parseUrl(text: string): URL {
  if (URL.canParse(text)) {
    const url = new URL(text);
    if (url.protocol === 'postgres:' || url.protocol === 'postgresql:') return url;
  }
  throw new CofferError(
    'invalid-request',
    'field "connection_url" must be a URL like postgres://USER:PASSWORD@HOST:5433/DATABASE (percent-encode the password)',
  );
}

class PostgresStore implements Store {
  readonly exclusive = false;
  readonly #pool: pg.Pool;
  readonly #working = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  async run(sql: string, params: readonly SqlValue[] = []): Promise<SqlResult> {
    const [result] = await this.transaction([{ sql, params }]);
    return result ?? { rows: [], changes: 0 };
  }

  async transaction(statements: readonly SqlStatement[]): Promise<readonly SqlResult[]> {
    if (this.#closing !== undefined) throw new CofferError('unavailable', 'the store is closed');
    const work = awaiting('the store', () => this.#withRetries(statements));
    this.#working.add(work);
    try {
      return await work;
    } finally {
      this.#working.delete(work);
    }
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      await Promise.allSettled(this.#working);
      await this.#pool.end();
    })();
    return this.#closing;
  }

  async #withRetries(statements: readonly SqlStatement[]): Promise<readonly SqlResult[]> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#attempt(statements);
      } catch (thrown) {
        if (!CONFLICTS.has(sqlState(thrown)) || attempt >= ATTEMPTS) throw describe(thrown);
        await sleep(backoffMs(CONTENTION, attempt));
      }
    }
  }

  async #attempt(statements: readonly SqlStatement[]): Promise<readonly SqlResult[]> {
    const connection = await this.#connect();
    let broken: Error | undefined;
    const noteBroken = (error: Error): void => {
      broken = error;
    };
    connection.on('error', noteBroken);
    try {
      const [only] = statements;
      if (only !== undefined && statements.length === 1) return [await query(connection, only)];
      return await inTransaction(connection, statements);
    } catch (thrown) {
      // Without an SQLSTATE it was the connection that failed, and it must not be used again.
      if (sqlState(thrown) === '') broken ??= thrown instanceof Error ? thrown : new Error(String(thrown));
      throw thrown;
    } finally {
      connection.off('error', noteBroken);
      connection.release(broken);
    }
  }

  async #connect(): Promise<pg.PoolClient> {
    try {
      return await this.#pool.connect();
    } catch (cause) {
      throw new CofferError('unavailable', `store: cannot connect to the database: ${errorText(cause)}`, { cause });
    }
  }
}

async function inTransaction(
  connection: pg.PoolClient,
  statements: readonly SqlStatement[],
): Promise<readonly SqlResult[]> {
  // Said here, since the database's own default may be another. YugabyteDB takes REPEATABLE READ unless
  // yb_enable_read_committed_isolation is on.
  await connection.query('BEGIN ISOLATION LEVEL READ COMMITTED');
  try {
    const results: SqlResult[] = [];
    for (const statement of statements) results.push(await query(connection, statement));
    await connection.query('COMMIT');
    return results;
  } catch (thrown) {
    if (sqlState(thrown) !== '') await connection.query('ROLLBACK');
    throw thrown;
  }
}

async function query(connection: pg.PoolClient, { sql, params = [] }: SqlStatement): Promise<SqlResult> {
  const values = params.map((value) => (value instanceof Uint8Array ? Buffer.from(value) : value));
  const result = await connection.query<Record<string, SqlValue>>(sql.replaceAll('store_now()', STORE_NOW), values);
  const changes = /^(INSERT|UPDATE|DELETE)$/.test(result.command) ? (result.rowCount ?? 0) : 0;
  return { rows: result.rows, changes };
}

function sqlState(thrown: unknown): string {
  return thrown instanceof pg.DatabaseError ? (thrown.code ?? '') : '';
}

function describe(thrown: unknown): CofferError {
  if (thrown instanceof CofferError) return thrown;
  const state = sqlState(thrown);
  const options = { cause: thrown };
  if (state === '') {
    const text = `store: the connection to the database broke (${errorText(thrown)}): whether the request was kept is unknown`;
    return new CofferError('unavailable', text, options);
  }
  if (CONFLICTS.has(state)) {
    return new CofferError('unavailable', 'store: too much contention: nothing of this request was kept', options);
  }
  // Classes 53 (no disk, no memory, too many connections), 57 (shutdown, cancelled) and 58 (I/O), and read-only.
  if (/^(53|57|58)|^25006$/.test(state)) {
    return new CofferError('unavailable', `store: ${errorText(thrown)}: nothing of this request was kept`, options);
  }
  return new CofferError('internal', `store: ${errorText(thrown)}`, options);
}
