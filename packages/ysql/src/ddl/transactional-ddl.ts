import { Failure, type Session } from '@coffer/yb-connection';
import type { DdlQueue } from './ddl-queue.ts';
import type { Step } from './steps.ts';

/** SQLSTATE in_failed_sql_transaction. */
const FAILED_BLOCK = '25P02';

/**
 * Asks after a DDL statement whether this very transaction has written anything, which it has not where each DDL commits by
 * itself. We look rather than go by the version, since what is between us and the server may have a say as well.
 */
const LOOK = 'SELECT pg_catalog.txid_current_if_assigned() IS NOT NULL AS ours';

/**
 * YugabyteDB gives a transaction no such number, but says what its DDL does: the flags ysql_yb_ddl_transaction_block_enabled
 * and ysql_yb_disable_ddl_transaction_block_for_read_committed (yugabyte/yugabyte-db:src/yb/common/common_flags.cc) are settings
 * of each session. Which releases turn the first on is told in different ways, and versions before 2025.1 do not know it.
 */
const ASK_YUGABYTE = `SELECT COALESCE(pg_catalog.current_setting('yb_ddl_transaction_block_enabled', true) = 'on', false)
  AND COALESCE(pg_catalog.current_setting('yb_disable_ddl_transaction_block_for_read_committed', true), 'off') <> 'on' AS ours`;

/** Finds out, right after a DDL statement, whether the session's DDL is part of the transaction around it. Empty when it is known. */
export function probeTransactionalDdl(queue: DdlQueue, session: Session): readonly Step[] {
  if (session.transactionalDdl !== undefined) return [];
  const learn = (transactional: boolean): void => {
    session.transactionalDdl = transactional;
    // A YugabyteDB wants its DDL one at a time all the same: two of them conflict over the catalog's version.
    queue.learn(transactional && !session.isYugabyte);
  };
  return [
    {
      sql: session.isYugabyte ? ASK_YUGABYTE : LOOK,
      what: 'looking for the transaction of a DDL statement',
      see: (answer) => {
        if (!(answer instanceof Failure)) learn(answer.rows[0]?.['ours'] === true);
        else if (answer.kind === 'fatal' && answer.sqlstate !== FAILED_BLOCK) learn(false);
      },
    },
  ];
}
