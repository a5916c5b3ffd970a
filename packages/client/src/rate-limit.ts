import { setTimeout as delay } from 'node:timers/promises';
import type { Deadline } from './retry.ts';

/** So many requests a second, after `burst` that need not wait: a token bucket, as golang.org/x/time/rate. */
export class RateLimit {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #countedAt = performance.now();

  constructor(perSecond: number, burst: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
  }

  /**
   * Until a request may be sent. One that could never be, or not before its deadline, is not kept: Vault's client ignores what its
   * limiter refuses (vault:api/client.go rawRequestWithContext), so that `0.5`, whose burst is 0, limits nothing.
   */
  async wait(deadline: Deadline): Promise<void> {
    if (this.#burst < 1) return;
    const now = performance.now();
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#countedAt) / 1000) * this.#perSecond);
    this.#countedAt = now;
    const waitMs = Math.max(0, ((1 - this.#tokens) / this.#perSecond) * 1000);
    if (!(now + waitMs < deadline.endsAt)) return;
    this.#tokens -= 1;
    if (waitMs > 0) await delay(waitMs, undefined, { signal: deadline.signal });
  }
}
