/** How the pauses between attempts grow: doubled after each failure, and no two alike. */
export interface Backoff {
  /** The pause after the first failure, on average, in milliseconds. */
  readonly firstMs: number;
  /** Pauses grow up to this one, on average. */
  readonly longestMs: number;
  /**
   * How far a pause may lie from the average, as a share of it: what failed together must not come again together. 1: anywhere
   * from none to twice as long, for those who got into each other's way. Default: a quarter.
   */
  readonly jitter?: number;
}

/** How long to wait after so many failures in a row (1 or more), in milliseconds. */
export function backoffMs({ firstMs, longestMs, jitter = 0.25 }: Backoff, failures: number): number {
  const average = Math.min(longestMs, firstMs * 2 ** (failures - 1));
  return average * (1 - jitter + 2 * jitter * Math.random());
}
