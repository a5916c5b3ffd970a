import { CofferError, type JsonObject, randomId, trimBoth } from '@coffer/base';
import type { Store } from '@coffer/store';
import type { Barrier } from './barrier.ts';

export interface MountConfig {
  /** Seconds; 0 for the system's default. */
  readonly default_lease_ttl: number;
  readonly max_lease_ttl: number;
  readonly force_no_cache: boolean;
}

/** One mounted engine or auth method. `path` ends with a slash: `database/`, `auth/token/`. */
export interface Mount {
  readonly path: string;
  readonly type: string;
  readonly uuid: string;
  readonly accessor: string;
  readonly description: string;
  readonly config: MountConfig;
  readonly options: JsonObject | null;
  readonly local: boolean;
  readonly seal_wrap: boolean;
}

export const DEFAULT_MOUNT_CONFIG: MountConfig = { default_lease_ttl: 0, max_lease_ttl: 0, force_no_cache: false };

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

/**
 * A mount path in its stored form, `database/`.
 * @throws CofferError `invalid-request` for an empty path or one with empty, `.` or `..` segments
 */
export function normalizeMountPath(path: string): string {
  const trimmed = trimBoth(path, '/');
  if (trimmed === '') throw new CofferError('invalid-request', 'missing path: name the mount, as in "database"');
  if (trimmed.split('/').some((segment) => segment === '' || segment === '.' || segment === '..')) {
    throw new CofferError('invalid-request', `"${path}" is not a mount path: it has an empty or relative segment`);
  }
  return `${trimmed}/`;
}

/** The durable side of the mount table. */
export interface MountRows {
  all(): Promise<Mount[]>;
  save(mount: Mount): Promise<void>;
  remove(path: string): Promise<void>;
}

export function createMountRows(store: Store, barrier: Barrier): MountRows {
  return {
    async all() {
      const { rows } = await store.run('SELECT path, value FROM mounts ORDER BY path');
      return rows.map((row) => {
        const path = String(row['path']);
        return barrier.open(`mounts/${path}`, row['value'] as Uint8Array) as unknown as Mount;
      });
    },
    async save(mount) {
      await store.run(
        `INSERT INTO mounts (path, accessor, value) VALUES ($1, $2, $3)
         ON CONFLICT (path) DO UPDATE SET value = excluded.value`,
        [mount.path, mount.accessor, barrier.seal(`mounts/${mount.path}`, { ...mount, config: { ...mount.config } })],
      );
    },
    async remove(path) {
      await store.run('DELETE FROM mounts WHERE path = $1', [path]);
    },
  };
}
