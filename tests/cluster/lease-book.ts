/**
 * What is known of each lease that was answered, and what must therefore hold of it: it is there while it is valid and nobody
 * asked for its end; it is gone, with its login, once its end was answered. In between both are right.
 */

/** What clocks, rounding and a loaded machine may take. */
const MARGIN_MS = 2_000;
/** A request without an answer may be carried out by a node that wakes up this much later. */
const LATE_MS = 90_000;

export interface KnownLease {
  readonly id: string;
  readonly role: string;
  readonly username: string;
  readonly password: string;
  /** It is valid until then at least; milliseconds since 1970. */
  validUntil: number;
  /** When its end was asked for first. */
  endAsked: number | undefined;
  /** When it was answered that it is over. */
  endAnswered: number | undefined;
  /** Something of it may go on, as the answer said. */
  owed: boolean;
}

/** Somebody ends all leases of a role. */
interface Sweep {
  readonly role: string;
  readonly from: number;
  until: number;
}

export type Expected = 'there' | 'gone' | 'either';

export class LeaseBook {
  readonly passwords = new Set<string>();
  readonly #leases = new Map<string, KnownLease>();
  #sweeps: Sweep[] = [];

  /** @param invoked when it was asked for; @param seconds its ttl */
  issued(
    lease: Pick<KnownLease, 'id' | 'role' | 'username' | 'password'>,
    invoked: number,
    seconds: number,
  ): KnownLease {
    const sweeps = this.#sweepsOf(lease.role, invoked);
    const known: KnownLease = {
      ...lease,
      validUntil: invoked + seconds * 1000,
      endAsked: sweeps.length === 0 ? undefined : Math.min(...sweeps.map(({ from }) => from)),
      endAnswered: undefined,
      owed: false,
    };
    this.#leases.set(lease.id, known);
    this.passwords.add(lease.password);
    return known;
  }

  renewed(lease: KnownLease, invoked: number, seconds: number): void {
    lease.validUntil = Math.max(lease.validUntil, invoked + seconds * 1000);
  }

  /** Before the first request for its end is sent. */
  asksEnd(lease: KnownLease): void {
    lease.endAsked ??= Date.now();
  }

  ended(lease: KnownLease, owed: boolean): void {
    lease.endAnswered ??= Date.now();
    lease.owed ||= owed;
  }

  /** Before a request that ends all leases of a role is sent. @returns what to call when it ended, and how */
  beginSweep(role: string): (result: 'answered' | 'owed' | 'unknown') => void {
    const sweep: Sweep = { role, from: Date.now(), until: Infinity };
    this.#sweeps.push(sweep);
    const before = this.all.filter((lease) => lease.role === role);
    for (const lease of before) this.asksEnd(lease);
    return (result) => {
      sweep.until = result === 'unknown' ? Date.now() + LATE_MS : Date.now();
      if (result !== 'unknown') for (const lease of before) this.ended(lease, result === 'owed');
    };
  }

  #sweepsOf(role: string, since: number): Sweep[] {
    return this.#sweeps.filter((sweep) => sweep.role === role && sweep.until >= since);
  }

  /** Whether somebody has been ending all leases of the role since. */
  isSwept(role: string, since: number): boolean {
    return this.#sweepsOf(role, since).length > 0;
  }

  /** What must hold of a look at it that began at `from` and is over. */
  expected({ endAsked, endAnswered, validUntil }: KnownLease, from: number): Expected {
    if (endAnswered !== undefined && endAnswered < from) return 'gone';
    if (endAsked === undefined && Date.now() < validUntil - MARGIN_MS) return 'there';
    return 'either';
  }

  get all(): KnownLease[] {
    return [...this.#leases.values()];
  }

  /** Those of which something is still to be expected; the others are forgotten. */
  get current(): KnownLease[] {
    const now = Date.now();
    this.#sweeps = this.#sweeps.filter(({ until }) => until > now - LATE_MS);
    for (const [id, { endAnswered, validUntil }] of this.#leases) {
      const over = Math.min(endAnswered ?? Infinity, validUntil);
      if (over < now - LATE_MS) this.#leases.delete(id);
    }
    return this.all;
  }
}
