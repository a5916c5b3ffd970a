/** go-metrics' interval, in milliseconds (github.com/hashicorp/go-metrics:inmem.go, as Vault sets it up). */
export const INTERVAL_MS = 10_000;

/** What came of the values of one interval. */
export interface Aggregate {
  /** How many intervals there were before it, since 1970. */
  readonly interval: number;
  count: number;
  sum: number;
  sumOfSquares: number;
  min: number;
  max: number;
}

/** The values of one series: those of this interval and of the one before. */
export class Aggregates {
  #current: Aggregate | undefined;
  #former: Aggregate | undefined;

  /** The interval of its last value. */
  get touched(): number {
    return this.#current?.interval ?? 0;
  }

  add(value: number, interval: number): void {
    let current = this.#current;
    if (current?.interval !== interval) {
      this.#former = current;
      current = { interval, count: 0, sum: 0, sumOfSquares: 0, min: value, max: value };
      this.#current = current;
    }
    current.count++;
    current.sum += value;
    current.sumOfSquares += value * value;
    if (value < current.min) current.min = value;
    if (value > current.max) current.max = value;
  }

  of(interval: number): Aggregate | undefined {
    return [this.#current, this.#former].find((each) => each?.interval === interval);
  }
}
