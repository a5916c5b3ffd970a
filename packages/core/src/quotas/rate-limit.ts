import { callerNetwork } from '@coffer/framework';

/** What a client is told of its rate. Times are whole seconds, rounded up. */
export interface RateAnswer {
  readonly allowed: boolean;
  readonly limit: number;
  readonly remaining: number;
  /** Until the interval of this client is over. */
  readonly resetSeconds: number;
  /** Until it may come again; 0 when it may now. */
  readonly retryAfterSeconds: number;
}

export interface RateLimits {
  /** Requests that a client may make in an interval. Vault rounds to whole ones; at least one. */
  readonly rate: number;
  readonly intervalMs: number;
  /** How long a client that was over its rate is refused whatever it does; 0 for only until the interval is over. */
  readonly blockMs: number;
}

interface Client {
  /** When its interval began, by the clock that never steps. */
  since: number;
  used: number;
  blockedUntil: number;
}

/** Clients that one rule remembers. */
export const CLIENTS_REMEMBERED = 10_000;

/**
 * Counts the requests of each client in intervals that begin with its first one (github.com/sethvargo/go-limiter:
 * memorystore, which Vault uses). A client is an address, or a /64 of IPv6: whoever has one has 2^64 addresses.
 */
export class RateLimit {
  readonly #limits: RateLimits;
  readonly #now: () => number;
  /** The one that was longest ago is first. */
  readonly #clients = new Map<string, Client>();

  /** `now` gives milliseconds of a clock that never steps. */
  constructor(limits: RateLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
  }

  take(address: string): RateAnswer {
    const { intervalMs, blockMs } = this.#limits;
    const limit = Math.max(1, Math.round(this.#limits.rate));
    const now = this.#now();
    const client = this.#client(callerNetwork(address), now);
    if (now - client.since >= intervalMs) {
      client.since += Math.floor((now - client.since) / intervalMs) * intervalMs;
      client.used = 0;
    }
    const resetMs = client.since + intervalMs - now;
    const isBlocked = now < client.blockedUntil;
    const allowed = !isBlocked && client.used < limit;
    if (allowed) client.used++;
    else if (!isBlocked && blockMs > 0) client.blockedUntil = now + blockMs;
    const waitMs = allowed ? 0 : Math.max(blockMs > 0 ? client.blockedUntil - now : resetMs, 1);
    return {
      allowed,
      limit,
      remaining: limit - client.used,
      resetSeconds: Math.ceil(resetMs / 1000),
      retryAfterSeconds: Math.ceil(waitMs / 1000),
    };
  }

  #client(name: string, now: number): Client {
    const client = this.#clients.get(name) ?? { since: now, used: 0, blockedUntil: 0 };
    this.#clients.delete(name);
    this.#clients.set(name, client);
    if (this.#clients.size > CLIENTS_REMEMBERED) {
      const [oldest] = this.#clients.keys();
      if (oldest !== undefined) this.#clients.delete(oldest);
    }
    return client;
  }
}
