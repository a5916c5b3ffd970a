const [KIB, MIB] = [1024, 1024 * 1024];

/** What holds where HttpEdgeOptions say nothing else (docs/production.md, "Limits"). */
export const HTTP_LIMITS = {
  bodyBytes: 32 * MIB,
  strangerBodyBytes: 256 * KIB,
  /** Of all bodies under way; on a small heap an eighth of that. */
  bodyBudgetBytes: 128 * MIB,
  /** Strangers have one part in so many of the budget. */
  shareOfStrangers: 4,
  /** One address has one part in so many of the connections, and of the strangers' part of the budget. */
  shareOfOneNetwork: 4,
  /** Of one request, its URL included. */
  headerBytes: 16 * KIB,
  queryParameters: 100,
  connections: 4096,
  /** Under way at once on one connection, of either version of HTTP. */
  requestsPerConnection: 250,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  /** 32 MiB in that time are 280 KB/s. */
  responseTimeoutMs: 120_000,
  idleTimeoutMs: 120_000,
} as const;
