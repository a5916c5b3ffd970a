import { Failure, type Session } from '@coffer/yb-connection';
import type { Step } from './steps.ts';

/** The key of Coffer's lock on shared privileges: "coffer" in ASCII. Each database has its own advisory locks. */
const KEY = BigInt(`0x${Buffer.from('coffer', 'ascii').toString('hex')}`).toString();
const PATIENCE_MS = 2_000;
const LOCK_NOT_AVAILABLE = '55P03';
/** How long we do without the lock after somebody has held it longer than that. */
const DETOUR_MS = 30_000;

/**
 * Waits for a limited time only, and limits only the wait for this lock, not that of the statements after it. The server calls
 * the functions in the inner SELECT in order and skips none, since they are volatile.
 */
const TAKE = `SELECT pg_catalog.set_config('lock_timeout', before, true) FROM (
  SELECT pg_catalog.current_setting('lock_timeout') AS before,
         pg_catalog.set_config('lock_timeout', '${PATIENCE_MS}', true),
         pg_catalog.pg_advisory_xact_lock(${KEY}) OFFSET 0) AS taken`;

/**
 * Keeps several servers from changing the same privileges at the same moment, to which the database would answer with an error
 * ("tuple concurrently updated"). It only saves retries: whoever does not get the lock carries on without it.
 */
export class AdvisoryLock {
  #leftOutUntil = 0;

  /** Asks, once per connection, whether the server has such locks. To be sent outside of a transaction block. */
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

  /** Takes the lock until the end of the transaction block; nothing where the server has no such locks. */
  take(session: Session): readonly Step[] {
    if (session.advisoryLocks !== true || Date.now() < this.#leftOutUntil) return [];
    return [
      {
        sql: TAKE,
        what: 'waiting for other servers to change privileges',
        see: (answer) => {
          if (!(answer instanceof Failure) || answer.sqlstate !== LOCK_NOT_AVAILABLE) return;
          this.#leftOutUntil = Date.now() + DETOUR_MS;
        },
      },
    ];
  }
}
