import { CofferError, type JsonObject, nearestName } from '@coffer/base';
import { LOCKOUT_METHODS, type MountConfig, parseFields } from '@coffer/framework';
import type { MountKind } from './mount-kind.ts';

const FIELDS = {
  lockout_threshold: {
    type: 'integer',
    description: 'Number of failed logins in a row after which a user is locked out.',
  },
  lockout_duration: { type: 'any', description: 'How long a user stays locked out, or "system".' },
  lockout_counter_reset_duration: {
    type: 'any',
    description: 'Time after which failed logins no longer count, or "system".',
  },
  lockout_disable: { type: 'boolean', description: 'Disable lockout.' },
} as const;

type Lockout = Pick<
  MountConfig,
  'user_lockout_threshold' | 'user_lockout_duration' | 'user_lockout_counter_reset' | 'user_lockout_disable'
>;
/** With those that stay unset. */
type LockoutSettings = { [K in keyof Lockout]-?: Lockout[K] | undefined };

/** What the tuning of a mount says of the lockout of its users. @throws CofferError `invalid-request` in Vault's words */
export function userLockout(
  given: JsonObject | undefined,
  { type }: MountKind,
  previous: MountConfig | undefined,
): LockoutSettings {
  const set = Object.fromEntries(Object.entries(given ?? {}).filter(([, value]) => value !== null && value !== ''));
  const names = Object.keys(set);
  // That nobody is locked out is so anyway where nobody can be.
  const asksForNothing = names.every(
    (name) => name === 'lockout_disable' && (set[name] === true || set[name] === 'true'),
  );
  if (!asksForNothing && !LOCKOUT_METHODS.includes(type)) {
    throw wrong(`tuning of user lockout configuration for auth type ${JSON.stringify(type)} not allowed`);
  }
  const unknown = names.find((name) => !Object.hasOwn(FIELDS, name));
  if (unknown !== undefined) throw wrong(`field "user_lockout_config": ${remedy(unknown)}`);
  const { lockout_threshold: threshold, lockout_disable: disable } = parseFields(FIELDS, set);
  if (threshold !== undefined && threshold < 0) throw wrong('field "lockout_threshold" must not be negative');
  return {
    user_lockout_threshold: threshold ?? previous?.user_lockout_threshold,
    user_lockout_duration: duration(set, 'lockout_duration') ?? previous?.user_lockout_duration,
    user_lockout_counter_reset: duration(set, 'lockout_counter_reset_duration') ?? previous?.user_lockout_counter_reset,
    user_lockout_disable: disable ?? previous?.user_lockout_disable,
  };
}

/** `system`: that of the server. */
function duration(set: JsonObject, name: string): number | undefined {
  if (set[name] === 'system') return 0;
  return parseFields({ [name]: { type: 'duration', description: '' } }, set)[name];
}

function remedy(name: string): string {
  const nearest = nearestName(name, Object.keys(FIELDS));
  const shown = JSON.stringify(name.slice(0, 100));
  return `${shown} is not known${nearest ? `: did you mean "${nearest}"?` : `; known are ${Object.keys(FIELDS).join(', ')}`}`;
}

function wrong(message: string): CofferError {
  return new CofferError('invalid-request', message);
}
