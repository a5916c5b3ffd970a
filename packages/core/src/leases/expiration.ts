import { type Logger, type Metrics, NO_METRICS } from '@coffer/base';
import { DueLoop, type TokenStore } from '@coffer/framework';
import type { ClaimedLease } from './claimed-lease.ts';
import type { Leases } from './leases.ts';
import type { Revoked } from './revoke-claimed.ts';
import { REVOCATIONS_AT_ONCE } from './revoke-prefix.ts';

/** Tokens ended in one transaction. */
const TOKENS_AT_ONCE = 100;
/**
 * Between two looks where nothing is due, in milliseconds. A look for leases or for tokens is two statements, each of 16 index
 * seeks, one in each bucket: 64 seeks a second and node for both.
 */
const LONGEST_SLEEP_MS = 1_000;
const SHORTEST_SLEEP_MS = 10;

/**
 * Revokes what is due: expired leases and tokens, revocations asked for without waiting, retries, and creations that
 * were never finished. It is made before the stores of leases and tokens, so that they can wake it.
 */
export class Expiration {
  readonly #logger: Logger;
  readonly #metrics: Metrics;
  #leases: DueLoop<ClaimedLease> | undefined;
  #tokens: DueLoop<readonly string[]> | undefined;

  constructor(logger: Logger, metrics: Metrics = NO_METRICS) {
    this.#logger = logger;
    this.#metrics = metrics;
  }

  start(leases: Leases, tokens: TokenStore): void {
    const sleeps = { longestSleepMs: LONGEST_SLEEP_MS, shortestSleepMs: SHORTEST_SLEEP_MS };
    this.#tokens = new DueLoop(
      {
        due: async () => {
          const ids = await tokens.expired(Date.now(), TOKENS_AT_ONCE);
          return ids.length === 0 ? [] : [ids];
        },
        nextDue: () => tokens.nextExpiry(),
        run: (all) => all.map((ids) => tokens.endExpired(ids)),
        nameOf: () => 'expired tokens',
      },
      { ...sleeps, concurrency: 1, logger: this.#logger.named('tokens') },
    );
    this.#leases = new DueLoop(
      {
        due: (limit) => leases.claimDue(Date.now(), limit),
        nextDue: () => leases.nextDue(),
        run: (claimed) => {
          const begun = leases.revokeClaimed(claimed);
          return claimed.map((lease) => this.#watched(lease, begun.get(lease.id)));
        },
        nameOf: (lease) => lease.id,
      },
      { ...sleeps, concurrency: REVOCATIONS_AT_ONCE, logger: this.#logger.named('leases') },
    );
    this.#tokens.start();
    this.#leases.start();
  }

  async #watched({ nextAttempt }: ClaimedLease, revoked: Promise<Revoked> | undefined): Promise<void> {
    const waitedMs = Math.max(0, Date.now() - nextAttempt);
    this.#metrics.count('vault.expire.lease_expiration');
    this.#metrics.took('vault.expire.lease_expiration.time_in_queue', waitedMs);
    const error = (await revoked)?.error;
    if (error !== undefined) this.#metrics.count('vault.expire.lease_expiration.error');
  }

  /** A lease may be due, now or at a time in milliseconds since 1970. */
  wakeLeases(dueAt?: number): void {
    this.#leases?.wake(dueAt);
  }

  /** The same of a token, which may have ended, and its leases with it. */
  wakeTokens(dueAt?: number): void {
    this.#tokens?.wake(dueAt);
    this.#leases?.wake(dueAt);
  }

  /** Starts nothing new and waits for what is under way. */
  async stop(): Promise<void> {
    await Promise.all([this.#tokens?.stop(), this.#leases?.stop()]);
  }
}
