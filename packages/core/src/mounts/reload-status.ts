import { PROCESS_ID } from '@coffer/base';
import { type EntryStorage, stored } from '@coffer/framework';
import type { Store } from '@coffer/store';
import type { Epochs } from '../epochs/epochs.ts';
import { listNodes } from '../nodes/nodes.ts';

/** How long the status of a reload is kept, in milliseconds. */
const KEPT_MS = 24 * 3_600_000;

export interface ReloadedNodes {
  /** When it was asked for, in milliseconds since 1970. */
  readonly time: number;
  /** The ids of the nodes that have heard of it, and so have reloaded. */
  readonly nodes: readonly string[];
}

/** Which nodes have reloaded a plugin. */
export interface ReloadStatus {
  /** Call it when the others have been told. */
  record(id: string): Promise<void>;
  /** Undefined for one that was never recorded, or a day ago. */
  read(id: string): Promise<ReloadedNodes | undefined>;
}

interface Reload {
  readonly time: number;
  /** Whoever has come so far has heard of it: see `Epochs`. */
  readonly epoch: number;
}
const { entry, integer } = stored;
const RELOAD = entry<Reload>({ time: integer(), epoch: integer() });

export function createReloadStatus(store: Store, epochs: Epochs, storage: EntryStorage): ReloadStatus {
  const reloads = storage.of('', RELOAD);
  const forgetOld = async (): Promise<void> => {
    for (const id of await storage.list('')) {
      const reload = await reloads.get(id);
      if (reload !== undefined && reload.time < Date.now() - KEPT_MS) await reloads.delete(id);
    }
  };
  return {
    async record(id) {
      await forgetOld();
      await epochs.refresh();
      await reloads.put(id, { time: Date.now(), epoch: epochs.seen });
    },
    async read(id) {
      const reload = await reloads.get(id);
      if (reload === undefined) return undefined;
      await epochs.catchUp(reload.epoch);
      const others = (await listNodes(store)).filter(
        ({ isSelf, isDead, state, epoch }) => !isSelf && !isDead && state === 'active' && epoch >= reload.epoch,
      );
      return { time: reload.time, nodes: [...others.map((node) => node.id), PROCESS_ID] };
    },
  };
}
