/** One request under way, as `sys/in-flight-req` shows it. */
export interface InFlightRequest {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly startTime: number;
  /** The verb as sent. */
  readonly method: string;
  /** With `/v1/`, without the query. */
  readonly path: string;
  readonly remoteAddress: string;
  readonly remotePort?: number;
  /** Who counts as its client; absent for nobody, and until its token was looked up. */
  readonly clientId?: () => string;
}
