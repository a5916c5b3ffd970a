import { createHash } from 'node:crypto';
import { CofferError, randomId } from '@coffer/base';
import type { SqlResult, SqlStatement, Store } from '@coffer/store';
import type { Barrier } from '../barrier/barrier.ts';
import type { ChangeKey, Epochs } from '../epochs/epochs.ts';
import { updateWhile } from '../barrier/insert-while.ts';
import {
  type Condition,
  LISTING_VISIBILITIES,
  type Mount,
  MOUNT_TOKEN_TYPES,
  type MountConfig,
  stored,
} from '@coffer/framework';

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
    user_lockout_threshold: optional(integer()),
    user_lockout_duration: optional(integer()),
    user_lockout_counter_reset: optional(integer()),
    user_lockout_disable: optional(boolean()),
  }),
  options: nullable(object()),
  local: boolean(),
  seal_wrap: boolean(),
});

/** A new mount with an accessor in Vault's form: `database_e496d27c`, `auth_token_aa657b34`. */
export function newMount(path: string, type: string, rest: Partial<Mount> = {}): Mount {
  return {
    path,
    type,
    uuid: randomId(),
    accessor: `${accessorKind(path, type)}_${randomId().slice(0, 8)}`,
    description: '',
    config: DEFAULT_MOUNT_CONFIG,
    options: null,
    local: false,
    seal_wrap: false,
    ...rest,
  };
}

function accessorKind(path: string, type: string): string {
  return path.startsWith('auth/') ? `auth_${type}` : type;
}

/** A mount of the core itself, made anew at each start: what it has stored is found by its uuid, which is always the same. So is its accessor, on every node. */
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
  const accessor = `${accessorKind(path, type)}_${hex.slice(-8)}`;
  return newMount(path, type, { ...rest, uuid: parts.join('-'), accessor });
}

export interface MountRow {
  readonly mount: Mount;
  /** Being disabled, or half disabled by a node that was stopped in the midst of it. */
  readonly tainted: boolean;
}

/** The durable side of the mount table. */
export interface MountRows {
  all(): Promise<MountRow[]>;
  /** Returns the path that stands in the way: this one, one above or one below it. */
  insert(mount: Mount): Promise<string | undefined>;
  /**
   * Writes what `change` makes of a mount as it is tuned now, by whichever node. It is called again when somebody else was faster.
   * Undefined when the mount is gone: coming late, this must not bring back what was disabled. The core's own have a row once they
   * are tuned.
   */
  change(
    present: { readonly mount: Mount; readonly builtin: boolean },
    change: (mount: Mount) => Mount,
  ): Promise<Mount | undefined>;
  /** From here on it takes no more requests on any node, or does again. */
  taint(mount: Mount, tainted: boolean): Promise<void>;
  /**
   * Removes this mount only, not one that was enabled at its path since. False, with nothing removed, when it takes requests
   * again.
   * @throws CofferError `failed` when it has moved
   */
  remove(mount: Mount): Promise<boolean>;
  /** As {@link taint}, for a move; false when it is not there, or somebody is at it already. */
  beginMove(mount: Mount): Promise<boolean>;
  /** Lets a mount stand again whose move was begun. */
  endMove(path: string, accessor: string): Promise<void>;
  /**
   * Moves a mount whose move was begun, with what it is tuned to, while a condition holds. Returns the path that stands in the
   * way.
   * @throws CofferError `failed` when it was disabled, or the condition does not hold
   */
  move(mount: Mount, to: string, provided: Condition): Promise<string | undefined>;
}

/** Told to every node: all mounts are read again, since they are few and a path alone does not say which mount it is. */
const MOUNTS: ChangeKey = 'mounts/';

export function createMountRows(store: Store, barrier: Barrier, epochs: Epochs): MountRows {
  const opened = (path: string, value: unknown): Mount =>
    MOUNT(barrier.open(`mounts/${path}`, value), `mounts/${path}`);
  const write = async (...statements: SqlStatement[]): Promise<readonly SqlResult[]> =>
    epochs.write([MOUNTS], statements, { oneAfterTheOther: true });
  const seal = (mount: Mount): Uint8Array =>
    barrier.seal(`mounts/${mount.path}`, { ...mount, config: { ...mount.config } });
  return {
    async all() {
      const { rows } = await store.run('SELECT path, value, tainted FROM mounts ORDER BY path');
      return rows.map((row) => {
        return { mount: opened(String(row['path']), row['value']), tainted: row['tainted'] !== 0 };
      });
    },
    async insert(mount) {
      const [clash, inserted] = await write(
        { sql: `SELECT path FROM mounts WHERE ${CLASHES}`, params: [mount.path] },
        {
          sql: `INSERT INTO mounts (path, accessor, value) SELECT $1, $2, $3
                WHERE NOT EXISTS (SELECT 1 FROM mounts WHERE ${CLASHES}) ON CONFLICT DO NOTHING`,
          params: [mount.path, mount.accessor, seal(mount)],
        },
      );
      return inserted?.changes === 1 ? undefined : String(clash?.rows[0]?.['path'] ?? mount.path);
    },
    async change({ mount: { path, accessor }, mount, builtin }, change) {
      for (;;) {
        const { rows } = await store.run('SELECT accessor, value FROM mounts WHERE path = $1', [path]);
        const present = rows[0]?.['value'];
        if (present === undefined ? !builtin : !builtin && rows[0]?.['accessor'] !== accessor) return undefined;
        const changed = change(present === undefined ? mount : withTuning(mount, opened(path, present)));
        const [result] = await write(
          present === undefined
            ? {
                sql: 'INSERT INTO mounts (path, accessor, value) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
                params: [path, accessor, seal(changed)],
              }
            : {
                sql: 'UPDATE mounts SET value = $2 WHERE path = $1 AND value = $3',
                params: [path, seal(changed), present],
              },
        );
        if (result?.changes === 1) return changed;
      }
    },
    async taint({ path, accessor }, tainted) {
      await write({
        sql: 'UPDATE mounts SET tainted = $3 WHERE path = $1 AND accessor = $2',
        params: [path, accessor, Number(tainted)],
      });
    },
    async remove({ path, accessor }) {
      const [, left] = await write(
        { sql: 'DELETE FROM mounts WHERE path = $1 AND accessor = $2 AND tainted = 1', params: [path, accessor] },
        { sql: 'SELECT path FROM mounts WHERE accessor = $1', params: [accessor] },
      );
      const found = left?.rows[0]?.['path'];
      if (found === undefined || found === path) return found === undefined;
      throw new CofferError('failed', `${path} was moved to ${String(found)} meanwhile`);
    },
    async beginMove({ path, accessor }) {
      const [begun] = await write({
        sql: 'UPDATE mounts SET tainted = $3 WHERE path = $1 AND accessor = $2 AND tainted = 0',
        params: [path, accessor, MOVING],
      });
      return begun?.changes === 1;
    },
    async endMove(path, accessor) {
      await write({
        sql: 'UPDATE mounts SET tainted = 0 WHERE path = $1 AND accessor = $2 AND tainted = $3',
        params: [path, accessor, MOVING],
      });
    },
    async move({ path, accessor }, to, provided) {
      const { rows } = await store.run('SELECT accessor, value FROM mounts WHERE path = $1', [path]);
      const present = rows[0]?.['value'];
      if (present === undefined) throw notMoved(path);
      const moved = { ...opened(path, present), path: to };
      const [clash, update] = await write(
        { sql: `SELECT path FROM mounts WHERE ${CLASHES}`, params: [to] },
        updateWhile(
          {
            table: 'mounts',
            set: 'path = $1, value = $2, tainted = 0',
            where: `path = $3 AND accessor = $4 AND value = $5 AND tainted = $6
                    AND NOT EXISTS (SELECT 1 FROM mounts WHERE ${CLASHES})`,
            params: [to, seal(moved), path, accessor, present, MOVING],
          },
          [provided],
        ),
      );
      if (update?.changes === 1) return undefined;
      if (clash?.rows[0] === undefined) throw notMoved(path);
      return String(clash.rows[0]['path']);
    },
  };
}

/** What a row that is being moved has in place of the 1 of one that is being disabled. */
const MOVING = 2;

function notMoved(path: string): CofferError {
  return new CofferError('failed', `${path} was disabled or tuned meanwhile`);
}

/** What tuning changes. The rest of one of the core's own mounts is what this version says. */
export function withTuning(mount: Mount, { config, description, options }: Mount): Mount {
  return { ...mount, config, description, options };
}

/** The core's own mounts have rows too, below which nothing can be mounted either. */
const CLASHES = 'substr(path, 1, length($1)) = $1 OR substr($1, 1, length(path)) = path';
