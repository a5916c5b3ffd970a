import {
  CofferError,
  type FileTrust,
  type JsonObject,
  type Logger,
  type Metrics,
  NO_METRICS,
  redact,
} from '@coffer/base';
import { isRegistered, type PluginCatalog, type PluginEntry, versionMismatch } from '@coffer/framework';
import {
  ConnectionFields,
  type Database,
  type DatabaseKind,
  type LaunchDatabaseOptions,
  openDatabase,
  PluginProcess,
  redactError,
  type StatementPurpose,
  withHostErrors,
} from '@coffer/database-plugin';
import { pluginNotFound, withRemedy } from './plugin-refusals.ts';
import { watchedDatabase } from './watched.ts';

/** A database plugin that runs inside the server. */
export interface BuiltinDatabase extends DatabaseKind {
  readonly logger: Logger;
  /**
   * Refuses unknown and wrong fields when a configuration is written. May return warnings, such as what has no effect.
   * @throws CofferError `invalid-request`
   */
  readonly checkConfig: (config: JsonObject) => readonly string[] | undefined;
  /** What was written over what is stored. Absent: fields that are not written keep their value. */
  readonly mergeConfig?: (stored: JsonObject, written: JsonObject) => MergedConfig;
}

export interface MergedConfig {
  readonly config: JsonObject;
  readonly warnings: readonly string[];
}

/** A database of a plugin. */
export interface PluginDatabase extends Database {
  /** The version under which what runs is registered; absent: under none, or built in. */
  readonly pluginVersion?: string;
}

/** Where databases come from: a registered plugin's process, or the built-in of the same name. */
export interface DatabasePlugins {
  /**
   * A new database of a plugin, not initialized.
   * @throws CofferError `failed`: not in the catalog, `checksums did not match`, not of the version that it is registered
   * as, or why the process did not start
   * `metrics`: with the labels of the connection. Default: nobody watches.
   */
  open(name: string, version: string, metrics?: Metrics): Promise<PluginDatabase>;
  /** What {@link open} would open now is of this {@link PluginDatabase.pluginVersion version}; undefined when it would open nothing. */
  versionOf?(name: string, version: string): Promise<string | undefined>;
  /**
   * The version that a configuration keeps, from the one it asks for.
   * @throws CofferError `invalid-request`, see {@link PluginCatalog.pin}
   */
  pin(name: string, asked: string, isNew: boolean): Promise<string>;
  /**
   * What was written over what is stored, checked where we know the plugin's fields. The warnings show no secret.
   * @throws CofferError `invalid-request` without a secret
   */
  mergeConfig(name: string, stored: JsonObject, written: JsonObject): MergedConfig;
  /**
   * Refuses statements that the built-in of that name, or without a name any built-in, can never run. Of other plugins nothing
   * is known.
   * @throws CofferError `invalid-request`
   */
  checkStatements?(name: string | undefined, purpose: StatementPurpose, statements: readonly string[]): void;
  /**
   * What is secret in the configurations of a plugin: what the built-in of that name declares, also where a registered plugin
   * takes its place. Of any other plugin only what a built-in declares to be harmless is known to be.
   */
  fields(name: string): ConnectionFields;
  /** Opens no more databases in the process of a plugin that runs now: the next one starts another. */
  retire(name: string): void;
  /** Ends every process. */
  close(): Promise<void>;
}

export interface DatabasePluginsOptions {
  readonly catalog: PluginCatalog;
  readonly builtins: ReadonlyMap<string, BuiltinDatabase>;
  /** Absolute; without it nothing registered can be started. */
  readonly directory?: string;
  /** Who may own it and its files, and in which mode. */
  readonly trust?: FileTrust;
  /** The longest that a call on a plugin's process may take, in milliseconds. Default: 110 s. */
  readonly callDeadlineMs?: number;
  /** Default: nobody watches. */
  readonly metrics?: Metrics;
  readonly logger: Logger;
}

export function createDatabasePlugins(options: DatabasePluginsOptions): DatabasePlugins {
  const { catalog, builtins, directory, metrics: ofPlugins = NO_METRICS, logger } = options;
  /** One process for each registered plugin that can serve several databases; kept until the last of them is closed. */
  const shared = new Map<string, { readonly name: string; readonly starting: Promise<PluginProcess> }>();
  const processes = new Set<PluginProcess>();
  const declared = new Map([...builtins].map(([name, { fields }]) => [name, ConnectionFields.declared(fields)]));
  const foreign = ConnectionFields.foreign([...builtins.values()].map((builtin) => builtin.fields));
  const fieldsOf = (name: string): ConnectionFields => declared.get(name) ?? foreign;

  const launch = async (entry: PluginEntry): Promise<PluginProcess> => {
    const fields = fieldsOf(entry.name);
    const process = await launchPlugin(directory, entry, logger, { ...options, fields }).catch((thrown: unknown) => {
      throw withRemedy(thrown, entry, directory);
    });
    processes.add(process);
    ofPlugins.count('coffer.plugin.starts.total', { plugin: entry.name });
    process.onExit(() => {
      processes.delete(process);
      ofPlugins.count('coffer.plugin.exits.total', { plugin: entry.name });
    });
    try {
      const mismatch = entry.version === '' ? undefined : versionMismatch(entry, await process.version());
      if (mismatch !== undefined) throw new CofferError('failed', mismatch);
      return process;
    } catch (error) {
      await process.kill();
      throw error;
    }
  };

  /** The running process of a plugin, or a new one when there is none, it has ended, or it serves one database only. */
  const processOf = async (entry: PluginEntry): Promise<PluginProcess> => {
    const key = JSON.stringify(entry);
    const running = shared.get(key);
    if (running !== undefined) {
      const process = await running.starting.catch(() => undefined);
      if (process !== undefined && !process.ending && process.multiplexing) return process;
      if (shared.get(key) !== running) return processOf(entry);
    }
    const started = { name: entry.name, starting: launch(entry) };
    const forget = (): unknown => shared.get(key) === started && shared.delete(key);
    shared.set(key, started);
    try {
      const process = await started.starting;
      process.onExit(forget);
      return process;
    } catch (error) {
      forget();
      throw error;
    }
  };

  const openIn = async (entry: PluginEntry): Promise<Database> => {
    const process = await processOf(entry);
    // Whoever closed its last database just now has begun to end it.
    return process.ending ? openIn(entry) : process.open();
  };

  return {
    async open(name, version, metrics = NO_METRICS) {
      const found = await catalog.resolve('database', name, version);
      if (found !== undefined && isRegistered(found)) {
        const database = watchedDatabase(await openIn(found), metrics);
        return { ...database, ...(found.version !== '' && { pluginVersion: found.version }) };
      }
      const builtin = found && builtins.get(name);
      if (builtin !== undefined) {
        return watchedDatabase(withHostErrors(openDatabase(builtin, builtin.logger, metrics)), metrics);
      }
      throw await pluginNotFound(name, version, catalog, directory);
    },
    async versionOf(name, version) {
      const found = await catalog.resolve('database', name, version);
      return found && (isRegistered(found) ? found.version : '');
    },
    pin: (name, asked, isNew) => catalog.pin('database', name, asked, isNew),
    mergeConfig(name, stored, written) {
      // What is said of them repeats values, which may be a password in the wrong field.
      const both = [stored, written].map((config) => fieldsOf(name).hidden(config));
      const hidden = { secrets: both.flatMap(({ secrets }) => secrets), names: both.flatMap(({ names }) => names) };
      const builtin = builtins.get(name);
      try {
        const plain: MergedConfig = { config: { ...stored, ...written }, warnings: [] };
        const merged = builtin?.mergeConfig?.(stored, written) ?? plain;
        const warnings = [...merged.warnings, ...(builtin?.checkConfig(merged.config) ?? [])];
        return { config: merged.config, warnings: warnings.map((warning) => redact(warning, hidden)) };
      } catch (error) {
        throw redactError(error, hidden);
      }
    },
    checkStatements(name, purpose, statements) {
      const kinds = name === undefined ? [...builtins.values()] : [builtins.get(name)];
      for (const kind of kinds) kind?.checkStatements?.(purpose, statements);
    },
    fields: fieldsOf,
    retire(name) {
      for (const [key, process] of [...shared]) if (process.name === name) shared.delete(key);
    },
    async close() {
      await Promise.all([...processes].map((process) => process.kill()));
    },
  };
}

async function launchPlugin(
  directory: string | undefined,
  entry: PluginEntry,
  logger: Logger,
  {
    metadataMode = false,
    startTimeoutMs,
    callDeadlineMs,
    trust,
    fields,
  }: Pick<LaunchDatabaseOptions, 'metadataMode' | 'startTimeoutMs' | 'callDeadlineMs' | 'trust' | 'fields'>,
): Promise<PluginProcess> {
  if (directory === undefined) {
    throw new CofferError(
      'failed',
      'plugin directory is not configured: set plugin_directory, or -dev-plugin-dir in development mode',
    );
  }
  return PluginProcess.launch({
    directory,
    path: entry.command,
    sha256: entry.sha256,
    args: entry.args,
    env: Object.fromEntries(entry.env.map((pair) => [pair.split('=')[0] ?? '', pair.slice(pair.indexOf('=') + 1)])),
    metadataMode,
    ...(startTimeoutMs !== undefined && { startTimeoutMs }),
    ...(callDeadlineMs !== undefined && { callDeadlineMs }),
    ...(trust && { trust }),
    ...(fields && { fields }),
    logger,
  });
}

/** How long a plugin may take to start when it is only asked about itself, in milliseconds. */
const PROBE_MS = 10_000;

/**
 * Starts a plugin once to see that it is a database plugin, ends it, and returns the version that it reports, if any.
 * @throws CofferError `failed` when it is not, or does not start within a few seconds
 */
export async function probeDatabasePlugin(
  directory: string | undefined,
  entry: PluginEntry,
  logger: Logger,
  trust?: FileTrust,
): Promise<string> {
  const process = await launchPlugin(directory, entry, logger, {
    metadataMode: true,
    startTimeoutMs: PROBE_MS,
    ...(trust && { trust }),
  });
  try {
    const version = await process.version();
    await process.open().type();
    return version;
  } finally {
    await process.kill();
  }
}
