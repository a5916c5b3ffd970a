import type { Logger } from '@coffer/base';

/** A collector that is away for hours is worth a line a minute. */
const INTERVAL_MS = 60_000;

/** Counts the spans that are lost, and says so now and then. */
export class LossReport {
  readonly #logger: Logger;
  readonly #intervalMs: number;
  /** Of all time: no place in the queue, and not taken by the collector. */
  #dropped = 0;
  #failed = 0;
  #told = 0;
  #last = 'the queue is full';
  #timer: NodeJS.Timeout | undefined;

  constructor(logger: Logger, intervalMs = INTERVAL_MS) {
    this.#logger = logger;
    this.#intervalMs = intervalMs;
  }

  /** A span found no place in the queue. */
  dropped(): void {
    this.#dropped++;
    this.#note();
  }

  /** The collector did not take these. */
  failed(spans: number, reason: string): void {
    this.#failed += spans;
    this.#last = reason;
    this.#note();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#tell();
  }

  /** The first loss is told at once, what is lost until then with the next line. */
  #note(): void {
    if (this.#timer !== undefined) return;
    this.#tell();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#told < this.#dropped + this.#failed) this.#note();
    }, this.#intervalMs).unref();
  }

  #tell(): void {
    const lost = this.#dropped + this.#failed;
    if (lost === this.#told) return;
    this.#told = lost;
    const fields = { dropped: this.#dropped, failed: this.#failed, reason: this.#last };
    this.#logger.warn('traces are lost; requests are not affected', fields);
  }
}
