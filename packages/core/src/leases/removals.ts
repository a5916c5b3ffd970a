import { runRepeatable, type Store } from '@coffer/store';
import { claimLost } from './claim.ts';
import { type ClaimedRow, isThere, listOf } from './claimed-lease.ts';

/** Rows that one statement removes. */
const MOST = 128;

interface Removal {
  readonly ids: string[];
  /** How many of them were there with our claim. */
  readonly removed: Promise<number>;
}

/**
 * Removes claimed leases. What ends in one tick, as logins do that were dropped together, goes by one statement, where one claim
 * is on all of it; nothing waits in the hope of more.
 */
export class Removals {
  readonly #store: Store;
  /** Those that take more, by the name of the claim. */
  readonly #open = new Map<string, Removal>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** @throws CofferError `unavailable` when the claim was lost and the lease is there */
  async remove({ id, claim }: ClaimedRow): Promise<void> {
    const open = this.#open.get(claim.name);
    const removal = open !== undefined && open.ids.length < MOST ? open : this.#begin(claim.name);
    removal.ids.push(id);
    const removed = await removal.removed;
    if (removed < removal.ids.length && (await isThere(this.#store, id))) throw claimLost(id);
  }

  #begin(claim: string): Removal {
    const ids: string[] = [];
    // After all that is ready to go on now: what was dropped together comes here one after the other.
    const ready = new Promise<void>((resolve) => process.nextTick(resolve));
    const removed = ready.then(() => {
      if (this.#open.get(claim)?.ids === ids) this.#open.delete(claim);
      return removeAll(this.#store, ids, claim);
    });
    const removal = { ids, removed };
    this.#open.set(claim, removal);
    return removal;
  }
}

/** Run again, it finds nothing, and that is what was wanted, whoever has removed it. */
async function removeAll(store: Store, ids: readonly string[], claim: string): Promise<number> {
  const [only = ''] = ids;
  if (ids.length === 1) {
    return (await runRepeatable(store, 'DELETE FROM leases WHERE id = $1 AND claim = $2', [only, claim])).changes;
  }
  const { places, params } = listOf(ids, 2);
  const sql = `DELETE FROM leases WHERE claim = $1 AND id IN (${places})`;
  return (await runRepeatable(store, sql, [claim, ...params])).changes;
}
