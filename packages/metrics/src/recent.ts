/** So many of the latest values count for quantiles, */
const MOST = 1_024;
/** and only those that are younger than this, in milliseconds. */
const LONGEST_MS = 60_000;

/** The latest values of one series. To add one costs next to nothing: they are put in order when somebody looks. */
export class Recent {
  readonly #values: number[] = [];
  /** When each came, in milliseconds. */
  readonly #times: number[] = [];
  #next = 0;

  add(value: number, now: number): void {
    this.#values[this.#next] = value;
    this.#times[this.#next] = now;
    this.#next = (this.#next + 1) % MOST;
  }

  /** NaN where there is nothing, as Prometheus' own clients say it. */
  quantiles(which: readonly number[], now: number): number[] {
    const young = this.#values.filter((_, at) => now - (this.#times[at] ?? 0) < LONGEST_MS).toSorted((a, b) => a - b);
    return which.map(
      (quantile) => young[Math.min(young.length - 1, Math.floor(quantile * young.length))] ?? Number.NaN,
    );
  }
}
