import type { Answer, Param, Request, Session } from '@coffer/yb-connection';
import type { SqlResult, SqlRow, SqlStatement } from './store.ts';

/** The database's clock, not the transaction's: a statement that waited for a lock must see that time has passed. */
const STORE_NOW =
  "(CAST(pg_catalog.floor(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()) OPERATOR(pg_catalog.*) 1000) AS BIGINT))";

// Said here, since the database's own default may be another. YugabyteDB takes REPEATABLE READ unless
// yb_enable_read_committed_isolation is on.
const BEGIN: Request = { sql: 'BEGIN ISOLATION LEVEL READ COMMITTED' };
const COMMIT: Request = { sql: 'COMMIT' };

/** How far an attempt has come: what is known of it when its connection is lost. */
export interface Progress {
  /** What would take effect has been sent. */
  effective: boolean;
}

/**
 * Runs statements in one transaction. One alone is one round trip. Several are two: all of them, and the COMMIT by itself, so
 * that a connection lost before has had no effect. Those that may be run again anyway take the COMMIT along.
 *
 * @throws Failure
 */
export async function runStatements(
  session: Session,
  statements: readonly SqlStatement[],
  progress: Progress,
): Promise<readonly SqlResult[]> {
  const [only, second] = statements;
  if (only === undefined) return [];
  if (second === undefined) {
    progress.effective = true;
    return (await session.block([requestOf(only)])).map(resultOf);
  }
  const requests = [BEGIN, ...statements.map(requestOf)];
  try {
    if (statements.every(isRepeatable)) {
      progress.effective = true;
      return (await session.block([...requests, COMMIT])).slice(1, -1).map(resultOf);
    }
    const answers = await session.block(requests);
    // Where the session is over already, as after a silence, the COMMIT is not sent any more.
    progress.effective = !session.broken;
    await session.query(COMMIT.sql);
    return answers.slice(1).map(resultOf);
  } catch (thrown) {
    // One that is not answered ends the session, and with it the transaction.
    if (!session.broken) await session.query('ROLLBACK').catch(() => undefined);
    throw thrown;
  }
}

/** Whether it may be run again although it may have taken effect: it says so, or it only reads. */
export function isRepeatable(statement: SqlStatement): boolean {
  return statement.repeatable === true || isRead(statement);
}

/**
 * Whether it changes nothing. The functions that our SELECTs call do not, and a lock that one takes (FOR SHARE) goes with its
 * transaction. In doubt, as where a CTE may write, it is no read.
 */
export function isRead({ sql }: SqlStatement): boolean {
  return /^\s*(?:SELECT|WITH)\b/i.test(sql) && !/\b(?:INSERT|UPDATE|DELETE|MERGE)\b/i.test(sql);
}

function requestOf({ sql, params = [] }: SqlStatement): Required<Request> {
  const values = params.map((value): Param => (value instanceof Uint8Array ? Buffer.from(value) : value));
  return { sql: sql.replaceAll('store_now()', STORE_NOW), params: values };
}

function resultOf({ rows, command, rowCount }: Omit<Answer, 'warnings'>): SqlResult {
  return { rows: rows as readonly SqlRow[], changes: /^(INSERT|UPDATE|DELETE)$/.test(command) ? rowCount : 0 };
}
