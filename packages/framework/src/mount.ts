import { CofferError, type JsonObject, trimBoth } from '@coffer/base';

export interface MountConfig {
  /** Seconds; 0 for the system's default. */
  readonly default_lease_ttl: number;
  readonly max_lease_ttl: number;
  readonly force_no_cache: boolean;
  /** These lists, and what follows, are absent where nothing is set. */
  readonly audit_non_hmac_request_keys?: readonly string[];
  readonly audit_non_hmac_response_keys?: readonly string[];
  readonly passthrough_request_headers?: readonly string[];
  readonly allowed_response_headers?: readonly string[];
  /** `unauth`: user interfaces show it to everyone. `hidden` is what holds when nothing is set. */
  readonly listing_visibility?: ListingVisibility;
  /** Of an auth method: what its logins make, whatever a user or role asks for (`service`, `batch`), or unless it does. */
  readonly token_type?: (typeof MOUNT_TOKEN_TYPES)[number];
  /** Of an auth method's users after failed logins. A number that is 0 is the system's, durations are seconds. */
  readonly user_lockout_threshold?: number;
  readonly user_lockout_duration?: number;
  readonly user_lockout_counter_reset?: number;
  readonly user_lockout_disable?: boolean;
}

export const LISTING_VISIBILITIES = ['hidden', 'unauth'] as const;
export type ListingVisibility = (typeof LISTING_VISIBILITIES)[number];

export const MOUNT_TOKEN_TYPES = ['default-service', 'default-batch', 'service', 'batch'] as const;

/** One mounted engine or auth method. `path` ends with a slash: `database/`, `auth/token/`. */
export interface Mount {
  readonly path: string;
  readonly type: string;
  readonly uuid: string;
  readonly accessor: string;
  readonly description: string;
  readonly config: MountConfig;
  readonly options: JsonObject | null;
  readonly local: boolean;
  readonly seal_wrap: boolean;
}

/**
 * A mount path in its stored form, `database/`.
 * @throws CofferError `invalid-request` for an empty path or one with empty, `.` or `..` segments
 */
export function normalizeMountPath(path: string): string {
  const trimmed = trimBoth(path, '/');
  if (trimmed === '') throw new CofferError('invalid-request', 'missing path: name the mount, as in "database"');
  if (trimmed.split('/').some((segment) => segment === '' || segment === '.' || segment === '..')) {
    throw new CofferError('invalid-request', `"${path}" is not a mount path: it has an empty or relative segment`);
  }
  return `${trimmed}/`;
}
