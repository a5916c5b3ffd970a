import type { JsonObject, Logger } from '@coffer/base';
import type { EntryStorage } from './entry-storage.ts';
import type { Lease } from './lease.ts';
import type { LeaseIssuer } from './lease-issuer.ts';
import type { Mount } from './mount.ts';
import type { Path } from './path.ts';
import type { TtlAnswer, TtlLimits } from './ttl.ts';

/** A secrets engine or auth method, mounted. Declares its API as a table of paths. */
export interface Engine {
  readonly paths: readonly Path[];
  readonly help: string;
  /**
   * Ends what a lease stands for. Resolves only when it is over; rejects with what is still owed. Runs again after a
   * failure, and after a crash half-way, so it must be safe to repeat.
   */
  revoke?(lease: Lease): Promise<void>;
  /** Extends what a lease stands for in the outside world, before the lease itself is extended. */
  renew?(lease: Lease, increment: number): Promise<TtlAnswer>;
  /** Closes connections and processes. */
  close(): Promise<void>;
}

/** What a mounted engine gets from the core. */
export interface EngineContext {
  readonly mount: () => Mount;
  readonly storage: EntryStorage;
  readonly leases: LeaseIssuer;
  /** From the mount's tuning to the system's defaults. */
  readonly ttlLimits: () => readonly TtlLimits[];
  readonly logger: Logger;
}

export type EngineFactory = (context: EngineContext) => Engine;
export type { JsonObject };
