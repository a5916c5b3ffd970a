import { Failure } from '../connection/failure.ts';
import type { Session } from '../connection/session.ts';
import type { DdlQueue } from './ddl-queue.ts';
import type { Step } from './steps.ts';

/** SQLSTATE in_failed_sql_transaction. */
const FAILED_BLOCK = '25P02';

/**
 * Asks after a DDL statement whether this very transaction has written anything, which it has not where each DDL commits by
 * itself. We look rather than go by the version, since what is between us and the server may have a say as well. Empty when
 * it is known already.
 */
export function probeTransactionalDdl(queue: DdlQueue, session: Session): readonly Step[] {
  if (session.transactionalDdl !== undefined) return [];
  const learn = (transactional: boolean): void => {
    session.transactionalDdl = transactional;
    queue.learn(transactional);
  };
  return [
    {
      sql: 'SELECT pg_catalog.txid_current_if_assigned() IS NOT NULL AS ours',
      what: 'looking for the transaction of a DDL statement',
      see: (answer) => {
        if (!(answer instanceof Failure)) learn(answer.rows[0]?.['ours'] === true);
        else if (answer.kind === 'fatal' && answer.sqlstate !== FAILED_BLOCK) learn(false);
      },
    },
  ];
}
