import {
  awaiting,
  CofferError,
  errorText,
  type Logger,
  type Metrics,
  NO_METRICS,
  silentLogger,
  statesOf,
  traced,
  withoutDeadline,
} from '@coffer/base';
import {
  closeConnections,
  type Connections,
  type ConnectionSettings,
  createConnections,
  type SessionProfile,
} from '@coffer/yb-connection';
import pg from 'pg';
import { PostgresBulk } from './postgres-bulk.ts';
import { migratePostgres } from './postgres-migrations.ts';
import { StoreSchema } from './postgres-schema.ts';
import { storeSettings } from './postgres-settings.ts';
import { runStatements } from './postgres-statements.ts';
import { Repeating } from './repeating.ts';
import { Retries } from './retries.ts';
import type { SqlResult, SqlStatement, SqlValue, Store } from './store.ts';
import { storeSpan } from './traced-transaction.ts';

export interface PostgresStoreOptions {
  /**
   * `postgres://USER:PASSWORD@HOST:PORT,HOST:PORT/DATABASE?sslmode=…&load_balance=…`: what the `connection_url` of the database
   * plugin can say, with the same meaning, but for `target_session_attrs`, which is `primary` where it is not said.
   */
  readonly connectionUrl: string;
  /** Over all nodes. Default 10. */
  readonly maxConnections?: number;
  /** Default: nothing is logged. */
  readonly logger?: Logger;
  /** Default: nobody watches. */
  readonly metrics?: Metrics;
}

/** The type of BIGINT and of count(*). */
const INT8: number = pg.types.builtins.INT8;

/**
 * Opens the store in a YugabyteDB or PostgreSQL database: in the schema where it already is, or else in the first one of the
 * search path. What was not kept is run again, on another node where there is one (see {@link Repeating}).
 *
 * @throws CofferError `invalid-request` for a URL that is none, or says what it cannot; `failed` when the database cannot be
 *   reached, or its schema is of a newer version or cannot be made
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<Store> {
  const { store, check, place } = connectPostgresStore(options);
  try {
    await migratePostgres((statements) => store.transaction(statements), check, place);
    await check();
  } catch (cause) {
    await store.close();
    throw new CofferError('failed', errorText(cause), { cause });
  }
  store.opened();
  return store;
}

interface ConnectedStore {
  readonly store: PostgresStore;
  /** See {@link StoreSchema.check}. */
  readonly check: () => Promise<void>;
  /** The database, for messages. */
  readonly place: string;
}

/** @throws CofferError `invalid-request` for a `connectionUrl` that is none, or says what it cannot: see {@link openPostgresStore} */
export function checkConnectionUrl(connectionUrl: string): void {
  storeSettings(connectionUrl, 1, silentLogger);
}

/** The same before anything is sent to the database. @throws CofferError `invalid-request` for a wrong URL */
export function connectPostgresStore(options: PostgresStoreOptions): ConnectedStore {
  const { connectionUrl, maxConnections = 10, logger = silentLogger, metrics = NO_METRICS } = options;
  const settings = storeSettings(connectionUrl, maxConnections, logger);
  const schema = new StoreSchema(settings);
  const waited = (ms: number): void => metrics.took('coffer.store.queue.seconds', ms);
  const store = new PostgresStore(createConnections(settings, profileOf(schema), logger, waited), logger, metrics);
  const check = (): Promise<void> => schema.check(async (sql) => (await store.run(sql)).rows);
  return { store, check, place: placeOf(settings) };
}

function profileOf(schema: StoreSchema): SessionProfile {
  return {
    applicationName: () => 'coffer-store',
    ourSettings: (session) => schema.settingsFor(session),
    // Whoever asks limits how many rows there are.
    longestAnswerBytes: Infinity,
    types: { getTypeParser: parserOf },
  };
}

/** Bytes and whole numbers come as such; `count(*)` and BIGINT columns stay below 2^53. */
function parserOf(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
  if (oid === INT8) return Number;
  return pg.types.getTypeParser(oid, format === 'binary' ? 'binary' : 'text') as (value: string) => unknown;
}

function placeOf({ hosts, database }: ConnectionSettings): string {
  return `${hosts.map(({ host, port }) => `${host}:${port}`).join(',')}/${database}`;
}

class PostgresStore implements Store {
  readonly exclusive = false;
  readonly bulk: PostgresBulk;
  readonly #connections: Connections;
  readonly #retries: Retries;
  readonly #repeating: Repeating;
  readonly #working = new Set<Promise<unknown>>();
  readonly #unwatch: readonly (() => void)[];
  #closing: Promise<void> | undefined;

  constructor(connections: Connections, logger: Logger, metrics: Metrics) {
    this.#connections = connections;
    this.bulk = new PostgresBulk(connections.pool);
    this.#retries = new Retries(logger, metrics);
    this.#repeating = new Repeating(connections.pool, this.#retries);
    const { pool, cluster } = connections;
    this.#unwatch = [
      metrics.gauge('coffer.store.pool.connections', () => statesOf({ ...pool.counts })),
      metrics.gauge('coffer.store.nodes', () => {
        const { up, setAside } = cluster.nodeCounts;
        return statesOf({ up, set_aside: setAside });
      }),
    ];
  }

  /** From now on a store that is away is waited for: it was there once. */
  opened(): void {
    this.#repeating.patient = true;
  }

  async run(sql: string, params: readonly SqlValue[] = []): Promise<SqlResult> {
    const [result] = await this.transaction([{ sql, params }]);
    return result ?? { rows: [], changes: 0 };
  }

  async transaction(statements: readonly SqlStatement[]): Promise<readonly SqlResult[]> {
    if (this.#closing !== undefined) throw new CofferError('unavailable', 'the store is closed');
    // A request that nobody waits for any more still writes down what it has done.
    const run = () => withoutDeadline(() => this.#repeating.run(statements, runStatements));
    const work = awaiting('the store', () => traced(() => storeSpan('postgresql', statements), run));
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
      for (const unwatch of this.#unwatch) unwatch();
      await closeConnections(this.#connections);
      this.#retries.close();
    })();
    return this.#closing;
  }
}
