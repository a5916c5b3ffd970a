import type { ClaimCheck, JsonObject } from '@coffer/base';
import type { Condition } from './condition.ts';
import type { LeaseHolder } from './token-entry.ts';

/** A lease that is about to be issued. */
export interface NewLease {
  readonly path: string;
  /** The calling token, with which the lease ends. That of a batch token ends with its parent, and no later than the token. */
  readonly token: LeaseHolder;
  readonly renewable: boolean;
  /** What its revocation needs, as far as it is known before the effect. */
  readonly data: JsonObject;
  readonly issueTime: number;
  readonly expireTime: number;
}

/** A lease in state `creating`: its row exists, and its effect may exist. */
export interface CreatingLease {
  readonly id: string;
  /** Of the claim on the row. Make the effect with it: see `underClaim`. */
  readonly requireMine: ClaimCheck;
  /**
   * The effect has happened: the lease is issued. `data` replaces what the row holds, if more is known now.
   * @throws CofferError `permission-denied` when the token was revoked meanwhile, `unavailable` when another node took the row
   *   over, since this one was taken for dead; the lease is then revoked
   */
  activate(data?: JsonObject): Promise<void>;
  /**
   * The effect failed. With `nothingLeft` the row goes; otherwise it stays, and is revoked like an expired lease. `data`
   * replaces what the row holds, if more is known now.
   */
  abandon(nothingLeft: boolean, data?: JsonObject): Promise<void>;
}

/** Issues leases: the row first, then the effect (DESIGN invariant 1). */
export interface LeaseIssuer {
  /**
   * Creates the durable row, in state `creating`. Call it before the effect.
   * `conditions`: what must hold besides at the moment when the row is inserted.
   * @throws CofferError `permission-denied` when they do not, or the token is no longer valid, `invalid-request` when this is its last use, and
   *   what is issued would end with it at once: there is no row then
   */
  begin(lease: NewLease, conditions?: readonly Condition[]): Promise<CreatingLease>;
}
