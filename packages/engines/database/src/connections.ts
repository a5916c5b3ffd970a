import { isDeepStrictEqual } from 'node:util';
import { awaiting, CofferError, isCofferError, requireClaim, requireTime, whileAwaited } from '@coffer/base';
import type { EngineContext } from '@coffer/framework';
import { type Database, isPluginGone } from '@coffer/database-plugin';
import { type ConfigEntry, readConfig } from './config-entry.ts';
import { waitFor } from './claimed-intent.ts';
import { type OpenDatabase, OpenDatabases } from './open-databases.ts';
import type { DatabasePlugins } from './plugins.ts';
import { hasOpenRotation } from './root-subject.ts';

/**
 * Who uses the databases of one mount, by configuration name. They are opened when first used; one whose plugin has died is
 * opened again by the next call.
 */
export class Connections {
  readonly databases: OpenDatabases;
  readonly #context: EngineContext;
  /** Work under way, by configuration name. */
  readonly #working = new Map<string, Set<Promise<unknown>>>();
  /** Settles when the exclusive use of a configuration ends. */
  readonly #gates = new Map<string, Promise<unknown>>();

  constructor(context: EngineContext, plugins: DatabasePlugins) {
    this.#context = context;
    this.databases = new OpenDatabases(context, plugins);
  }

  /**
   * Runs `work` with the database of a configuration. While a rotation of the connection's own user is open, here or on another
   * node, nobody knows which password is the right one: `work` that failed then is done again when the rotation is settled, and
   * so is `work` whose configuration was changed meanwhile.
   * @throws CofferError `failed` when there is no such configuration, `unavailable` when such a rotation is not settled in
   *   time, and whatever opening or `work` throws
   */
  async use<T>(name: string, work: (database: Database, config: ConfigEntry) => Promise<T>): Promise<T> {
    for (;;) {
      let used: ConfigEntry | undefined;
      try {
        return await this.#useOnce(name, (database, config) => {
          used = config;
          return work(database, config);
        });
      } catch (error) {
        // Any other code means that the outcome is unknown, or that the database was not asked.
        if (used === undefined || !isCofferError(error, 'failed')) throw error;
        requireTime();
        if (!(await this.#mayDoBetter(name, used, error))) throw error;
      }
    }
  }

  /**
   * Whether the configuration leads elsewhere than when it was used, or a rotation was open that has been settled now.
   * @throws CofferError `unavailable` when that takes too long
   */
  async #mayDoBetter(name: string, used: ConfigEntry, error: CofferError): Promise<boolean> {
    const rotating = await hasOpenRotation(this.#context, name);
    const look = async () => ((await hasOpenRotation(this.#context, name)) ? undefined : true);
    if (rotating) await waitFor(look, () => unsettled(error));
    // Another node may have changed it since this request began.
    await this.#context.catchUp();
    if (rotating) return true;
    const now = await readConfig(this.#context.storage, name);
    return !isDeepStrictEqual(now?.connectionDetails, used.connectionDetails);
  }

  async #useOnce<T>(name: string, work: (database: Database, config: ConfigEntry) => Promise<T>): Promise<T> {
    await this.#passGate(name);
    const working = this.#working.get(name) ?? new Set<Promise<unknown>>();
    this.#working.set(name, working);
    const done = this.useAlone(name, work);
    working.add(done);
    try {
      return await done;
    } finally {
      working.delete(done);
    }
  }

  /**
   * Runs `work` while no {@link use} of the configuration is under way: they are waited for, and later ones wait. While
   * the password of the connection's own user changes, a new connection could log in with neither the old nor the new.
   */
  async alone<T>(name: string, work: () => Promise<T>): Promise<T> {
    await this.#passGate(name);
    const others = Promise.allSettled([...(this.#working.get(name) ?? [])]);
    const done = awaiting(`the work under way on the connection "${name}"`, () => whileAwaited(others)).then(work);
    const gate = done.then(
      () => undefined,
      () => undefined,
    );
    this.#gates.set(name, gate);
    try {
      return await done;
    } finally {
      this.#gates.delete(name);
    }
  }

  /** As {@link use}, without waiting: for the work of {@link alone}. */
  async useAlone<T>(name: string, work: (database: Database, config: ConfigEntry) => Promise<T>): Promise<T> {
    const attempt = async ({ config, opening }: OpenDatabase): Promise<T> => {
      const database = await awaiting(`the plugin of the connection "${name}" to open`, () => whileAwaited(opening));
      requireTime();
      // A plugin in a process of its own cannot ask.
      await requireClaim();
      return await awaiting(`the database of the connection "${name}"`, () => work(database, config));
    };
    let opening: OpenDatabase['opening'] | undefined;
    try {
      return await this.databases.use(name, (open) => {
        ({ opening } = open);
        return attempt(open);
      });
    } catch (error) {
      if (opening === undefined || !isPluginGone(error)) throw error;
      await this.databases.forget(name, opening);
      if (error.outcomeUnknown) throw error;
    }
    // The plugin had crashed before this call reached it: once more, with a new process.
    return this.databases.use(name, attempt);
  }

  /** Waits until nobody has exclusive use of the configuration. */
  async #passGate(name: string): Promise<void> {
    for (let gate = this.#gates.get(name); gate !== undefined; gate = this.#gates.get(name)) {
      await awaiting(`the rotation of the root user of the connection "${name}"`, () => whileAwaited(gate));
    }
  }
}

function unsettled(cause: CofferError): CofferError {
  const why = 'a root rotation of this connection is not finished yet; try again in a few seconds';
  return new CofferError('unavailable', `${why}: ${cause.message}`, { cause });
}
