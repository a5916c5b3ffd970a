import { createHash } from 'node:crypto';
import { randomId } from '@coffer/base';
import type { Store } from '@coffer/store';
import type { Barrier } from '../barrier/barrier.ts';
import { LISTING_VISIBILITIES, type Mount, MOUNT_TOKEN_TYPES, type MountConfig, stored } from '@coffer/framework';

export const DEFAULT_MOUNT_CONFIG: MountConfig = { default_lease_ttl: 0, max_lease_ttl: 0, force_no_cache: false };

const { boolean, entry, integer, nullable, object, oneOf, optional, string, strings } = stored;
const MOUNT = entry<Mount>({
  path: string(),
  type: string(),
  uuid: string(),
  accessor: string(),
  description: string(),
  config: entry<MountConfig>({
    default_lease_ttl: integer(),
    max_lease_ttl: integer(),
    force_no_cache: boolean(),
    audit_non_hmac_request_keys: optional(strings()),
    audit_non_hmac_response_keys: optional(strings()),
    passthrough_request_headers: optional(strings()),
    allowed_response_headers: optional(strings()),
    listing_visibility: optional(oneOf(LISTING_VISIBILITIES)),
    token_type: optional(oneOf(MOUNT_TOKEN_TYPES)),
    user_lockout_disable: optional(boolean()),
  }),
  options: nullable(object()),
  local: boolean(),
  seal_wrap: boolean(),
});

/** A new mount with an accessor in Vault's form: `database_e496d27c`, `auth_token_aa657b34`. */
export function newMount(path: string, type: string, rest: Partial<Mount> = {}): Mount {
  const kind = path.startsWith('auth/') ? `auth_${type}` : type;
  return {
    path,
    type,
    uuid: randomId(),
    accessor: `${kind}_${randomId().slice(0, 8)}`,
    description: '',
    config: DEFAULT_MOUNT_CONFIG,
    options: null,
    local: false,
    seal_wrap: false,
    ...rest,
  };
}

/** A mount of the core itself, made anew at each start: what it has stored is found by its uuid, which is always the same. */
export function builtinMount(path: string, type: string, rest: Partial<Mount> = {}): Mount {
  const hex = createHash('sha256').update(`mount ${path}`).digest('hex');
  // Version 8 and variant 10: made as we see fit (RFC 9562, 5.8).
  const parts = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ];
  return newMount(path, type, { ...rest, uuid: parts.join('-') });
}

/** The durable side of the mount table. */
export interface MountRows {
  all(): Promise<Mount[]>;
  /** Replaces a row that an earlier write may have left when its answer was lost. */
  insert(mount: Mount): Promise<void>;
  /** Does nothing when this mount is gone: coming late, it must not bring back what was disabled. */
  update(mount: Mount): Promise<void>;
  /** Removes this mount only, not one that was enabled at its path since. */
  remove(mount: Mount): Promise<void>;
}

export function createMountRows(store: Store, barrier: Barrier): MountRows {
  const seal = (mount: Mount): Uint8Array =>
    barrier.seal(`mounts/${mount.path}`, { ...mount, config: { ...mount.config } });
  return {
    async all() {
      const { rows } = await store.run('SELECT path, value FROM mounts ORDER BY path');
      return rows.map((row) => {
        const place = `mounts/${String(row['path'])}`;
        return MOUNT(barrier.open(place, row['value']), place);
      });
    },
    async insert(mount) {
      await store.run(
        `INSERT INTO mounts (path, accessor, value) VALUES ($1, $2, $3)
         ON CONFLICT (path) DO UPDATE SET accessor = excluded.accessor, value = excluded.value`,
        [mount.path, mount.accessor, seal(mount)],
      );
    },
    async update(mount) {
      await store.run('UPDATE mounts SET value = $3 WHERE path = $1 AND accessor = $2', [
        mount.path,
        mount.accessor,
        seal(mount),
      ]);
    },
    async remove({ path, accessor }) {
      await store.run('DELETE FROM mounts WHERE path = $1 AND accessor = $2', [path, accessor]);
    },
  };
}
