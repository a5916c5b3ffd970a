import { setTimeout as sleep } from 'node:timers/promises';
import { CofferError } from '@coffer/base';
import { appliedMigrations, MIGRATIONS, READ_MIGRATIONS, statementsOf } from './schema.ts';
import type { SqlResult, SqlStatement } from './store.ts';

/** Two nodes that start together may both make a table: `IF NOT EXISTS` does not keep PostgreSQL from these. */
const RACES = new Set(['23505', '42P07', '42710', 'XX000']);
const ATTEMPTS = 20;

type Transaction = (statements: readonly SqlStatement[]) => Promise<readonly SqlResult[]>;

/**
 * Brings the schema up to date. Several nodes may run it at once, and again after one was killed half-way. `check` rejects
 * when objects of the same name are not ours; it is called before anything is written.
 */
export async function migratePostgres(
  transaction: Transaction,
  check: () => Promise<void>,
  place: string,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await migrateOnce(transaction, check, place);
      return;
    } catch (thrown) {
      if (attempt >= ATTEMPTS || !isRace(thrown)) throw thrown;
      await sleep(20 + Math.random() * 100);
    }
  }
}

async function migrateOnce(transaction: Transaction, check: () => Promise<void>, place: string): Promise<void> {
  await transaction([{ sql: 'CREATE TABLE IF NOT EXISTS migrations (version BIGINT PRIMARY KEY)' }]);
  await check();
  const [result] = await transaction([{ sql: READ_MIGRATIONS }]);
  const done = appliedMigrations(place, result?.rows[0]);
  for (let version = done + 1; version <= MIGRATIONS.length; version++) {
    const statements = statementsOf(version).map((sql) => sql.replaceAll(' TEXT', ' TEXT COLLATE "C"'));
    // What has been done already is told by the INSERT, as it is when another node has done it.
    await transaction(statements.map((sql) => ({ sql, repeatable: true })));
  }
}

function isRace(thrown: unknown): boolean {
  const cause = thrown instanceof CofferError ? thrown.cause : thrown;
  return cause instanceof Error && 'code' in cause && RACES.has(String(cause.code));
}
