import { existsSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { CofferError, errorText } from '@coffer/base';
import { connectPostgresStore, type PostgresStoreOptions } from './postgres-store.ts';
import { appliedMigrations, MIGRATIONS, READ_MIGRATIONS } from './schema.ts';
import type { SqlResult, Store } from './store.ts';

/** What is there, without having changed any of it. */
export interface StoreFindings {
  /** How many migrations it has had; 0 where there is no store yet. */
  readonly version: number;
  /** How many this version knows: the next start makes those that are missing. */
  readonly known: number;
  /** How long one statement took, in milliseconds. */
  readonly roundTripMs: number;
}

/** PostgreSQL's "undefined_table". */
const NO_TABLE = '42P01';

/**
 * Looks at a store in a database. `look` gets its connection before that is closed.
 * @throws CofferError as `openPostgresStore` does
 */
export async function examinePostgresStore(
  options: PostgresStoreOptions,
  look: (run: Store['run']) => Promise<void>,
): Promise<StoreFindings> {
  const { store, check } = connectPostgresStore(options);
  const run: Store['run'] = (sql, params) => store.run(sql, params);
  try {
    const { rows: newest } = await run(READ_MIGRATIONS).catch(absentTable);
    await check();
    const since = performance.now();
    await run('SELECT store_now() AS now');
    const roundTripMs = performance.now() - since;
    await look(run);
    return { version: appliedMigrations('the database', newest[0]), known: MIGRATIONS.length, roundTripMs };
  } catch (cause) {
    throw new CofferError('failed', errorText(cause), { cause });
  } finally {
    await store.close();
  }
}

function absentTable(error: unknown): SqlResult {
  const cause = error instanceof CofferError ? error.cause : error;
  if (cause instanceof Error && 'code' in cause && cause.code === NO_TABLE) return { rows: [], changes: 0 };
  throw error;
}

/**
 * Looks at a file of the embedded engine that is there.
 * @throws CofferError `unavailable` when a server has it open or was killed, `failed` when it cannot be used
 */
export async function examineEmbeddedStore(path: string): Promise<StoreFindings> {
  // A server has the engine in another thread, and does not load it here.
  const [sqlite, { fileErrorText }] = await Promise.all([import('node:sqlite'), import('./embedded-file.ts')]);
  let database: DatabaseSync | undefined;
  try {
    const since = performance.now();
    if (existsSync(`${path}-wal`)) {
      throw new CofferError(
        'unavailable',
        'a server has it open, or was killed: the next start finds what it had written',
      );
    }
    // Else the engine would leave files beside it, which may belong to another user than the server's.
    const url = pathToFileURL(path);
    url.searchParams.set('immutable', '1');
    database = new sqlite.DatabaseSync(url, { readOnly: true });
    const version = appliedMigrations(path, database.prepare(READ_MIGRATIONS).get());
    return { version, known: MIGRATIONS.length, roundTripMs: performance.now() - since };
  } catch (cause) {
    if (cause instanceof CofferError) throw cause;
    throw new CofferError('failed', fileErrorText(cause) ?? errorText(cause), { cause });
  } finally {
    database?.close();
  }
}
