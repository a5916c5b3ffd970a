import { Failure } from './failure.ts';
import type { Session } from './session.ts';
import type { Step } from './steps.ts';

/** The key of Coffer's lock on shared privileges: "coffer" in ASCII. Advisory locks are one database's own. */
const KEY = BigInt(`0x${Buffer.from('coffer', 'ascii').toString('hex')}`).toString();
const PATIENCE_MILLISECONDS = 2_000;
const LOCK_NOT_AVAILABLE = '55P03';
/** For how long the lock is left out after somebody held it longer than that. */
const DETOUR_MILLISECONDS = 30_000;

/** Bounded: it must hold nobody up for ever. The bound is for the lock alone and not for the statements after it. */
const TAKE = [
  `SET LOCAL lock_timeout = ${PATIENCE_MILLISECONDS}`,
  `SELECT pg_advisory_xact_lock(${KEY})`,
  'SET LOCAL lock_timeout TO DEFAULT',
];

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
        sql: `SELECT pg_try_advisory_xact_lock(${KEY})`,
        what: 'looking for advisory locks',
        // YugabyteDB before 2.25.1, or with the flag off, raises an error.
        see: (answer) => (session.advisoryLocks = !(answer instanceof Failure)),
        mayFail: true,
      },
    ];
  }

  /** Statements that take the lock until the end of the transaction block; none where there is no such lock. */
  take(session: Session): readonly Step[] {
    if (session.advisoryLocks !== true || Date.now() < this.#leftOutUntil) return [];
    return TAKE.map((sql) => ({
      sql,
      what: 'waiting for other servers to change privileges',
      see: (answer) => {
        if (!(answer instanceof Failure) || answer.sqlstate !== LOCK_NOT_AVAILABLE) return;
        this.#leftOutUntil = Date.now() + DETOUR_MILLISECONDS;
      },
    }));
  }
}
