import { BUILTIN_VERSION, type JsonObject } from '@coffer/base';
import type { Mount } from '@coffer/framework';

/** Auth methods that are always there: Vault gives them no deprecation_status. */
const ALWAYS_THERE: readonly string[] = ['auth/token/'];

/** A mount as `sys/mounts` and `sys/auth` show it. */
export function mountView(mount: Mount): JsonObject {
  return {
    accessor: mount.accessor,
    config: {
      default_lease_ttl: mount.config.default_lease_ttl,
      force_no_cache: mount.config.force_no_cache,
      max_lease_ttl: mount.config.max_lease_ttl,
      ...(mount.path === 'sys/' && { passthrough_request_headers: ['Accept'] }),
      ...(isAuth(mount) && { token_type: 'default-service' }),
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

function isAuth(mount: Mount): boolean {
  return mount.path.startsWith('auth/');
}

/** Mounts by path, as `view` shows each. Auth methods lose their `auth/`. */
export function viewsByPath(mounts: readonly Mount[], view: (mount: Mount) => JsonObject): JsonObject {
  return Object.fromEntries(mounts.map((mount) => [mount.path.replace(/^auth\//, ''), view(mount)]));
}
