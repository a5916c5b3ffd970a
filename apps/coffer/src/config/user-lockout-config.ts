import { DEFAULT_USER_LOCKOUT, LOCKOUT_METHODS, type UserLockout } from '@coffer/framework';
import type { HclBlock, HclObject } from '@coffer/hcl';
import { type Environment, environmentSwitch } from './config-values.ts';

/** Gives what holds for the users of a type of auth method. */
export type UserLockouts = (type: string) => UserLockout;

/**
 * What is configured, unless Vault's variable turns it off or on for all: also where a mount says otherwise
 * (hashicorp/vault:vault/request_handling.go isUserLockoutDisabled).
 * @throws CofferError `invalid-request` for any other value
 */
export function userLockoutOf(
  { userLockouts = () => DEFAULT_USER_LOCKOUT }: { readonly userLockouts?: UserLockouts },
  env: Environment,
): UserLockouts {
  const disabled = environmentSwitch(env, 'VAULT_DISABLE_USER_LOCKOUT');
  return disabled === undefined ? userLockouts : (type) => ({ ...userLockouts(type), disabled, isDecided: true });
}

/** `ldap` means something in Vault, and there is no such method here. */
const TYPES = ['all', ...LOCKOUT_METHODS, 'ldap'];

/** Vault's `user_lockout "TYPE" { … }`. @throws CofferError `invalid-request`: `FILE:LINE:COLUMN: what is wrong` */
export function parseUserLockouts(config: HclObject): UserLockouts | undefined {
  const blocks = new Map<string, HclBlock>();
  for (const block of config.blocks('user_lockout', 1)) {
    const type = (block.labels[0] ?? '').toLowerCase();
    if (!TYPES.includes(type)) {
      throw block.body.error(`the types of user_lockout are ${TYPES.map((each) => `"${each}"`).join(', ')}`, block);
    }
    if (blocks.has(type)) throw block.body.error(`user_lockout "${type}" is set twice`, block);
    blocks.set(type, block);
  }
  if (blocks.size === 0) return undefined;
  const all = parseLockout(blocks.get('all'), DEFAULT_USER_LOCKOUT);
  const byType = new Map([...blocks].map(([type, block]) => [type, parseLockout(block, all)]));
  return (type) => byType.get(type) ?? all;
}

function parseLockout(block: HclBlock | undefined, otherwise: UserLockout): UserLockout {
  if (block === undefined) return otherwise;
  const { body } = block;
  body.allowOnly(['lockout_threshold', 'lockout_duration', 'lockout_counter_reset', 'disable_lockout']);
  const threshold = parseThreshold(body);
  return {
    threshold: threshold ?? otherwise.threshold,
    durationMs: milliseconds(body, 'lockout_duration') ?? otherwise.durationMs,
    counterResetMs: milliseconds(body, 'lockout_counter_reset') ?? otherwise.counterResetMs,
    disabled: body.boolean('disable_lockout') ?? otherwise.disabled,
  };
}

/** Vault's documentation writes it as a string. */
function parseThreshold(body: HclObject): number | undefined {
  const name = 'lockout_threshold';
  const value = body.attribute(name);
  if (value === undefined) return undefined;
  const threshold = value.kind === 'string' || value.kind === 'number' ? Number(value.value) : Number.NaN;
  if (Number.isSafeInteger(threshold) && threshold > 0) return threshold;
  throw body.error(`"${name}" must be a whole number of failed logins, 1 or more`, value);
}

function milliseconds(body: HclObject, name: string): number | undefined {
  const seconds = body.duration(name);
  return seconds === undefined ? undefined : seconds * 1000;
}
