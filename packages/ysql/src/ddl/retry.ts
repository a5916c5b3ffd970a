import { setTimeout as sleep } from 'node:timers/promises';
import { type Backoff, backoffMs, type Logger, type Metrics, timeLeft } from '@coffer/base';
import { Failure, type FailureKind } from '@coffer/yb-connection';

export interface RetryPolicy extends Backoff {
  readonly attempts: number;
  readonly totalMs: number;
}

export const RETRY_POLICY: RetryPolicy = {
  attempts: 10,
  totalMs: 60_000,
  firstMs: 12.5,
  longestMs: 1_000,
  jitter: 1,
};

/** How many attempts each kind of failure is worth. A cluster that cannot be reached is reported soon. */
const WORTH: Readonly<Record<FailureKind, number>> = {
  conflict: 10,
  'outcome-unknown': 10,
  unreachable: 4,
  busy: 8,
  'read-only': 8,
  upgrade: 1,
  fatal: 1,
};

/** A search for a node takes its time by itself. Once it has, a cluster that cannot be reached is reported. */
const UNREACHABLE_MS = 5_000;

/**
 * Runs `work` until it succeeds, fails for good, or nobody is waiting for it any more. `work` must look at the state before it
 * acts, because an earlier attempt may have taken effect. Throws what the last attempt threw.
 */
export async function retry<T>(
  what: string,
  { logger, metrics }: { readonly logger: Logger; readonly metrics?: Metrics },
  work: (attempt: number) => Promise<T>,
  policy: RetryPolicy = RETRY_POLICY,
): Promise<T> {
  const begin = Date.now();
  const deadline = begin + timeLeft(policy.totalMs);
  for (let attempt = 1; ; attempt++) {
    try {
      return await work(attempt);
    } catch (error) {
      if (!(error instanceof Failure) || error.final) throw error;
      if (attempt >= Math.min(policy.attempts, WORTH[error.kind])) throw error;
      if (error.kind === 'unreachable' && Date.now() - begin >= UNREACHABLE_MS) throw error;
      // A lost connection says nothing about load, so the first retry need not wait.
      const pause = error.outcomeUnknown && attempt === 1 ? 0 : backoffMs(policy, attempt);
      if (Date.now() + pause > deadline) throw error;
      metrics?.count('coffer.database.retries.total', { sqlstate: error.sqlstate || 'connection' });
      logger.debug(`${what}: trying again`, { attempt, reason: error.kind, sqlstate: error.sqlstate });
      await sleep(pause);
    }
  }
}
