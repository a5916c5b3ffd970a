import { BUILTIN_VERSION, CofferError, type JsonValue, parseDuration } from '@coffer/base';
import type { MountKind } from './mount-kind.ts';
import { userLockout } from './user-lockout-config.ts';
import {
  type FieldValues,
  LISTING_VISIBILITIES,
  type ListingVisibility,
  MOUNT_TOKEN_TYPES,
  type MountConfig,
} from '@coffer/framework';

/** What both the tuning of a mount and the `config` of a new one may say. */
export const MOUNT_CONFIG_FIELDS = {
  default_lease_ttl: { type: 'any', description: 'Default TTL of leases: seconds, "1h", or "system".' },
  max_lease_ttl: { type: 'any', description: 'Maximum TTL of leases: seconds, "24h", or "system".' },
  force_no_cache: {
    type: 'boolean',
    description: 'Kept for compatibility: there is no cache. Can be set only when the mount is enabled.',
  },
  listing_visibility: {
    type: 'string',
    description:
      'Who sees it in sys/internal/ui/mounts: everyone ("unauth"), or who may use it ("hidden", the default).',
  },
  audit_non_hmac_request_keys: {
    type: 'comma-strings',
    description: 'Fields of requests that audit devices write in plain text.',
  },
  audit_non_hmac_response_keys: {
    type: 'comma-strings',
    description: 'Fields of responses that audit devices write in plain text.',
  },
  passthrough_request_headers: { type: 'comma-strings', description: 'Kept and shown: no engine here reads headers.' },
  allowed_response_headers: { type: 'comma-strings', description: 'Kept and shown: no engine here sets headers.' },
  token_type: {
    type: 'string',
    description:
      'For auth methods: "service" or "batch", or "default-service" or "default-batch" unless a user or role sets it.',
  },
  plugin_version: {
    type: 'string',
    description: "The server's own version, or empty: engines and methods are built in.",
  },
  user_lockout_config: {
    type: 'object',
    description:
      'For userpass and approle: lockout_threshold, lockout_duration, lockout_counter_reset_duration, lockout_disable.',
  },
  allowed_managed_keys: { type: 'comma-strings', description: 'Not supported.' },
  delegated_auth_accessors: { type: 'comma-strings', description: 'Not supported.' },
  identity_token_key: { type: 'string', description: 'Not supported.' },
  trim_request_trailing_slashes: { type: 'boolean', description: 'Not supported.' },
} as const;
export type MountConfigValues = FieldValues<typeof MOUNT_CONFIG_FIELDS>;

/**
 * The settings of a new mount, or of one that is tuned: then what is absent stays as it was, and what is empty is cleared (but a
 * TTL, which stays), as in handleTuneWriteCommon of hashicorp/vault:vault/logical_system.go. `system` removes a mount's own TTL.
 *
 * @throws CofferError `invalid-request` naming the field, also for what would have no effect here but has one in Vault
 */
export function mountConfig(given: MountConfigValues, mount: MountKind, previous?: MountConfig): MountConfig {
  refuseUnsupported(given);
  checkPluginVersion(given.plugin_version, mount);
  const ttls = {
    default_lease_ttl: ttl(given, 'default_lease_ttl', previous),
    max_lease_ttl: ttl(given, 'max_lease_ttl', previous),
  };
  if (ttls.max_lease_ttl > 0 && ttls.default_lease_ttl > ttls.max_lease_ttl) {
    throw new CofferError(
      'invalid-request',
      `field "default_lease_ttl": ${ttls.default_lease_ttl} s is more than max_lease_ttl, ${ttls.max_lease_ttl} s`,
    );
  }
  const settings: { [K in keyof MountConfig]?: MountConfig[K] | undefined } = {
    ...Object.fromEntries(LISTS.map((name) => [name, list(given[name] ?? previous?.[name])])),
    listing_visibility: visibility(given.listing_visibility, previous),
    token_type: tokenType(given.token_type, mount, previous),
    ...userLockout(given.user_lockout_config, mount, previous),
  };
  const set = Object.entries(settings).filter(([, value]) => value !== undefined);
  return {
    ...ttls,
    force_no_cache: previous?.force_no_cache ?? given.force_no_cache ?? false,
    ...(Object.fromEntries(set) as Partial<MountConfig>),
  };
}

const LISTS = [
  'audit_non_hmac_request_keys',
  'audit_non_hmac_response_keys',
  'passthrough_request_headers',
  'allowed_response_headers',
] as const;

function list(items: readonly string[] | undefined): readonly string[] | undefined {
  return items === undefined || items.length === 0 ? undefined : items;
}

function ttl(
  given: MountConfigValues,
  name: 'default_lease_ttl' | 'max_lease_ttl',
  previous: MountConfig | undefined,
): number {
  const value: JsonValue | undefined = given[name];
  if (value === undefined || value === null || value === '') return previous?.[name] ?? 0;
  if (value === 'system') return 0;
  if (typeof value === 'string' || typeof value === 'number') return parseDuration(value, name);
  throw new CofferError('invalid-request', `field "${name}" must be a duration such as 3600, "1h" or "system"`);
}

function visibility(given: string | undefined, previous: MountConfig | undefined): ListingVisibility | undefined {
  if (given === undefined) return previous?.listing_visibility;
  if (given === '') return undefined;
  const known = LISTING_VISIBILITIES.find((each) => each === given);
  if (known !== undefined) return known;
  throw new CofferError(
    'invalid-request',
    `invalid listing_visibility ${JSON.stringify(given.slice(0, 100))}; use "unauth", "hidden" or an empty one`,
  );
}

function tokenType(
  given: string | undefined,
  { path, type }: MountKind,
  previous: MountConfig | undefined,
): MountConfig['token_type'] {
  if (given === undefined) return previous?.token_type;
  if (given === '') return undefined;
  const refuse = (message: string): never => {
    throw new CofferError('invalid-request', message);
  };
  if (!path.startsWith('auth/')) return refuse("'token_type' can only be modified on auth mounts");
  if (type === 'token') return refuse("'token_type' cannot be set for 'token' or 'ns_token' auth mounts");
  const known = MOUNT_TOKEN_TYPES.find((each) => each === given);
  if (known !== undefined) return known;
  return refuse("invalid value for 'token_type'");
}

/** Vault takes the version of what is built in for none at all (validateVersion of vault/logical_system.go). */
function checkPluginVersion(given: string | undefined, { path, type }: MountKind): void {
  if (given === undefined || given === '' || `v${given.replace(/^v/, '')}` === BUILTIN_VERSION) return;
  const kind = path.startsWith('auth/') ? 'auth' : 'secrets';
  throw new CofferError(
    'invalid-request',
    `field "plugin_version": cannot select non-builtin version of ${kind} plugin ${type}; it is ${BUILTIN_VERSION}, or leave it out`,
  );
}

const UNSUPPORTED = {
  allowed_managed_keys: 'there are no managed keys',
  delegated_auth_accessors: 'no engine delegates authentication',
  identity_token_key: 'there are no identity tokens',
  trim_request_trailing_slashes: 'requests are processed as sent',
} as const;

/** What an operator would otherwise believe to be in force. */
function refuseUnsupported(given: MountConfigValues): void {
  for (const [name, why] of Object.entries(UNSUPPORTED)) {
    const value = given[name as keyof typeof UNSUPPORTED];
    const empty =
      value === undefined || value === false || (typeof value === 'object' ? value.length === 0 : value === '');
    if (!empty) throw new CofferError('invalid-request', `field "${name}" is not supported: ${why}`);
  }
}
