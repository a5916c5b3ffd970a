import { CofferError, type JsonObject } from '@coffer/base';
import type { MountKind } from './mount-kind.ts';

/**
 * The options of a mount after `given` was added to `previous`; an empty one is removed (handleTuneWriteCommon of
 * hashicorp/vault:vault/logical_system.go). Null when there have never been any.
 *
 * @throws CofferError `invalid-request` for one that is no text, and for a version, which no engine here has
 */
export function mountOptions(
  given: JsonObject | undefined,
  mount: MountKind,
  previous: JsonObject | null = null,
): JsonObject | null {
  if (given === undefined) return previous;
  const texts = Object.entries(given).map(([name, value]) => {
    if (typeof value !== 'object') return [name, String(value)] as const;
    throw new CofferError('invalid-request', `field "options": "${name.slice(0, 100)}" must be a string`);
  });
  const version = texts.find(([name]) => name === 'version')?.[1] ?? '';
  if (version !== '') {
    const what = mount.path.startsWith('auth/') ? 'auth method' : 'secrets engine';
    throw new CofferError('invalid-request', `${what} ${JSON.stringify(mount.type)} does not allow setting a version`);
  }
  const merged = new Map([...Object.entries(previous ?? {}), ...texts]);
  return Object.fromEntries([...merged].filter(([, value]) => value !== ''));
}
