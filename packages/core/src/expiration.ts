import type { Logger } from '@coffer/base';
import { CofferError } from '@coffer/base';
import type { Leases } from './leases.ts';
import type { TokenStore } from './tokens.ts';

/** Leases revoked side by side by this process. */
const CONCURRENCY = 16;
/** The longest sleep in milliseconds: rows may also become due by another node's hand. */
const LONGEST_SLEEP_MS = 1_000;

/**
 * Revokes what is due: expired leases and tokens, revocations asked for without waiting, retries, and creations that
 * were never finished. There is no timer for each lease: the next due time is an index look-up.
 */
export class Expiration {
  readonly #leases: Leases;
  readonly #tokens: TokenStore;
  readonly #logger: Logger;
  readonly #running = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> | undefined;
  #again = false;
  #stopped = true;

  constructor(leases: Leases, tokens: TokenStore, logger: Logger) {
    this.#leases = leases;
    this.#tokens = tokens;
    this.#logger = logger;
  }

  start(): void {
    this.#stopped = false;
    this.wake();
  }

  /** Looks now instead of at the end of the current sleep. */
  wake(): void {
    if (this.#stopped) return;
    if (this.#round !== undefined) {
      this.#again = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#round = this.#look().then((delay) => {
      this.#round = undefined;
      const immediately = this.#again;
      this.#again = false;
      if (!this.#stopped) this.#timer = setTimeout(() => this.wake(), immediately ? 0 : delay);
    });
  }

  /** Starts nothing new and waits for what is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#round;
    await Promise.all(this.#running);
  }

  /** Starts what is due and returns how long to sleep, in milliseconds. Never rejects. */
  async #look(): Promise<number> {
    try {
      await this.#tokens.revokeExpired(Date.now());
      const free = CONCURRENCY - this.#running.size;
      if (free > 0) for (const lease of await this.#leases.claimDue(Date.now(), free)) this.#start(lease);
      if (this.#running.size >= CONCURRENCY) return LONGEST_SLEEP_MS;
      const due = await this.#leases.nextDue();
      return Math.min(LONGEST_SLEEP_MS, Math.max(10, (due ?? Number.POSITIVE_INFINITY) - Date.now()));
    } catch (thrown) {
      this.#logger.error('expiration: the store did not answer', { error: CofferError.from(thrown).message });
      return LONGEST_SLEEP_MS;
    }
  }

  #start(lease: Parameters<Leases['revokeClaimed']>[0]): void {
    const work = this.#leases
      .revokeClaimed(lease)
      .then(
        () => undefined,
        (thrown: unknown) =>
          this.#logger.error('expiration: a revocation was not recorded', {
            lease_id: lease.id,
            error: CofferError.from(thrown).message,
          }),
      )
      .then(() => {
        this.#running.delete(work);
        this.wake();
      });
    this.#running.add(work);
  }
}
