import { CofferError, errorText } from '@coffer/base';
import type { EngineFactory, Mount } from '@coffer/framework';

/** What may be mounted, by type. */
export interface MountTypes {
  readonly engines: ReadonlyMap<string, EngineFactory>;
  /** Below `auth/`. */
  readonly authMethods: ReadonlyMap<string, EngineFactory>;
}

/** @throws CofferError `invalid-request` for a type that cannot be enabled below `path`, naming those that can */
export function factoryFor({ engines, authMethods }: MountTypes, path: string, type: string): EngineFactory {
  const candidates = path.startsWith('auth/') ? authMethods : engines;
  const factory = candidates.get(type);
  if (factory !== undefined) return factory;
  const known = [...candidates.keys()].join(', ');
  const none = `there is no such ${candidates === engines ? 'engine' : 'auth method'} here`;
  throw new CofferError(
    'invalid-request',
    `plugin not found in the catalog: ${type} (${none}; what can be enabled: ${known})`,
  );
}

/** @throws CofferError `failed` naming a mount that this version cannot serve: without it, what it issued is not revoked */
export function factoryOf(types: MountTypes, { path, type }: Mount): EngineFactory {
  try {
    return factoryFor(types, path, type);
  } catch (cause) {
    throw new CofferError('failed', `the mount ${path}: ${errorText(cause)}`, { cause });
  }
}
