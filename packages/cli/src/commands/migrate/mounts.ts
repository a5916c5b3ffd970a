import { isJsonObject, type JsonObject } from '@coffer/base';
import { TUNED } from './carried-fields.ts';
import { othersThan, pick } from './fields.ts';
import type { Found, Item } from './item.ts';
import type { Side } from './side.ts';

/** A mount of the source whose content is moved. */
export interface FoundMount {
  /** In front of its paths, without a slash at the end: `database`, `auth/approle`. */
  readonly path: string;
  /** The item that makes it: `sys/mounts/database`. */
  readonly madeBy: string;
}

interface Tables {
  /** `sys/mounts` or `sys/auth`. */
  readonly table: string;
  readonly kind: 'secrets engine' | 'auth method';
  /** The type that is moved. */
  readonly type: string;
  /** In front of a path in the table. */
  readonly prefix: '' | 'auth/';
  /** Types that every server has. */
  readonly always: readonly string[];
  readonly others: string;
}

export const DATABASES: Tables = {
  table: 'sys/mounts',
  kind: 'secrets engine',
  type: 'database',
  prefix: '',
  always: ['system', 'ns_system', 'cubbyhole', 'ns_cubbyhole', 'identity', 'ns_identity'],
  others: 'only database engines are moved',
};
export const APPROLES: Tables = {
  table: 'sys/auth',
  kind: 'auth method',
  type: 'approle',
  prefix: 'auth/',
  always: ['token', 'ns_token'],
  others: 'only approle is moved; set it up by hand if people log in by it',
};

/** Taken by a new mount only. */
const AT_BIRTH = ['local', 'seal_wrap'];
/** What a server says of a mount by itself. */
const ABOUT = [
  'accessor',
  'uuid',
  'type',
  'config',
  'description',
  'running_plugin_version',
  'running_sha256',
  'deprecation_status',
];

/** The mounts of one table, with their tuning. `mounts` is filled with those whose content is to be moved. */
export async function* mountsOf(source: Side, tables: Tables, mounts: FoundMount[]): AsyncGenerator<Found> {
  const { table, kind, type, prefix, always, others } = tables;
  for (const [key, view] of Object.entries((await source.read(table)) ?? {})) {
    if (!isJsonObject(view) || typeof view['type'] !== 'string' || always.includes(view['type'])) continue;
    const name = key.replace(/\/$/, '');
    const path = `${table}/${name}`;
    if (view['type'] !== type) {
      yield { kind, path, left: `it is of type ${view['type']}: ${others}`, missing: false };
      continue;
    }
    mounts.push({ path: `${prefix}${name}`, madeBy: path });
    yield mountItem(tables, key, path, view);
  }
}

function mountItem({ table, kind }: Tables, key: string, path: string, view: JsonObject): Item {
  const wanted = mountFields(view);
  const config = configOf(view);
  return {
    kind,
    path,
    wanted,
    onlyNew: { ...pick(view, AT_BIRTH), ...pick(config, ['force_no_cache']) },
    fixed: ['type'],
    leftOut: [...othersThan(view, [...ABOUT, ...AT_BIRTH]), ...othersThan(config, [...TUNED, 'force_no_cache'])],
    present: async (target) => {
      const present = (await target.read(table))?.[key];
      return isJsonObject(present) ? mountFields(present) : undefined;
    },
    make: (target, { type = '', description = '', local = false, seal_wrap = false, ...rest }) =>
      target.write(path, { type, description, local, seal_wrap, config: rest }),
    change: (target, fields) => target.write(`${path}/tune`, fields),
  };
}

function mountFields(view: JsonObject): JsonObject {
  return { ...pick(view, ['type', 'description']), ...pick(configOf(view), TUNED) };
}

function configOf({ config }: JsonObject): JsonObject {
  return isJsonObject(config) ? config : {};
}
