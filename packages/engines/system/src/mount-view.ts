import { BUILTIN_VERSION, type JsonObject } from '@coffer/base';
import type { Mount } from '@coffer/framework';

/** Auth methods that are always there: Vault gives them no deprecation_status. */
const ALWAYS_THERE: readonly string[] = ['auth/token/'];

const SETTINGS = [
  'allowed_response_headers',
  'audit_non_hmac_request_keys',
  'audit_non_hmac_response_keys',
  'listing_visibility',
  'passthrough_request_headers',
] as const;

/** A mount as `sys/mounts` and `sys/auth` show it. */
export function mountView(mount: Mount): JsonObject {
  const { default_lease_ttl, force_no_cache, max_lease_ttl } = mount.config;
  const lockout = lockoutView(mount);
  return {
    accessor: mount.accessor,
    config: {
      default_lease_ttl,
      force_no_cache,
      max_lease_ttl,
      ...settingsView(mount),
      ...(lockout && { user_lockout_config: lockout }),
    },
    ...(isAuth(mount) && !ALWAYS_THERE.includes(mount.path) && { deprecation_status: 'supported' }),
    description: mount.description,
    external_entropy_access: false,
    local: mount.local,
    options: mount.options,
    plugin_version: '',
    running_plugin_version: BUILTIN_VERSION,
    running_sha256: '',
    seal_wrap: mount.seal_wrap,
    type: mount.type,
    uuid: mount.uuid,
  };
}

/** What has been set of a mount, besides its TTLs, as its view and its tuning both show it. */
export function settingsView(mount: Mount): JsonObject {
  const set = SETTINGS.flatMap((name) =>
    mount.config[name] === undefined ? [] : [[name, mount.config[name]] as const],
  );
  return {
    ...(mount.path === 'sys/' && { passthrough_request_headers: ['Accept'] }),
    ...(mount.path === 'identity/' && { passthrough_request_headers: ['Authorization'] }),
    ...Object.fromEntries(set),
    ...(isAuth(mount) && { token_type: mount.config.token_type ?? 'default-service' }),
  };
}

/** As Vault shows what it has once a part of it was set: all of it, under these names in the view and in the tuning. */
export function lockoutView({ config }: Mount): JsonObject | undefined {
  if (!Object.keys(config).some((name) => name.startsWith('user_lockout_'))) return undefined;
  return {
    user_lockout_counter_reset_duration: config.user_lockout_counter_reset ?? 0,
    user_lockout_disable: config.user_lockout_disable ?? false,
    user_lockout_duration: config.user_lockout_duration ?? 0,
    user_lockout_threshold: config.user_lockout_threshold ?? 0,
  };
}

function isAuth(mount: Mount): boolean {
  return mount.path.startsWith('auth/');
}

/** A mount's path without the `auth/` of auth methods. */
export function shownPath(mount: Mount): string {
  return mount.path.replace(/^auth\//, '');
}

/** Mounts by path, as `view` shows each. Auth methods lose their `auth/`. */
export function viewsByPath(mounts: readonly Mount[], view: (mount: Mount) => JsonObject): JsonObject {
  return Object.fromEntries(mounts.map((mount) => [shownPath(mount), view(mount)]));
}
