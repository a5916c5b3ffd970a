import { CofferError, type JsonObject } from '@coffer/base';
import type { Mount } from '@coffer/framework';
import { mountConfig } from './mount-tuning.ts';

/** The type that a write to `sys/mounts/:path` or `sys/auth/:path` names. @throws CofferError `invalid-request` without one */
export function mountType(
  fields: { readonly type: string | undefined; readonly plugin_name: string | undefined },
  missing: string,
): string {
  const type = fields.type ?? fields.plugin_name ?? '';
  if (type === '') throw new CofferError('invalid-request', missing);
  return type;
}

interface EnableFields {
  readonly description: string;
  readonly config: JsonObject;
  readonly options: JsonObject | undefined;
  readonly local: boolean;
  readonly seal_wrap: boolean;
}

/** What such a write says of the new mount besides path and type. @throws CofferError `invalid-request` naming the field */
export function mountParts({ description, config, options, local, seal_wrap }: EnableFields): Partial<Mount> {
  return { description, local, seal_wrap, options: options ?? null, config: mountConfig(config) };
}
