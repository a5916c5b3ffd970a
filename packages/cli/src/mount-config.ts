import { formatGoDuration, type JsonObject, type JsonValue } from '@coffer/base';
import type { FlagDefinitions, FlagValues } from './flags.ts';

/** The settings that `enable` and `tune` share, for secrets engines and auth methods alike. */
export const MOUNT_CONFIG_FLAGS = {
  'default-lease-ttl': {
    type: 'duration',
    usage: 'Default TTL of leases. Default, and "system": the server\'s default.',
  },
  'max-lease-ttl': {
    type: 'duration',
    usage: 'Maximum TTL of leases. Default, and "system": the server\'s maximum.',
  },
  description: { type: 'string', usage: 'A description for people.' },
  'audit-non-hmac-request-keys': {
    type: 'list',
    usage: 'A request field that audit devices log in plain text. Can be given several times.',
  },
  'audit-non-hmac-response-keys': {
    type: 'list',
    usage: 'A response field that audit devices log in plain text. Can be given several times.',
  },
  'listing-visibility': { type: 'string', usage: 'Who sees the mount listed: "unauth" (everyone) or "hidden".' },
  'passthrough-request-headers': {
    type: 'list',
    usage: 'A request header to pass to the plugin. Can be given several times.',
  },
  'allowed-response-headers': {
    type: 'list',
    usage: 'A response header that the plugin may set. Can be given several times.',
  },
  'plugin-version': { type: 'string', usage: 'The semantic version of the plugin to run.' },
  options: { type: 'map', usage: 'An option as key=value. Can be given several times.' },
  version: {
    type: 'integer',
    usage: 'The version of the engine: short for -options=version=N.',
  },
} as const satisfies FlagDefinitions;

/** What only `enable` takes. */
export const MOUNT_ENABLE_FLAGS = {
  path: { type: 'string', usage: 'The path to enable it at. Default: its type.' },
  'plugin-name': { type: 'string', usage: 'The plugin to run, with "plugin" as the type.' },
  local: { type: 'boolean', usage: 'Exclude it from replication.' },
  'seal-wrap': { type: 'boolean', usage: 'Also encrypt its data with the seal.' },
  'external-entropy-access': { type: 'boolean', usage: 'Allow an external source of randomness.' },
  ...MOUNT_CONFIG_FLAGS,
} as const satisfies FlagDefinitions;

export const TOKEN_TYPE_FLAG = {
  'token-type': { type: 'string', usage: 'The type of the tokens that logins issue. Overrides the setting of a role.' },
} as const satisfies FlagDefinitions;

export const FORCE_NO_CACHE_FLAG = {
  'force-no-cache': { type: 'boolean', usage: 'Do not cache its data.' },
} as const satisfies FlagDefinitions;

type ConfigFlags = FlagValues<typeof MOUNT_CONFIG_FLAGS> & Partial<FlagValues<typeof TOKEN_TYPE_FLAG>>;
type EnableFlags = FlagValues<typeof MOUNT_ENABLE_FLAGS> & Partial<FlagValues<typeof TOKEN_TYPE_FLAG>>;

/** The body that enables something of `type` (openbao/openbao:api/sys_mounts.go MountInput). */
export function enableBody(type: string, flags: EnableFlags, forceNoCache = false): JsonObject {
  return {
    type,
    description: flags.description ?? '',
    config: {
      options: null,
      default_lease_ttl: goSeconds(flags['default-lease-ttl'] ?? 0),
      max_lease_ttl: goSeconds(flags['max-lease-ttl'] ?? 0),
      force_no_cache: forceNoCache,
      ...givenConfig(flags),
    },
    local: flags.local,
    seal_wrap: flags['seal-wrap'],
    external_entropy_access: flags['external-entropy-access'],
    options: optionsOf(flags),
  };
}

/** The body that changes only what was given. */
export function tuneBody(flags: ConfigFlags): JsonObject {
  return {
    options: optionsOf(flags),
    default_lease_ttl: tunedSeconds(flags['default-lease-ttl'] ?? 0),
    max_lease_ttl: tunedSeconds(flags['max-lease-ttl'] ?? 0),
    force_no_cache: false,
    ...(flags.description === undefined ? {} : { description: flags.description }),
    ...givenConfig(flags),
  };
}

/** The type to enable, as messages call it too: `plugin` stands for the plugin that -plugin-name names. */
export function enabledType(argument: string, flags: EnableFlags): string {
  const type = argument.trim();
  return type === 'plugin' ? (flags['plugin-name'] ?? type) : type;
}

export function versionSuffix(flags: EnableFlags): string {
  return flags['plugin-version'] ? ` version ${flags['plugin-version']}` : '';
}

const LIST_SETTINGS = [
  'audit-non-hmac-request-keys',
  'audit-non-hmac-response-keys',
  'passthrough-request-headers',
  'allowed-response-headers',
] as const;
const TEXT_SETTINGS = ['listing-visibility', 'token-type', 'plugin-version'] as const;

function givenConfig(flags: ConfigFlags): JsonObject {
  const config: Record<string, JsonValue> = {};
  for (const name of LIST_SETTINGS) if (flags[name].length > 0) config[apiName(name)] = flags[name];
  // An empty one is sent too: it clears what is set.
  for (const name of TEXT_SETTINGS) if (flags[name] !== undefined) config[apiName(name)] = flags[name];
  return config;
}

function optionsOf(flags: ConfigFlags): JsonObject | null {
  if (!flags.version || flags.version < 0) return flags.options ?? null;
  return { ...flags.options, version: String(flags.version) };
}

function apiName(flag: string): string {
  return flag.replaceAll('-', '_');
}

function goSeconds(seconds: number): string {
  return seconds < 0 ? `-${formatGoDuration(-seconds)}` : formatGoDuration(seconds);
}

/** Empty leaves the value as it is, `system` goes back to the server's. */
export function tunedSeconds(seconds: number): string {
  return seconds === 0 ? '' : seconds < 0 ? 'system' : formatGoDuration(seconds);
}
