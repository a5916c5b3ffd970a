import { setTimeout as sleep } from 'node:timers/promises';
import { backoffMs } from '@coffer/base';
import { Failure, type Session, type SessionPool } from '@coffer/yb-connection';
import { ROWS_AT_ONCE } from './bulk.ts';
import { runStatements } from './postgres-statements.ts';
import { CONFLICTS, CONTENTION, describe } from './repeating.ts';
import type { BulkAccess, Run, SqlRow, TakeRows } from './store.ts';
import type { Table } from './tables.ts';

/** All rows of a table may take longer than any other statement of ours, and so may whoever takes them. */
const PATIENT = 'SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 60000';

export class PostgresBulk implements BulkAccess {
  readonly #pool: SessionPool;

  constructor(pool: SessionPool) {
    this.#pool = pool;
  }

  async dump(tables: readonly Table[], take: TakeRows): Promise<void> {
    try {
      await this.#begin('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY', async (session) => {
        for (const table of tables) await dumpTable(session, table, take);
      });
    } catch (thrown) {
      throw described(thrown);
    }
  }

  async exclusively<T>(tables: readonly Table[], work: (run: Run) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#begin('BEGIN ISOLATION LEVEL READ COMMITTED', async (session) => {
          // YugabyteDB has no such locks on tables in all of its versions; there, who comes too close is a conflict.
          if (!session.isYugabyte) {
            await session.query(`LOCK TABLE ${tables.map(({ name }) => name).join(', ')} IN EXCLUSIVE MODE`);
          }
          return work(async (sql, params = []) => {
            const [result] = await runStatements(session, [{ sql, params }], { effective: false });
            return result ?? { rows: [], changes: 0 };
          });
        });
      } catch (thrown) {
        const conflict = thrown instanceof Failure && thrown.kind === 'conflict' && attempt < CONFLICTS;
        if (!conflict) throw described(thrown);
        await sleep(backoffMs(CONTENTION, attempt));
      }
    }
  }

  async #begin<T>(begin: string, work: (session: Session) => Promise<T>): Promise<T> {
    return this.#pool.use(async (session) => {
      try {
        await session.query(begin);
        await session.query(PATIENT);
        const result = await work(session);
        await session.query('COMMIT').catch((thrown: unknown) => {
          // Only here may it have taken effect.
          throw thrown instanceof Failure && thrown.outcomeUnknown ? describe(thrown, true) : thrown;
        });
        return result;
      } catch (thrown) {
        if (!session.broken) await session.query('ROLLBACK').catch(() => undefined);
        throw thrown;
      }
    });
  }
}

async function dumpTable(session: Session, table: Table, take: TakeRows): Promise<void> {
  const columns = table.columns.map(({ name }) => name).join(', ');
  await session.query(`DECLARE store_rows NO SCROLL CURSOR FOR SELECT ${columns} FROM ${table.name}`);
  for (;;) {
    const { rows } = await session.query(`FETCH FORWARD ${ROWS_AT_ONCE} FROM store_rows`);
    if (rows.length > 0) await take(table, rows as readonly SqlRow[]);
    if (rows.length < ROWS_AT_ONCE) break;
  }
  await session.query('CLOSE store_rows');
}

function described(thrown: unknown): unknown {
  return thrown instanceof Failure ? describe(thrown, false) : thrown;
}
