import type { JsonObject, Logger, Metrics } from '@coffer/base';
import type { Condition } from './condition.ts';
import type { EntryStorage } from './entry-storage.ts';
import type { Intents } from './intents.ts';
import type { Lease } from './lease.ts';
import type { LeaseIssuer } from './lease-issuer.ts';
import type { Mount } from './mount.ts';
import type { Path, PathRequest } from './path.ts';
import type { TokenEntry } from './token-entry.ts';
import type { TtlAnswer, TtlLimits } from './ttl.ts';
import type { UserLockout } from './user-lockout.ts';

/** A secrets engine or auth method, mounted. Declares its API as a table of paths. */
export interface Engine {
  readonly paths: readonly Path[];
  readonly help: string;
  /**
   * Ends what a lease stands for. Resolves only when that is done; rejects with what is still to be done. It runs again after
   * a failure, and after a crash half-way, so it must be safe to repeat.
   *
   * Resolves with a text where the lease is over and what it stood for is gone, but something of it may go on for a while that
   * nobody can end at once: the lease then stays to say so, and this is called again until it resolves with nothing.
   */
  revoke?(lease: Lease): Promise<string | undefined>;
  /**
   * Ends what several leases stand for where that can be done together. Resolves with the ids of those that are wholly over; each of
   * the others, or all where it rejects, is for {@link revoke}, which says what is wrong with it.
   */
  revokeTogether?(leases: readonly Lease[]): Promise<readonly string[]>;
  /**
   * Extends what a lease stands for in the outside world, before the lease itself is extended. `data` replaces the
   * lease's where the renewal changed what its revocation or next renewal needs.
   */
  renew?(lease: Lease, increment: number): Promise<TtlAnswer & { readonly data?: JsonObject }>;
  /**
   * For an auth method: the TTL that a token it issued gets when it is renewed now, over the connection of `request`.
   * @throws CofferError `invalid-request` when it cannot be renewed, as when the role or user is gone
   */
  renewToken?(
    token: TokenEntry,
    increment: number,
    request: Pick<PathRequest, 'clientCertificates'>,
  ): Promise<TtlAnswer>;
  /**
   * Closes what runs on a plugin, or on any, so that the next use starts what is registered now. Returns whether anything is
   * configured to run on it.
   */
  reload?(plugin?: string): Promise<boolean>;
  /**
   * Another node has told this; undefined: it may have told anything. Requests wait for it, so it only begins what takes time.
   */
  heard?(message: EngineMessage | undefined): void;
  /** Closes connections and processes. */
  close(): Promise<void>;
}

/** What an engine tells itself on the other nodes: to close what a connection has open, or all that runs on a plugin (empty: on any). */
export interface EngineMessage {
  readonly kind: 'reset' | 'reload';
  readonly name: string;
}

/** What a mounted engine gets from the core. */
export interface EngineContext {
  readonly mount: () => Mount;
  /** False from the moment the mount is being disabled: what was begun before must then leave nothing behind. */
  readonly active: () => boolean;
  /** The same for every node: what must hold at the moment when something is issued. */
  readonly stands: readonly Condition[];
  readonly storage: EntryStorage;
  readonly leases: LeaseIssuer;
  /** Of this mount. */
  readonly intents: Intents;
  /** From the narrowest to the widest: the mount's tuning, then the system's defaults. */
  readonly ttlLimits: () => readonly TtlLimits[];
  /** As the mount is tuned now. */
  readonly userLockout: () => UserLockout;
  /** A warning for each policy that does not exist. Those that a request names in fields for policies have theirs by themselves. */
  readonly policyWarnings: (policies: readonly string[]) => Promise<readonly string[]>;
  /**
   * Brings this node up to date with what other nodes have written. A request begins so by itself; this is for work that none has
   * begun.
   */
  readonly catchUp: () => Promise<void>;
  /** When it resolves, every other node hears the message before it serves its next request. */
  readonly tell: (message: EngineMessage) => Promise<void>;
  /** What is counted by it bears the mount. */
  readonly metrics: Metrics;
  readonly logger: Logger;
}

export type EngineFactory = (context: EngineContext) => Engine;
