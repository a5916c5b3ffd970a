import { CofferError, isCofferError, type JsonObject } from '@coffer/base';
import { YSQL_FIELDS } from './carried-fields.ts';
import { connectionFields, missingSecrets, unknownConnectionFields } from './connection-fields.ts';
import type { Found } from './item.ts';
import type { FoundMount } from './mounts.ts';
import { each } from './reading.ts';
import type { GivenSecrets } from './secrets-file.ts';
import type { Side } from './side.ts';

export interface ConnectionOptions {
  readonly secrets: GivenSecrets;
  /** The names of plugins here, by their names at the source, where these differ. */
  readonly pluginNames: Readonly<Record<string, string>>;
}

/** The connections of one database mount. What the source does not show of them comes from the options. */
export async function* connections(
  source: Side,
  target: Side,
  mount: FoundMount,
  options: ConnectionOptions,
): AsyncGenerator<Found> {
  yield* each(source, 'connection', `${mount.path}/config`, async function* (path) {
    const view = await source.read(path);
    if (view !== undefined) yield await connection(target, mount, { path, view }, options);
  });
}

async function connection(
  target: Side,
  mount: FoundMount,
  { path, view }: { readonly path: string; readonly view: JsonObject },
  { secrets, pluginNames }: ConnectionOptions,
): Promise<Found> {
  const theirs = typeof view['plugin_name'] === 'string' ? view['plugin_name'] : '';
  const plugin = pluginNames[theirs] ?? theirs;
  const kind = await pluginKind(target, plugin);
  const known = kind === 'registered' || kind === 'unknown' ? undefined : YSQL_FIELDS;
  const given = secrets.of(path);
  const hidden = given?.hidden ?? {};
  const fieldsOf = (shown: JsonObject): JsonObject => {
    const all = Object.entries(connectionFields(shown, known));
    return Object.fromEntries(all.filter(([name]) => !Object.hasOwn(hidden, name)));
  };
  // No server shows it: it counts when the connection is made.
  const { verify_connection: verify, ...shown } = given?.shown ?? {};
  const wanted = { ...fieldsOf(view), plugin_name: plugin, ...shown };
  const asks = given === undefined ? missingSecrets(view) : missingSecrets(view).filter((name) => !given.has(name));
  return {
    kind: 'connection',
    path,
    needs: mount.madeBy,
    wanted,
    onlyNew: verify === undefined ? {} : { verify_connection: verify },
    secrets: hidden,
    asks,
    leftOut: unknownConnectionFields(view, known),
    ...(kind === 'missing' && { blocked: missingPlugin(plugin, theirs, OTHER_DATABASES.test(theirs)) }),
    present: async (side) => {
      const present = await side.read(path);
      return present && fieldsOf(present);
    },
  };
}

/** Vault's plugins for what is no PostgreSQL (hashicorp/vault:helper/builtinplugins/registry.go). */
const OTHER_DATABASES = /^(cassandra|couchbase|elasticsearch|hana|influxdb|mongodb|mssql|mysql|redis|snowflake|valkey)/;

function missingPlugin(plugin: string, theirs: string, isOther: boolean): string {
  const missing = `the plugin ${JSON.stringify(plugin)} is not known here`;
  return isOther
    ? `${missing}: register it; only YugabyteDB and PostgreSQL are built in`
    : `${missing}: register it, or say which one takes its place, as in -plugin-name=${theirs}=ysql-plugin`;
}

/** Whether the target has a plugin of that name, and whether it is the one inside of the server. */
async function pluginKind(target: Side, name: string): Promise<'built in' | 'registered' | 'missing' | 'unknown'> {
  try {
    const entry = await target.read(`sys/plugins/catalog/database/${name}`);
    if (entry === undefined) return 'missing';
    return entry['builtin'] === true ? 'built in' : 'registered';
  } catch (thrown) {
    // Whoever may write a connection need not be allowed to read the catalog: the server decides then.
    if (isCofferError(thrown, 'permission-denied')) return 'unknown';
    throw CofferError.from(thrown);
  }
}
