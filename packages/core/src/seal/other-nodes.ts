import { CofferError, Deadline, errorText, type Logger, pause, whileAwaited, withDeadline } from '@coffer/base';
import type { Store } from '@coffer/store';
import { epochFrom, READ_EPOCH } from '../epochs/epochs.ts';
import { DEAD_MS, HEARTBEAT_MS, listNodes, type SeenNode } from '../nodes/nodes.ts';

/** How long others may take to notice what has changed, in milliseconds: whoever needs longer is dead. */
const NOTICE_MS = DEAD_MS + HEARTBEAT_MS;
const LOOK_MS = 200;
/** How long a seal that closes waits for what the store says of other nodes, in milliseconds. */
const STORE_MS = 2_000;

/** The other nodes that work on a store, as a seal needs to know of them. */
export class OtherNodes {
  readonly #store: Store;
  readonly #logger: Logger;

  constructor(store: Store, logger: Logger) {
    this.#store = store;
    this.#logger = logger;
  }

  async areOpen(): Promise<boolean> {
    return (await otherOpenNodes(this.#store)).length > 0;
  }

  /** @throws CofferError `invalid-request` naming those that are open; whatever the store throws */
  async requireClosed(): Promise<void> {
    const open = await otherOpenNodes(this.#store);
    if (open.length === 0) return;
    const text = `other nodes are open (${open.map(nameOf).join(', ')}): stop them before you migrate the seal`;
    throw new CofferError('invalid-request', text);
  }

  /** Resolves when all that are open have seen what was written. @throws CofferError `unavailable` when one does not */
  haveSeen(): Promise<void> {
    return othersHaveSeen(this.#store);
  }

  /** Addresses of those that are open. Empty when the store does not say in time. */
  async addresses(): Promise<readonly string[]> {
    return (await this.#inTime(async () => (await otherOpenNodes(this.#store)).map(nameOf))) ?? [];
  }

  /** Does what is to be done when no other node is open. Does not reject, nor wait for a store that hangs. */
  async unlessOpen(work: () => Promise<void>): Promise<void> {
    await this.#inTime(async () => ((await this.areOpen()) ? undefined : work()));
  }

  async #inTime<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await withDeadline(new Deadline(STORE_MS), () => whileAwaited(work()));
    } catch (error) {
      this.#logger.warn('failed to list the other nodes', { error: errorText(error) });
      return undefined;
    }
  }
}

/** The other nodes that live and are open. A store that is one process's own has none. */
async function otherOpenNodes(store: Store): Promise<readonly SeenNode[]> {
  if (store.exclusive) return [];
  return (await listNodes(store)).filter(({ isSelf, isDead, state }) => !isSelf && !isDead && state === 'active');
}

/**
 * Resolves when every other open node has seen all that was written until now.
 * @throws CofferError `unavailable` when one lives and does not; whatever {@link pause} throws
 */
async function othersHaveSeen(store: Store): Promise<void> {
  const { rows } = await store.run(READ_EPOCH);
  const epoch = epochFrom(rows[0]);
  const end = performance.now() + NOTICE_MS;
  for (;;) {
    const behind = (await otherOpenNodes(store)).filter((node) => node.epoch < epoch);
    if (behind.length === 0) return;
    if (performance.now() > end) {
      const text = `the node ${nameOf(behind[0])} does not follow changes: restart it, and repeat the request`;
      throw new CofferError('unavailable', text);
    }
    await pause(LOOK_MS);
  }
}

/**
 * Resolves with those of `nodes` that did not say within `milliseconds` that they are sealed; at once when all did. One whose
 * row is gone may have been stopped, or sleep: nobody knows.
 */
export async function notSealed(
  store: Store,
  nodes: readonly SeenNode[],
  milliseconds: number,
): Promise<readonly SeenNode[]> {
  const end = performance.now() + milliseconds;
  let open = nodes;
  for (;;) {
    const sealedNow = new Set((await listNodes(store)).filter(({ state }) => state === 'sealed').map(({ id }) => id));
    open = open.filter(({ id }) => !sealedNow.has(id));
    if (open.length === 0 || performance.now() > end) return open;
    await pause(LOOK_MS);
  }
}

/** What operators know a node by. */
export function nameOf(node: Pick<SeenNode, 'address' | 'id'> | undefined): string {
  return node === undefined ? '' : node.address || node.id;
}
