import type { JsonObject } from '@coffer/base';

/**
 * `creating`: a login may exist in the database, and its name is in `data`. Whoever finds the row unclaimed after its time
 * undoes it.
 * `active`: issued, and revoked when it expires.
 * `revoking`: to be revoked now, and retried until that is done; only then the row goes.
 */
export const LEASE_STATES = ['creating', 'active', 'revoking'] as const;
export type LeaseState = (typeof LEASE_STATES)[number];

/** Who is making what a lease stands for, as the row says while that is under way. */
export interface Creation {
  /** The `PROCESS_ID` of the server process, where that is dead. */
  readonly process?: string;
  /** Until when what it has sent may still take effect, in milliseconds since 1970. */
  readonly mayLandUntil: number;
}

/** Times are milliseconds since 1970. */
export interface Lease {
  /** `database/creds/my-role/` and 24 random characters. */
  readonly id: string;
  /** The id (not the token) of the token with which it ends; empty for one that was issued to a batch token without parent. */
  readonly token: string;
  /** When the batch token ends that it was issued to, in milliseconds since 1970: no renewal goes beyond. */
  readonly latestExpireTime?: number;
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
  /** Its creation was cut off: nobody ever said what came of it. Absent in rows that an older version left behind. */
  readonly creation?: Creation;
}
