import { CofferError } from '@coffer/base';
import type { FieldValues, Mount } from '@coffer/framework';
import { mountConfig } from './mount-config.ts';

/** What a write to `sys/mounts/:path` and one to `sys/auth/:path` may say, but for the path and what is meant by its type. */
export const NEW_MOUNT_FIELDS = {
  description: { type: 'string', default: '', description: 'Description for people.' },
  config: { type: 'object', default: {}, description: 'default_lease_ttl, max_lease_ttl, force_no_cache.' },
  options: { type: 'object', description: 'Options of the engine or method.' },
  local: { type: 'boolean', default: false, description: 'Kept for compatibility: there is no replication.' },
  seal_wrap: { type: 'boolean', default: false, description: 'Kept for compatibility: every value is encrypted.' },
  external_entropy_access: { type: 'boolean', default: false, description: 'Kept for compatibility.' },
  plugin_name: { type: 'string', description: 'Older spelling of type.' },
  plugin_version: { type: 'string', description: 'Kept for compatibility: engines and methods are built in.' },
} as const;
type NewMountFields = FieldValues<typeof NEW_MOUNT_FIELDS>;

/** @throws CofferError `invalid-request` with the text `missing` when no type is named */
export function mountType(
  { type, plugin_name: older }: Pick<NewMountFields, 'plugin_name'> & { readonly type: string | undefined },
  missing: string,
): string {
  const named = type ?? older ?? '';
  if (named === '') throw new CofferError('invalid-request', missing);
  return named;
}

/** The new mount but for its path and type. @throws CofferError `invalid-request` naming the field */
export function mountParts({ description, config, options, local, seal_wrap }: NewMountFields): Partial<Mount> {
  return { description, local, seal_wrap, options: options ?? null, config: mountConfig(config) };
}
