import type { JsonObject } from '@coffer/base';
import type { SqlRow } from '@coffer/store';
import type { Barrier } from './barrier.ts';

/**
 * `creating`: the intent; a login may exist in the database and its name is in `data`. Whoever finds it unclaimed after
 * its time undoes it.
 * `active`: issued; is revoked at its expire time.
 * `revoking`: to be ended now, and retried until it is over; the row goes only then.
 */
export type LeaseState = 'creating' | 'active' | 'revoking';

/** Times are milliseconds since 1970. */
export interface Lease {
  /** `database/creds/my-role/` and 24 random characters. */
  readonly id: string;
  /** The id (not the token) of the token it was issued to. */
  readonly token: string;
  readonly state: LeaseState;
  readonly issueTime: number;
  readonly expireTime: number;
  readonly lastRenewal: number | null;
  readonly nextAttempt: number;
  /** Failed attempts to revoke it. */
  readonly attempts: number;
  readonly lastError: string | null;
  /** The request's path: `database/creds/my-role`. */
  readonly path: string;
  readonly renewable: boolean;
  /** What the engine needs to renew and revoke: user name, role, statements. Never a password. */
  readonly data: JsonObject;
}

interface SealedPart {
  readonly path: string;
  readonly renewable: boolean;
  readonly data: JsonObject;
}

export function sealLease(barrier: Barrier, id: string, part: SealedPart): Uint8Array {
  return barrier.seal(`leases/${id}`, { path: part.path, renewable: part.renewable, data: part.data });
}

export function leaseFromRow(barrier: Barrier, row: SqlRow): Lease {
  const id = String(row['id']);
  const sealed = barrier.open(`leases/${id}`, row['value'] as Uint8Array) as unknown as SealedPart;
  return {
    id,
    token: String(row['token']),
    state: row['state'] as LeaseState,
    issueTime: Number(row['issue_time']),
    expireTime: Number(row['expire_time']),
    lastRenewal: row['last_renewal'] === null ? null : Number(row['last_renewal']),
    nextAttempt: Number(row['next_attempt']),
    attempts: Number(row['attempts']),
    lastError: row['last_error'] === null ? null : String(row['last_error']),
    ...sealed,
  };
}
