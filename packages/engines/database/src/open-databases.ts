import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import {
  CofferError,
  Deadline,
  isJsonObject,
  type JsonValue,
  type Logger,
  type Metrics,
  whileAwaited,
  withDeadline,
} from '@coffer/base';
import type { EngineContext, EntryStorage } from '@coffer/framework';
import { type ConfigEntry, requireConfig } from './config-entry.ts';
import type { DatabasePlugins, PluginDatabase } from './plugins.ts';

/** How long a plugin may take to start and check a configuration, before it connects to anything, in milliseconds. */
const OPEN_MS = 30_000;
/** How long those who use a database may go on when it is to be closed, in milliseconds. A plugin that hangs is closed all the same. */
const USERS_MS = 5_000;

/** A database with the configuration that it is opened with. */
export interface OpenDatabase {
  readonly config: ConfigEntry;
  readonly opening: Promise<PluginDatabase>;
  /** What uses it right now. */
  readonly users: Set<Promise<unknown>>;
}

/**
 * The open databases of one mount, by configuration name. Each use reads the configuration as it is kept; a database
 * that was opened with a different one is no longer used. A use that finds none, or a different one, opens the database
 * only if nothing was opened or closed here since it began to read: otherwise what it read may be older than what is
 * open, and it reads again.
 */
export class OpenDatabases {
  readonly #storage: EntryStorage;
  readonly #plugins: DatabasePlugins;
  readonly #metrics: Metrics;
  readonly #logger: Logger;
  readonly #open = new Map<string, OpenDatabase>();
  /** Settles when what was open under a name before is closed. */
  readonly #closed = new Map<string, Promise<unknown>>();
  /** Counts what was opened and closed. */
  #changes = 0;
  #ended = false;

  constructor(
    { storage, metrics, logger }: Pick<EngineContext, 'storage' | 'metrics' | 'logger'>,
    plugins: DatabasePlugins,
  ) {
    this.#storage = storage;
    this.#plugins = plugins;
    this.#metrics = metrics;
    this.#logger = logger;
  }

  /**
   * Runs `work` with the database of a configuration, which is not closed before that is over: whoever rewrites the configuration
   * waits for it, for 5 s at most.
   *
   * @throws CofferError `failed` when there is no such configuration, `unavailable` when the engine is closed; and what `work`
   *   rejects with
   */
  async use<T>(name: string, work: (open: OpenDatabase) => Promise<T>): Promise<T> {
    for (;;) {
      const before = this.#changes;
      const config = await requireConfig(this.#storage, name);
      const open = this.#open.get(name);
      // It was opened without the newer settings of its roles, and those count.
      if (open !== undefined && opensAlike(open.config, config)) return this.#lend({ ...open, config }, work);
      if (this.#changes === before) return this.#lend(this.#start(name, config), work);
    }
  }

  /** Takes a database that was opened with what is now the configuration; the one before is closed. */
  async replace(name: string, config: ConfigEntry, database: PluginDatabase): Promise<void> {
    const open = { config: asStored(config), opening: Promise.resolve(database), users: new Set<Promise<unknown>>() };
    if (this.#ended) return this.#closeQuietly(name, open);
    this.#set(name, open);
    await this.#closed.get(name);
  }

  /** The version of the plugin that serves a configuration, empty for none; undefined when it is not open here. */
  async versionOf(name: string, config: ConfigEntry): Promise<string | undefined> {
    const open = this.#open.get(name);
    if (open === undefined || !opensAlike(open.config, config)) return undefined;
    const database = await whileAwaited(open.opening).catch(() => undefined);
    return database && (database.pluginVersion ?? '');
  }

  /** Closes the database of a configuration; the next user opens it again. */
  async reset(name: string): Promise<void> {
    this.#set(name, undefined);
    await this.#closed.get(name);
  }

  /** As {@link reset}, unless it was opened again meanwhile. */
  async forget(name: string, opening: Promise<PluginDatabase>): Promise<void> {
    if (this.#open.get(name)?.opening === opening) await this.reset(name);
  }

  /** Begins to close those that are meant, as {@link reset} does. */
  drop(isMeant: (name: string, config: ConfigEntry) => boolean): void {
    for (const [name, { config }] of [...this.#open]) if (isMeant(name, config)) this.#set(name, undefined);
  }

  /** Begins to close those of a plugin, or all. Those that are opened instead do not share a process with them. */
  restart(plugin?: string): void {
    const plugins = [...this.#open.values()].map(({ config }) => config.pluginName);
    for (const name of plugin === undefined ? new Set(plugins) : [plugin]) {
      this.#plugins.retire(name);
      this.drop((_, { pluginName }) => pluginName === name);
    }
  }

  /** Closes all of them. None is opened afterwards. */
  async close(): Promise<void> {
    this.#ended = true;
    for (const name of [...this.#open.keys()]) this.#set(name, undefined);
    await Promise.all(this.#closed.values());
  }

  #start(name: string, config: ConfigEntry): OpenDatabase {
    if (this.#ended) throw new CofferError('unavailable', 'the secrets engine is closed');
    // Not bounded by the time of whoever asked first: others wait for it as well.
    const deadline = new Deadline(OPEN_MS);
    const opening = withDeadline(deadline, () => this.#openNew(name, config)).finally(() => deadline.clear());
    const open = { config, opening, users: new Set<Promise<unknown>>() };
    this.#set(name, open);
    // A database that did not open is tried again by the next user.
    opening.catch(() => this.#open.get(name) === open && this.#open.delete(name));
    return open;
  }

  async #lend<T>(open: OpenDatabase, work: (open: OpenDatabase) => Promise<T>): Promise<T> {
    const done = work(open);
    open.users.add(done);
    try {
      return await done;
    } finally {
      open.users.delete(done);
    }
  }

  async #openNew(name: string, config: ConfigEntry): Promise<PluginDatabase> {
    const metrics = this.#metrics.with({ connection: name });
    const database = await this.#plugins.open(config.pluginName, config.pluginVersion, metrics);
    try {
      await database.initialize({ config: config.connectionDetails, verifyConnection: false });
    } catch (error) {
      await database.close();
      throw error;
    }
    return database;
  }

  #set(name: string, open: OpenDatabase | undefined): void {
    const previous = this.#open.get(name);
    this.#changes++;
    if (open === undefined) this.#open.delete(name);
    else this.#open.set(name, open);
    if (previous === undefined) return;
    const closed = this.#closeQuietly(name, previous);
    this.#closed.set(name, Promise.all([this.#closed.get(name), closed]));
  }

  async #closeQuietly(name: string, { opening, users }: OpenDatabase): Promise<void> {
    try {
      await untilUnused(users);
      await (await opening).close();
    } catch (error) {
      this.#logger.debug('closing a database failed', { connection: name, error: CofferError.from(error).message });
    }
  }
}

async function untilUnused(users: OpenDatabase['users']): Promise<void> {
  const patience = new AbortController();
  const tooLong = sleep(USERS_MS, undefined, { signal: patience.signal }).catch(() => undefined);
  await Promise.race([Promise.allSettled([...users]), tooLong]);
  patience.abort();
}

/** Whether both configurations open the same database in the same way. */
function opensAlike(one: ConfigEntry, other: ConfigEntry): boolean {
  return (
    one.pluginName === other.pluginName &&
    one.pluginVersion === other.pluginVersion &&
    isDeepStrictEqual(one.connectionDetails, other.connectionDetails)
  );
}

/** As it is read back from the store, where an undefined field is absent. */
function asStored(config: ConfigEntry): ConfigEntry {
  const details = JSON.parse(JSON.stringify(config.connectionDetails)) as JsonValue;
  return { ...config, connectionDetails: isJsonObject(details) ? details : {} };
}
