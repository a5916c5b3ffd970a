import { Failure, type Session } from '@coffer/yb-connection';
import type { Step } from './steps.ts';

const NON_BREAKING = 'yb_make_next_ddl_statement_nonbreaking';

/**
 * Hands `work` the statement that keeps the next DDL from breaking the running transactions of every session in a YugabyteDB
 * cluster; nothing on other servers. It is to be sent right before the DDL, outside of a transaction block. If the server refuses
 * it, the DDL is run anyway, and just costs the others more.
 *
 * The server resets the setting after one DDL. If none ran to its end, we reset it: otherwise the next user of the connection
 * would run a non-breaking DDL that has to break.
 */
export async function sparingOthers<T>(session: Session, work: (spare: readonly Step[]) => Promise<T>): Promise<T> {
  session.nonBreakingDdl ??= await hasSetting(session);
  if (!session.nonBreakingDdl) return await work([]);
  const spare: Step = {
    sql: `SET ${NON_BREAKING} = true`,
    what: 'sparing running transactions',
    mayFail: true,
    see: (answer) => {
      // Only an admin with yb_db_admin may set it.
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

/** If that fails, the connection is not used again. */
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
