import { Failure } from '../connection/failure.ts';
import type { Session } from '../connection/session.ts';
import type { Step } from './steps.ts';

const NON_BREAKING = 'yb_make_next_ddl_statement_nonbreaking';

/**
 * Lends `work` the statement that keeps the next DDL statement from breaking the running transactions of every session
 * of a YugabyteDB cluster, to be sent just before it and outside a transaction block; none elsewhere. When that statement
 * is refused, the DDL is run all the same: it only costs others more.
 *
 * The server takes the setting back after that one DDL. When none was run to its end, we do: the connection's next user
 * would make a DDL non-breaking that must not be.
 */
export async function sparingOthers<T>(session: Session, work: (spare: readonly Step[]) => Promise<T>): Promise<T> {
  session.nonBreakingDdl ??= await hasSetting(session);
  if (!session.nonBreakingDdl) return await work([]);
  const spare: Step = {
    sql: `SET ${NON_BREAKING} = true`,
    what: 'sparing running transactions',
    mayFail: true,
    see: (answer) => {
      // An admin without yb_db_admin may not set it.
      if (answer instanceof Failure && answer.kind === 'fatal') session.nonBreakingDdl = false;
    },
  };
  try {
    return await work([spare]);
  } catch (error) {
    if (session.nonBreakingDdl) await takeBack(session);
    throw error;
  }
}

/** A connection on which that fails is used by nobody any more. */
async function takeBack(session: Session): Promise<void> {
  if (session.broken) return;
  try {
    await session.query(`SET ${NON_BREAKING} = false`);
  } catch {
    session.destroy();
  }
}

async function hasSetting(session: Session): Promise<boolean> {
  const { rows } = await session.query(
    `SELECT pg_catalog.current_setting('${NON_BREAKING}', true) IS NOT NULL AS known`,
  );
  return rows[0]?.['known'] === true;
}
