import { type Backoff, backoffMs, errorText, type Logger, withoutDeadline } from '@coffer/base';

const BACKOFF: Backoff = { firstMs: 1_000, longestMs: 30_000 };

/** Opens a seal once the server that helps it answers again. */
export class SealRetry {
  readonly #attempt: () => Promise<void>;
  readonly #logger: Logger;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #problem: string | undefined;

  /** `attempt`: does not reject; calls {@link SealRetry.later} when there is use in another one, or {@link SealRetry.giveUp}. */
  constructor(attempt: () => Promise<void>, logger: Logger) {
    this.#attempt = attempt;
    this.#logger = logger;
  }

  /** Why the seal is closed, in words that strangers may read; undefined while nothing has failed. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** `problem`: what strangers are told. The log is told the error. */
  later(problem: string, error: unknown): void {
    this.stop();
    this.#problem = problem;
    this.#failures++;
    const waitMs = backoffMs(BACKOFF, this.#failures);
    this.#logger.warn('failed to unseal; trying again', {
      error: errorText(error),
      wait_ms: Math.round(waitMs),
    });
    this.#timer = setTimeout(() => {
      withoutDeadline(this.#attempt).catch((failure: unknown) =>
        this.#logger.error('failed to unseal', { error: errorText(failure) }),
      );
    }, waitMs).unref();
  }

  /** Nothing is tried again, since it would fail again. `problem`: as for {@link SealRetry.later}. */
  giveUp(problem: string, error: unknown): void {
    this.stop();
    this.#problem = problem;
    this.#logger.error('failed to unseal; not trying again', { error: errorText(error) });
  }

  /** Opened, or not wanted any more. */
  end(): void {
    this.stop();
    this.#problem = undefined;
    this.#failures = 0;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
