import { setTimeout as sleep } from 'node:timers/promises';
import { type Backoff, backoffMs, CofferError, errorText } from '@coffer/base';
import { Failure, type Session, type SessionPool } from '@coffer/yb-connection';
import { isRead, isRepeatable, type Progress } from './postgres-statements.ts';
import type { Retries } from './retries.ts';
import type { SqlResult, SqlStatement } from './store.ts';

/** How often statements that run into others are tried. */
export const CONFLICTS = 10;
export const CONTENTION: Backoff = { firstMs: 5, longestMs: 250, jitter: 1 };
/**
 * How long a caller waits for a connection, and how long nobody answers before nobody is waited for any more: less than the 10 s
 * within which it is said that the store is away.
 */
const PATIENCE_MS = 8_000;
/** The same for a caller who comes when that is known: a search in vain spares others theirs for a second. */
const SHORT_PATIENCE_MS = 1_500;
const AWAY: Backoff = { firstMs: 25, longestMs: 500, jitter: 0.5 };

const CANNOT_CONNECT = 'cannot connect to the database';
const NOTHING_KEPT = 'nothing of this request was stored';

type Run = (session: Session, statements: readonly SqlStatement[], progress: Progress) => Promise<readonly SqlResult[]>;

/**
 * Runs statements, and runs them again when that is safe:
 *
 * - no connection could be had: nothing was sent;
 * - a conflict (40001, 40P01 and YugabyteDB's relatives): the server has rolled back;
 * - a server that only reads (25006): it has refused, and another one is asked;
 * - the connection was lost before the COMMIT of several statements was sent, or the server ended the session (57P01) before it
 *   looked at the statement: nothing was committed, and a server rolls back what has lost its client;
 * - the connection was lost later: only if every statement is one that may be run twice ({@link isRepeatable}). Otherwise nobody
 *   can know, and the caller is told so.
 */
export class Repeating {
  /** Whether a store that cannot be reached is waited for. */
  patient = false;
  readonly #pool: SessionPool;
  readonly #retries: Retries;
  /** Since when no connection could be had, in milliseconds of `performance.now()`; undefined: the last attempt had one. */
  #awaySince: number | undefined;

  constructor(pool: SessionPool, retries: Retries) {
    this.#pool = pool;
    this.#retries = retries;
  }

  /** @throws CofferError as {@link Store} says */
  async run(statements: readonly SqlStatement[], work: Run): Promise<readonly SqlResult[]> {
    const begin = performance.now();
    let reason = '';
    for (let attempt = 1; ; attempt++) {
      const progress: Progress = { effective: false };
      try {
        return await this.#lend(begin + PATIENCE_MS, reason, (session) => work(session, statements, progress));
      } catch (thrown) {
        const unknown = progress.effective && !(thrown instanceof Failure && thrown.unstarted);
        const pause = this.#pauseBefore(thrown, attempt, unknown && !statements.every(isRepeatable), begin);
        if (pause === undefined) throw describe(thrown, unknown && !statements.every(isRead));
        if (thrown instanceof Failure && thrown.nothingDone) reason = thrown.message;
        this.#retries.note(reasonOf(thrown), attempt, errorText(thrown));
        await sleep(pause);
      }
    }
  }

  /** How long to wait before the next attempt, in milliseconds; undefined when there must be none. */
  #pauseBefore(thrown: unknown, attempt: number, mayBeKept: boolean, begin: number): number | undefined {
    if (!(thrown instanceof Failure)) return undefined;
    if (thrown.kind === 'conflict') return attempt < CONFLICTS ? backoffMs(CONTENTION, attempt) : undefined;
    const pause = backoffMs(AWAY, attempt);
    const now = performance.now();
    if (now + pause >= begin + PATIENCE_MS) return undefined;
    if (thrown.nothingDone) {
      if (!this.patient) return undefined;
      this.#awaySince ??= now;
      const end = Math.max(this.#awaySince + PATIENCE_MS, begin + SHORT_PATIENCE_MS);
      return now + pause < end ? pause : undefined;
    }
    if (thrown.kind === 'read-only') return pause;
    if (!thrown.outcomeUnknown || mayBeKept) return undefined;
    // Whoever is asked next is another one, and a lost connection says nothing about load.
    return attempt === 1 ? 0 : pause;
  }

  /**
   * Lends a connection to `work`. `reason`: why there was none when it was tried before, for whoever waits in vain.
   *
   * @throws Failure `unreachable` when there is none until `end` (of `performance.now()`): then nothing is sent; CofferError
   *   `unavailable` when none can be had whatever the server
   */
  async #lend<T>(end: number, reason: string, work: (session: Session) => Promise<T>): Promise<T> {
    const { promise: tooLate, reject } = Promise.withResolvers<never>();
    let over = false;
    let begun = false;
    const timer = setTimeout(
      () => {
        over = true;
        const why = reason === '' ? '' : `: ${reason}`;
        reject(new Failure('unreachable', `there was none in ${PATIENCE_MS / 1000} s${why}`));
      },
      Math.max(0, end - performance.now()),
    );
    const lent = this.#pool.use(async (session) => {
      clearTimeout(timer);
      if (over) throw new Failure('busy', 'the request was abandoned');
      begun = true;
      this.#awaySince = undefined;
      return await work(session);
    });
    try {
      return await Promise.race([lent, tooLate]);
    } catch (thrown) {
      if (begun || (thrown instanceof Failure && thrown.nothingDone)) throw thrown;
      throw new CofferError('unavailable', `store: ${CANNOT_CONNECT}: ${errorText(thrown)}`, { cause: thrown });
    } finally {
      clearTimeout(timer);
    }
  }
}

function reasonOf(thrown: unknown): string {
  const { kind, sqlstate } = thrown instanceof Failure ? thrown : { kind: '', sqlstate: '' };
  return (kind === 'conflict' || kind === 'read-only') && sqlstate !== '' ? sqlstate : 'connection';
}

/** What the server refused a statement with, for whoever looks for its SQLSTATE. */
class Refusal extends Error {
  readonly code: string;

  constructor({ message, sqlstate }: Failure) {
    super(message);
    this.code = sqlstate;
  }
}

/** `unknown`: where the answer was lost, something may have been kept. */
export function describe(thrown: unknown, unknown: boolean): CofferError {
  if (!(thrown instanceof Failure)) return CofferError.from(thrown);
  const { kind, message, sqlstate } = thrown;
  const options = { cause: new Refusal(thrown) };
  const unavailable = (text: string): CofferError => new CofferError('unavailable', `store: ${text}`, options);
  if (thrown.nothingDone) return unavailable(`${CANNOT_CONNECT}: ${message}`);
  if (thrown.outcomeUnknown) {
    const kept = unknown ? 'it is unknown whether the request was stored' : NOTHING_KEPT;
    return unavailable(`the connection to the database broke (${message}): ${kept}`);
  }
  if (kind === 'conflict') return unavailable(`too much contention: ${NOTHING_KEPT}`);
  // Classes 53 (no disk, no memory, too many connections), 57 (shutdown, cancelled) and 58 (I/O).
  if (kind === 'read-only' || kind === 'upgrade' || /^5[378]/.test(sqlstate)) {
    return unavailable(`${message}: ${NOTHING_KEPT}`);
  }
  return new CofferError('internal', `store: ${message}`, options);
}
