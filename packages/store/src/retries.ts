import { type Logger, type Metrics, NO_METRICS } from '@coffer/base';

/** How often a line says how many there were. */
const SUMMARY_MS = 60_000;

/** Counts what is run once more, and tells the log: each time at `debug`, and once a minute at `info` while there are any. */
export class Retries {
  readonly #logger: Logger;
  readonly #metrics: Metrics;
  readonly #counts = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(logger: Logger, metrics: Metrics = NO_METRICS) {
    this.#logger = logger;
    this.#metrics = metrics;
  }

  /** `reason`: the SQLSTATE, or `connection` when there was none to answer or the answer was lost. */
  note(reason: string, attempt: number, error: string): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1);
    this.#metrics.count('coffer.store.retries.total', { sqlstate: reason });
    this.#logger.debug('store: retrying', { reason, attempt, error });
    this.#timer ??= setTimeout(() => this.#tell(), SUMMARY_MS).unref();
  }

  /** Tells what has not been told. */
  close(): void {
    clearTimeout(this.#timer);
    this.#tell();
  }

  #tell(): void {
    this.#timer = undefined;
    if (this.#counts.size === 0) return;
    const total = [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
    const each = [...this.#counts].map(([reason, count]) => `${reason} ${count}`).toSorted();
    this.#logger.info(`store: retried ${total} statements: ${each.join(', ')}`);
    this.#counts.clear();
  }
}
