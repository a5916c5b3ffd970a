import { isJsonObject, type JsonObject, type JsonValue } from '@coffer/base';
import type { SecretResponse } from '@coffer/client';
import { orderKeys, sortKeys } from './output/document.ts';
import { goValue, sortedEntries } from './output/go-value.ts';

/** The columns of `-detailed`: the title, and where its value comes from. */
type Column = readonly [title: string, value: (mount: JsonObject, config: JsonObject) => string];

const LEADING: readonly Column[] = [
  ['Plugin', (mount) => text(mount['type'])],
  ['Accessor', (mount) => text(mount['accessor'])],
  ['Default TTL', (mount, config) => ttl(mount, config['default_lease_ttl'])],
  ['Max TTL', (mount, config) => ttl(mount, config['max_lease_ttl'])],
];
const TRAILING: readonly Column[] = [
  ['Replication', (mount) => (mount['local'] === true ? 'local' : 'replicated')],
  ['Seal Wrap', (mount) => text(mount['seal_wrap'])],
  ['External Entropy Access', (mount) => text(mount['external_entropy_access'])],
  ['Options', (mount) => goValue(mount['options'] ?? {})],
  ['Description', (mount) => text(mount['description'])],
  ['UUID', (mount) => text(mount['uuid'])],
  ['Version', (mount) => text(mount['plugin_version'])],
  ['Running Version', (mount) => text(mount['running_plugin_version'])],
  ['Running SHA256', (mount) => text(mount['running_sha256'])],
  ['Deprecation Status', (mount) => text(mount['deprecation_status'])],
];

/** Rows with a few fields of each mount: `[title, key]` pairs. */
export function mountRows(mounts: JsonObject, columns: readonly (readonly [string, string])[]): string[][] {
  const rows = sortedMounts(mounts).map(([path, mount]) => [path, ...columns.map(([, key]) => text(mount[key]))]);
  return [['Path', ...columns.map(([title]) => title)], ...rows];
}

/** Rows with everything; `own` is the column that secrets engines and auth methods do not share. */
export function detailedMountRows(mounts: JsonObject, own: readonly [title: string, configKey: string]): string[][] {
  const columns: readonly Column[] = [...LEADING, [own[0], (_, config) => text(config[own[1]])], ...TRAILING];
  const rows = sortedMounts(mounts).map(([path, mount]) => {
    const config = isJsonObject(mount['config']) ? mount['config'] : {};
    return [path, ...columns.map(([, value]) => value(mount, config))];
  });
  return [['Path', ...columns.map(([title]) => title)], ...rows];
}

/** The mounts with their keys in the order of Vault, absent ones filled in (openbao/openbao:api/sys_mounts.go MountOutput). */
export function mountDocument(mounts: JsonObject): JsonObject {
  return Object.fromEntries(
    sortedMounts(mounts).map(([path, mount]) => {
      const config = isJsonObject(mount['config']) ? mount['config'] : {};
      return [
        path,
        {
          ...orderKeys(mount, { uuid: '', type: '', description: '', accessor: '' }),
          config: orderKeys(config, CONFIG_KEYS),
          options: sortKeys(mount['options'] ?? null),
          ...orderKeys(mount, TRAILING_KEYS),
        },
      ];
    }),
  );
}

/** The mounts out of an answer of `sys/mounts` or `sys/auth`. */
export function mountsOf(secret: SecretResponse | undefined): JsonObject {
  return secret?.data ?? {};
}

const CONFIG_KEYS = {
  default_lease_ttl: 0,
  max_lease_ttl: 0,
  force_no_cache: false,
  audit_non_hmac_request_keys: undefined,
  audit_non_hmac_response_keys: undefined,
  listing_visibility: undefined,
  passthrough_request_headers: undefined,
  allowed_response_headers: undefined,
  token_type: undefined,
  allowed_managed_keys: undefined,
  user_lockout_config: undefined,
};
const TRAILING_KEYS = {
  local: false,
  seal_wrap: false,
  external_entropy_access: false,
  plugin_version: '',
  running_plugin_version: '',
  running_sha256: '',
  deprecation_status: '',
};

function sortedMounts(mounts: JsonObject): [string, JsonObject][] {
  return sortedEntries<JsonValue>(mounts).filter((entry): entry is [string, JsonObject] => isJsonObject(entry[1]));
}

function ttl(mount: JsonObject, seconds: JsonValue | undefined): string {
  if (mount['type'] === 'system' || mount['type'] === 'cubbyhole') return '';
  return typeof seconds === 'number' && seconds !== 0 ? String(seconds) : 'system';
}

function text(value: JsonValue | undefined): string {
  return value === undefined || value === null ? '' : goValue(value);
}
