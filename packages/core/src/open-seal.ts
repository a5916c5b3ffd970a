import { setTimeout as sleep } from 'node:timers/promises';
import { errorText, type Logger, withoutDeadline } from '@coffer/base';
import type { EntryStorage } from '@coffer/framework';
import type { Store } from '@coffer/store';
import type { Barrier } from './barrier/barrier.ts';
import { createEntryStorage, entriesOf } from './barrier/entry-storage.ts';
import { Epochs } from './epochs/epochs.ts';
import type { Core } from './core.ts';
import type { NodeLife } from './nodes/node-life.ts';
import { type ClusterIdentity, loadClusterIdentity } from './seal/cluster-identity.ts';
import { SealAll } from './seal/seal-all.ts';
import type { SealControl } from './seal/seal-control.ts';
import type { SealKeys } from './seal/seal-keys.ts';
import { SealWatch } from './seal/seal-watch.ts';

/** How often to check whether the encryption key is due for rotation, and to forget old changes, in milliseconds. */
const TEND_MS = 60_000;

export interface OpenParts {
  readonly barrier: Barrier;
  readonly epochs: Epochs;
  readonly node: NodeLife;
  readonly cluster: ClusterIdentity;
  readonly seal: SealControl;
}

/** What works behind the open seal. `close` ends what is not the core's own. */
export interface BuiltCore {
  readonly core: Core;
  close(): Promise<void>;
}

export interface OpenSealOptions {
  readonly store: Store;
  readonly keys: SealKeys;
  readonly clusterName: string | undefined;
  readonly node: NodeLife;
  readonly seal: SealControl;
  readonly build: (parts: OpenParts) => BuiltCore;
  /** Called when the core has become as new as the store: see `Epochs`. */
  readonly onSeen: () => void;
  /** Called from time to time to look after the keys. */
  readonly tendKeys: () => Promise<void>;
  /** Called when every node is to be sealed. */
  readonly close: () => void;
  readonly logger: Logger;
}

/** What makes the core, once the keys follow those of the store. */
interface CoreParts {
  readonly epochs: Epochs;
  readonly cluster: ClusterIdentity;
  readonly sealAll: SealAll;
  readonly attempts: EntryStorage;
  readonly watch: SealWatch;
}

export interface EndOptions {
  /** How long the keys are kept for what is still under way, in milliseconds. Default: until all of it has ended. */
  readonly keysMs?: number;
  readonly wipeKeys: () => Promise<void>;
}

/** What exists only while the seal is open: the keys, and the core that works with them. */
export class OpenSeal {
  readonly keys: SealKeys;
  readonly cluster: ClusterIdentity;
  readonly epochs: Epochs;
  readonly core: Core;
  /** When it was opened, in milliseconds since 1970. */
  readonly since = Date.now();
  /** For the settings of the keys. */
  readonly settings: EntryStorage;
  /** For what operators have under way. */
  readonly attempts: EntryStorage;
  readonly sealAll: SealAll;
  readonly #built: BuiltCore;
  readonly #timer: NodeJS.Timeout;
  readonly #logger: Logger;

  /** Starts the core. When that fails, the keys are wiped. */
  static async start(options: OpenSealOptions): Promise<OpenSeal> {
    // Whoever asked may give up, but what is opened serves everybody.
    return withoutDeadline(async () => {
      try {
        return await OpenSeal.#startCore(options, await OpenSeal.#follow(options));
      } catch (error) {
        await options.keys.forget();
        throw error;
      }
    });
  }

  /** From now on, a request that begins after another node's change is served with the keys of that change. */
  static async #follow({ store, keys, clusterName, onSeen, close, logger }: OpenSealOptions): Promise<CoreParts> {
    const epochs = new Epochs(store, onSeen);
    epochs.follow('keyring', () => keys.follow());
    const entries = entriesOf(store, keys.barrier);
    const attempts = createEntryStorage(entries, 'core/operator');
    const sealAll = new SealAll({ store, epochs, storage: attempts, close });
    await epochs.begin();
    // They were read before the epoch was.
    await keys.follow();
    await keys.complete();
    const watch = new SealWatch(keys, logger);
    await watch.look();
    await sealAll.begin();
    return { epochs, cluster: await loadClusterIdentity(entries, clusterName), sealAll, attempts, watch };
  }

  static async #startCore(options: OpenSealOptions, parts: CoreParts): Promise<OpenSeal> {
    const { keys, seal } = options;
    const built = options.build({
      ...{ barrier: keys.barrier, epochs: parts.epochs, node: options.node, cluster: parts.cluster, seal },
    });
    try {
      await built.core.start();
    } catch (error) {
      await closeBuilt(built);
      throw error;
    }
    return new OpenSeal(options, parts, built);
  }

  private constructor({ store, keys, tendKeys, logger }: OpenSealOptions, parts: CoreParts, built: BuiltCore) {
    this.keys = keys;
    this.cluster = parts.cluster;
    this.epochs = parts.epochs;
    this.core = built.core;
    this.settings = createEntryStorage(entriesOf(store, keys.barrier), 'core/keys');
    this.attempts = parts.attempts;
    this.sealAll = parts.sealAll;
    this.#built = built;
    this.#logger = logger;
    this.#timer = setInterval(() => {
      tendKeys().catch((error: unknown) =>
        logger.error('failed to check whether the encryption key is due for rotation', { error: errorText(error) }),
      );
      parts.watch
        .look()
        .catch((error: unknown) => logger.warn('failed to check the seal', { error: errorText(error) }));
      built.core.services.remounts
        .tend()
        .catch((error: unknown) =>
          logger.warn('failed to finish interrupted moves of mounts', { error: errorText(error) }),
        );
      parts.epochs
        .prune()
        .catch((error: unknown) => logger.warn('failed to purge old change records', { error: errorText(error) }));
    }, TEND_MS).unref();
  }

  /**
   * Ends the core, and wipes the keys when nothing needs them any more or `keysMs` is over: work that hangs, on a database say,
   * then fails without them, and the next start finishes or undoes it. Resolves when both are done.
   */
  async end({ keysMs, wipeKeys }: EndOptions): Promise<void> {
    clearInterval(this.#timer);
    const ended = closeBuilt(this.#built).catch((error: unknown) =>
      this.#logger.error('the server did not shut down cleanly', { error: errorText(error) }),
    );
    await (keysMs === undefined ? ended : Promise.race([ended, sleep(keysMs, undefined, { ref: false })]));
    await wipeKeys();
    await ended;
  }
}

async function closeBuilt(built: BuiltCore): Promise<void> {
  await built.core.stop();
  await built.close();
}
