import { createHash } from 'node:crypto';
import * as stored from './stored.ts';

/** When somebody whose password is guessed at is locked out (hashicorp/vault:vault/request_handling.go getUserLockoutConfiguration). */
export interface UserLockout {
  /** Number of failed logins in a row after which a user is locked out. */
  readonly threshold: number;
  /** How long, in milliseconds. */
  readonly durationMs: number;
  /** How long a failed login counts, in milliseconds. */
  readonly counterResetMs: number;
  readonly disabled: boolean;
  /** Whether a mount has no say in {@link disabled}: the environment beats all else, as in Vault. */
  readonly isDecided?: boolean;
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

/** The failed logins of one name in a row. */
export interface LoginFailures {
  readonly count: number;
  /** When the last one was, in milliseconds since 1970. */
  readonly last: number;
  /** Of a name that no user has, its digest: others are counted under the same number. Empty for a user. */
  readonly digest: string;
}

const { entry, integer, string } = stored;
const FAILURES = entry<LoginFailures>({ count: integer(), last: integer(), digest: string('') });
/** Where a mount keeps them, by the user's name, and what they hold. */
export const LOGIN_FAILURES = { prefix: 'login-failures/', kind: FAILURES } as const;
/** Where it keeps those of names that no user has, by {@link strangerOf their number}. */
export const STRANGER_FAILURES = { prefix: 'stranger-failures/', kind: FAILURES } as const;
/** Whoever makes up names must not fill the store with them. */
const STRANGERS = 10_000;

/**
 * What the failures of a name without a user are kept by: a number that it shares with others, of which the last one is
 * remembered, and what tells it from these. A name that met another's lockout would be known for nobody's.
 */
export function strangerOf(mountUuid: string, name: string): { readonly number: string; readonly digest: string } {
  const digest = createHash('sha256')
    .update(JSON.stringify([mountUuid, name]))
    .digest();
  return { number: String(digest.readUInt32BE() % STRANGERS), digest: digest.toString('base64') };
}

export function isLockedOut(failures: LoginFailures | undefined, lockout: UserLockout, now = Date.now()): boolean {
  if (failures === undefined || lockout.disabled) return false;
  return failures.count >= lockout.threshold && now - failures.last < lockout.durationMs;
}
