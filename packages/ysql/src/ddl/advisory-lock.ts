import { Failure } from '../connection/failure.ts';
import type { Session } from '../connection/session.ts';
import type { Step } from './steps.ts';

/** The key of Coffer's lock on shared privileges: "coffer" in ASCII. Advisory locks are one database's own. */
const KEY = BigInt(`0x${Buffer.from('coffer', 'ascii').toString('hex')}`).toString();
const PATIENCE_MILLISECONDS = 2_000;
const LOCK_NOT_AVAILABLE = '55P03';
/** For how long the lock is left out after somebody held it longer than that. */
const DETOUR_MILLISECONDS = 30_000;

/**
 * Bounded: it must hold nobody up for ever. The bound is for the lock alone and not for the statements after it. The
 * server calls the functions of the inner SELECT in order, and none is left out, since they are volatile.
 */
const TAKE = `SELECT pg_catalog.set_config('lock_timeout', before, true) FROM (
  SELECT pg_catalog.current_setting('lock_timeout') AS before,
         pg_catalog.set_config('lock_timeout', '${PATIENCE_MILLISECONDS}', true),
         pg_catalog.pg_advisory_xact_lock(${KEY}) OFFSET 0) AS taken`;

/**
 * Keeps several servers from changing the same privileges at the same moment, which the database answers with an error
 * ("tuple concurrently updated"). It only spares retries: whoever does not get the lock goes on without it.
 */
export class AdvisoryLock {
  #leftOutUntil = 0;

  /** The question whether there are such locks, once for each connection; to be sent outside a transaction block. */
  probe(session: Session): readonly Step[] {
    if (session.advisoryLocks !== undefined) return [];
    return [
      {
        sql: `SELECT pg_catalog.pg_try_advisory_xact_lock(${KEY})`,
        what: 'looking for advisory locks',
        // YugabyteDB before 2.25.1, or with the flag off, raises an error.
        see: (answer) => (session.advisoryLocks = !(answer instanceof Failure)),
        mayFail: true,
      },
    ];
  }

  /** The statement that takes the lock until the end of the transaction block; none where there is no such lock. */
  take(session: Session): readonly Step[] {
    if (session.advisoryLocks !== true || Date.now() < this.#leftOutUntil) return [];
    return [
      {
        sql: TAKE,
        what: 'waiting for other servers to change privileges',
        see: (answer) => {
          if (!(answer instanceof Failure) || answer.sqlstate !== LOCK_NOT_AVAILABLE) return;
          this.#leftOutUntil = Date.now() + DETOUR_MILLISECONDS;
        },
      },
    ];
  }
}
