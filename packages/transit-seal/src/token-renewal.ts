import { type Backoff, backoffMs, CofferError, errorText, type Logger, withoutDeadline } from '@coffer/base';
import type { Renewed } from './transit-api.ts';

const BACKOFF: Backoff = { firstMs: 1_000, longestMs: 60_000 };
/** Pauses between renewals, in milliseconds. */
const SHORTEST_MS = 5_000;
const LONGEST_MS = 12 * 3600_000;

/** Keeps the token of a seal alive, as long as the server that gave it lets it. */
export class TokenRenewal {
  readonly #renew: () => Promise<Renewed>;
  readonly #logger: Logger;
  #timer: NodeJS.Timeout | undefined;
  #isBegun = false;
  #isEnded = false;
  #failures = 0;
  #longest = 0;
  #hasWarned = false;

  constructor(renew: () => Promise<Renewed>, logger: Logger) {
    this.#renew = renew;
    this.#logger = logger;
  }

  /** Called again, it does nothing. */
  begin(): void {
    if (this.#isBegun) return;
    this.#isBegun = true;
    this.#after(0);
  }

  end(): void {
    this.#isEnded = true;
    clearTimeout(this.#timer);
  }

  #after(pauseMs: number): void {
    if (this.#isEnded) return;
    this.#timer = setTimeout(() => {
      withoutDeadline(() => this.#turn()).catch((error: unknown) => this.#failed(error));
    }, pauseMs).unref();
  }

  async #turn(): Promise<void> {
    const { seconds, renewable } = await this.#renew();
    this.#failures = 0;
    if (!renewable || seconds <= 0) {
      this.#logger.info('the token of the seal is not renewed: it is not renewable, or never expires', { seconds });
      return;
    }
    this.#warnOfEnd(seconds);
    this.#after(Math.min(Math.max((seconds * 1000 * 2) / 3, SHORTEST_MS), LONGEST_MS));
  }

  #failed(error: unknown): void {
    if (CofferError.from(error).code === 'unavailable') {
      this.#failures++;
      this.#logger.warn('failed to renew the token of the seal; trying again', { error: errorText(error) });
      this.#after(backoffMs(BACKOFF, this.#failures));
      return;
    }
    // As Vault, which goes on without: the token may have no need of it, or no right to it.
    const text = 'the token of the seal cannot be renewed; Coffer will not retry';
    this.#logger.warn(text, { error: errorText(error) });
  }

  /** Towards its longest time of life a token gets less and less. */
  #warnOfEnd(seconds: number): void {
    this.#longest = Math.max(this.#longest, seconds);
    if (seconds > this.#longest / 2 || this.#hasWarned) return;
    this.#hasWarned = true;
    const text =
      'the token of the seal expires soon and cannot be renewed further: give the server a new one (a periodic token never expires)';
    this.#logger.warn(text, { seconds });
  }
}
