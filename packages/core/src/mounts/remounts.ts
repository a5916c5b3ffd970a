import { CofferError, errorText, type Logger, PROCESS_ID, randomId, withoutDeadline } from '@coffer/base';
import { type Condition, type EntryStorage, stored } from '@coffer/framework';
import type { Store } from '@coffer/store';
import { isDead } from '../nodes/nodes.ts';
import type { MountTable } from './mount-table.ts';

/** How long the status of a move that is over is kept, in milliseconds. */
const KEPT_MS = 24 * 3_600_000;
const STATUSES = ['in-progress', 'success', 'failure'] as const;

/** A mount that is moved to another path, or was. */
export interface Remount {
  readonly from: string;
  readonly to: string;
  readonly status: (typeof STATUSES)[number];
}

interface RemountEntry extends Remount {
  /** Which mount: another one may be at the path since. */
  readonly accessor: string;
  /** Who is at it. */
  readonly node: string;
  readonly started: number;
}
const { entry, integer, oneOf, string } = stored;
const REMOUNT = entry<RemountEntry>({
  from: string(),
  to: string(),
  status: oneOf(STATUSES),
  accessor: string(),
  node: string(),
  started: integer(),
});

export interface RemountsOptions {
  readonly store: Store;
  readonly storage: EntryStorage;
  readonly mounts: MountTable;
  /** Ends what was issued below a path. */
  readonly revoke: (path: string) => Promise<unknown>;
  readonly logger: Logger;
}

/**
 * Moves mounts to other paths, in the background as Vault does. A move that was cut off, by the end of its process or by a seal,
 * is undone by whoever comes upon it: the mount stands where it stood, without the leases that were revoked.
 */
export class Remounts {
  readonly #options: RemountsOptions;
  readonly #entries;
  /** Those that this core is at. */
  readonly #running = new Map<string, Promise<void>>();

  constructor(options: RemountsOptions) {
    this.#options = options;
    this.#entries = options.storage.of('', REMOUNT);
  }

  /**
   * Begins to move a mount, and returns the id to ask by.
   * @throws CofferError `invalid-request` with Vault's text where that cannot be
   */
  async begin(from: string, to: string): Promise<string> {
    const { mounts } = this.#options;
    const { accessor } = mounts.movable(from, to);
    await this.tend();
    const id = randomId();
    const begun = { from, to, status: 'in-progress', accessor, node: PROCESS_ID, started: Date.now() } as const;
    await this.#entries.put(id, begun);
    const work = withoutDeadline(() => this.#move(id, begun)).finally(() => this.#running.delete(id));
    this.#running.set(id, work);
    return id;
  }

  async status(id: string): Promise<Remount | undefined> {
    const found = await this.#entries.get(id);
    if (found?.status !== 'in-progress') return found;
    await this.#undoIfCutOff(id, found);
    return this.#entries.get(id);
  }

  /** Undoes what was cut off, and forgets what is long over. */
  async tend(): Promise<void> {
    for (const id of await this.#options.storage.list('')) {
      const found = await this.#entries.get(id);
      if (found === undefined) continue;
      if (found.status === 'in-progress') await this.#undoIfCutOff(id, found);
      else if (found.started < Date.now() - KEPT_MS) await this.#entries.delete(id);
    }
  }

  /** Waits for what is under way. */
  async settled(): Promise<void> {
    await Promise.all(this.#running.values());
  }

  async #move(id: string, begun: RemountEntry): Promise<void> {
    const { mounts, revoke, logger } = this.#options;
    const { from, to } = begun;
    const log = { migration_id: id, from, to };
    logger.info('moving a mount', log);
    try {
      // Nothing is moved once another node has undone this: its entry is another one then.
      const unchanged = await this.#unchanged(id);
      await mounts.move(from, to, { accessor: begun.accessor, revoke, provided: unchanged });
      await this.#end(id, 'success');
      logger.info('moved a mount', log);
    } catch (error) {
      logger.error('failed to move a mount', { ...log, error: errorText(error) });
      await this.#end(id, 'failure').catch(() => undefined);
    }
  }

  async #unchanged(id: string): Promise<Condition> {
    const found = await this.#entries.read(id);
    if (found?.value.status !== 'in-progress') throw new CofferError('failed', 'it was undone by another node');
    return found.unchanged;
  }

  async #end(id: string, status: 'success' | 'failure'): Promise<void> {
    await this.#entries.update(id, (found) => (found.status === 'in-progress' ? { ...found, status } : found));
  }

  async #undoIfCutOff(id: string, found: RemountEntry): Promise<void> {
    const { store, mounts, logger } = this.#options;
    if (this.#running.has(id)) return;
    if (found.node !== PROCESS_ID && !store.exclusive && !(await isDead(store, found.node))) return;
    const { from, to, accessor } = found;
    // The entry first: whoever only seemed dead moves nothing any more. What it has done before is seen then.
    await this.#end(id, 'failure');
    await mounts.standAfterMove(from, accessor);
    if (mounts.get(to)?.accessor === accessor) {
      await this.#entries.update(id, (entryNow) => ({ ...entryNow, status: 'success' }));
      return;
    }
    logger.warn('an interrupted move of a mount was undone: the mount stays at its old path', {
      migration_id: id,
      from,
      to,
    });
  }
}
