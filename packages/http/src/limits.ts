const [KIB, MIB] = [1024, 1024 * 1024];

/** The defaults of HttpEdgeOptions (docs/production.md, "Limits"). */
export const HTTP_LIMITS = {
  bodyBytes: 32 * MIB,
  strangerBodyBytes: 256 * KIB,
  /** For all bodies under way; on a small heap, an eighth of it. */
  bodyBudgetBytes: 128 * MIB,
  /** Strangers get the budget divided by this. */
  shareOfStrangers: 4,
  /** Of each request that much is not counted as a stranger's: a login that is no larger finds room, however much others hold. */
  uncountedBodyBytes: 16 * KIB,
  /** One address gets the connections, and the strangers' part of the budget, divided by this. */
  shareOfOneNetwork: 4,
  /** Of one request, its URL included. */
  headerBytes: 16 * KIB,
  queryParameters: 100,
  connections: 4096,
  /** Under way at once on one connection, of either version of HTTP. */
  requestsPerConnection: 250,
  /** Under way at once in the process, on all listeners. */
  requestsInFlight: 2048,
  /** One address gets these divided by this. */
  networkShareOfRequests: 2,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  /** For what a handler does with a body that it reads itself; the body has to arrive in time like any other. */
  rawBodyMs: 3_600_000,
  /** 32 MiB in that time are 280 KB/s. */
  responseTimeoutMs: 120_000,
  idleTimeoutMs: 120_000,
} as const;
