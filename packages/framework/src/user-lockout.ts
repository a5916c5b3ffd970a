import * as stored from './stored.ts';

/** When somebody whose password is guessed at is locked out (hashicorp/vault:vault/request_handling.go getUserLockoutConfiguration). */
export interface UserLockout {
  /** Failed logins in a row that lock a user out. */
  readonly threshold: number;
  /** How long, in milliseconds. */
  readonly durationMs: number;
  /** How long a failed login counts, in milliseconds. */
  readonly counterResetMs: number;
  readonly disabled: boolean;
}

/** Vault's defaults (hashicorp/vault:internalshared/configutil/userlockout.go). */
export const DEFAULT_USER_LOCKOUT: UserLockout = {
  threshold: 5,
  durationMs: 900_000,
  counterResetMs: 900_000,
  disabled: false,
};

/** The methods whose users can be locked out, of those that there are here. */
export const LOCKOUT_METHODS: readonly string[] = ['userpass', 'approle'];

/** The failed logins of one user in a row. */
export interface LoginFailures {
  readonly count: number;
  /** When the last one was, in milliseconds since 1970. */
  readonly last: number;
}

const { entry, integer } = stored;
/** Where a mount keeps them, by the user's name, and what they hold. */
export const LOGIN_FAILURES = {
  prefix: 'login-failures/',
  kind: entry<LoginFailures>({ count: integer(), last: integer() }),
} as const;

export function isLockedOut(failures: LoginFailures | undefined, lockout: UserLockout, now = Date.now()): boolean {
  if (failures === undefined || lockout.disabled) return false;
  return failures.count >= lockout.threshold && now - failures.last < lockout.durationMs;
}
