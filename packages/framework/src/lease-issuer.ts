import type { JsonObject } from '@coffer/base';

/** A lease that is about to be issued. */
export interface NewLease {
  readonly path: string;
  readonly token: string;
  readonly renewable: boolean;
  /** What revocation needs, known before the effect. */
  readonly data: JsonObject;
  readonly issueTime: number;
  readonly expireTime: number;
}

/** A lease in state `creating`: its row is there, its effect may be. */
export interface CreatingLease {
  readonly id: string;
  /**
   * The effect has happened: the lease is issued. `data` replaces what the row holds, where the effect told more.
   * @throws CofferError `permission-denied` when the token was revoked meanwhile; the lease is then revoked
   */
  activate(data?: JsonObject): Promise<void>;
  /**
   * The effect failed. With `nothingLeft` the row goes; otherwise it stays and is revoked like an expired lease. `data`
   * replaces what the row holds, where the failure told more.
   */
  abandon(nothingLeft: boolean, data?: JsonObject): Promise<void>;
}

/** Issues leases: the row first, then the effect (DESIGN invariant 1). */
export interface LeaseIssuer {
  /**
   * Makes the durable row in state `creating`. Call it before the effect.
   * @throws CofferError `permission-denied` when the token is not valid any more: there is no row then
   */
  begin(lease: NewLease): Promise<CreatingLease>;
}
