import { CofferError, type JsonObject } from '@coffer/base';
import { type FieldValues, listNames, type Mount, parseFields, unknownFields } from '@coffer/framework';
import { MOUNT_CONFIG_FIELDS, mountConfig } from './mount-config.ts';
import { mountOptions } from './mount-options.ts';

/** What a write to `sys/mounts/:path` and one to `sys/auth/:path` may say, but for the path and what is meant by its type. */
export const NEW_MOUNT_FIELDS = {
  description: { type: 'string', default: '', description: 'Description for people.' },
  config: { type: 'object', default: {}, description: 'Its settings: any tuning field except options.' },
  options: { type: 'object', description: 'Options of the engine or method. None here has any.' },
  local: { type: 'boolean', default: false, description: 'Kept and shown: there is no replication.' },
  seal_wrap: { type: 'boolean', default: false, description: 'Kept and shown: every value is encrypted, none twice.' },
  external_entropy_access: { type: 'boolean', default: false, description: 'Not supported.' },
  plugin_name: { type: 'string', description: 'Older spelling of type; the type where that is "plugin".' },
  plugin_version: {
    type: 'string',
    description: "The server's own version, or empty: engines and methods are built in.",
  },
} as const;
type NewMountFields = FieldValues<typeof NEW_MOUNT_FIELDS>;

/** In the `config` of a new mount. */
const CONFIG_FIELDS = {
  ...MOUNT_CONFIG_FIELDS,
  plugin_name: { type: 'string', description: 'The type where that is "plugin".' },
} as const;

/** The type of a new mount. @throws CofferError `invalid-request` with the text `missing` when none is named */
export function mountType(
  {
    type = '',
    plugin_name: older = '',
    config,
  }: Pick<NewMountFields, 'plugin_name' | 'config'> & { readonly type: string | undefined },
  missing: string,
): string {
  const inConfig = parseFields({ plugin_name: CONFIG_FIELDS.plugin_name }, config).plugin_name ?? '';
  const name = inConfig || older;
  if (type === 'plugin' && name === '') {
    throw new CofferError('invalid-request', 'plugin_name must be provided for plugin backend');
  }
  const named = type === 'plugin' || type === '' ? name : type;
  if (named === '') throw new CofferError('invalid-request', missing);
  if (name !== '' && name !== named) {
    throw new CofferError('invalid-request', `field "plugin_name": the type is already ${JSON.stringify(named)}`);
  }
  return named;
}

/**
 * A new mount but for its path and type, which `kind` has. What is ignored in `config` is said in `warnings`.
 * @throws CofferError `invalid-request` naming the field
 */
export function mountParts(
  given: NewMountFields,
  kind: Pick<Mount, 'path' | 'type'>,
  warnings: string[],
): Partial<Mount> {
  const { description, local, seal_wrap, options } = given;
  if (given.external_entropy_access) {
    throw new CofferError(
      'invalid-request',
      'field "external_entropy_access" is not supported: there is one source of randomness',
    );
  }
  const { plugin_version, ...rest } = parseFields(CONFIG_FIELDS, given.config);
  const config = mountConfig({ ...rest, plugin_version: plugin_version || given.plugin_version }, kind);
  const ignored = unknownFields(CONFIG_FIELDS, stripNulls(given.config)).map((name) => `config.${name}`);
  if (ignored.length > 0) warnings.push(`Endpoint ignored these unrecognized parameters: [${listNames(ignored)}]`);
  if (seal_wrap)
    warnings.push('seal_wrap is stored, but has no effect: every value is encrypted, but not by the seal itself');
  return { description, local, seal_wrap, options: mountOptions(options, kind), config };
}

/** Clients of Vault send `options: null` in the configuration. */
function stripNulls(config: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== null));
}
