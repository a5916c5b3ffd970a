import { type ClaimCheck } from '@coffer/base';
import type { Lease } from '@coffer/framework';
import type { SqlValue, Store } from '@coffer/store';
import { claimLost, type HeldClaim } from './claim.ts';
import { CLAIM_MS } from './lease-row.ts';

export interface ClaimedRow {
  readonly id: string;
  readonly claim: HeldClaim;
}

/** A lease that nobody else is at. */
export interface ClaimedLease extends Lease {
  readonly claim: HeldClaim;
}

/** What a claimed lease is given back with. */
export const GIVE_BACK = "UPDATE leases SET claim = '', claimed_until = 0";

/**
 * Runs `sql` for a claimed row. Its id and claim are `$1` and `$2`.
 * @throws CofferError `unavailable` when the claim was lost: nothing has changed then
 */
export async function writeClaimed(
  store: Store,
  row: ClaimedRow,
  sql: string,
  params: readonly SqlValue[] = [],
): Promise<void> {
  if (!(await changeClaimed(store, row, sql, params))) throw claimLost(row.id);
}

/** As {@link writeClaimed}. Returns whether the claim was there. */
export async function changeClaimed(
  store: Store,
  { id, claim }: ClaimedRow,
  sql: string,
  params: readonly SqlValue[] = [],
): Promise<boolean> {
  return (await store.run(`${sql} WHERE id = $1 AND claim = $2`, [id, claim.name, ...params])).changes === 1;
}

/** After a claim whose answer may have been lost: nobody is at what it claimed. Does not reject. */
export async function giveBackAll(store: Store, claim: HeldClaim): Promise<void> {
  await store.run(`${GIVE_BACK} WHERE claim <> '' AND claim = $1`, [claim.name]).catch(() => undefined);
}

/**
 * A list for `IN`, whose parameters begin with `$first`. It is filled up with the last id to a power of two, so that there are few texts,
 * which the store keeps prepared.
 */
export function listOf(
  ids: readonly string[],
  first: number,
): { readonly places: string; readonly params: readonly string[] } {
  const length = 2 ** Math.ceil(Math.log2(ids.length));
  const params = Array.from({ length }, (_, at) => ids[at] ?? ids.at(-1) ?? '');
  return { places: params.map((_, at) => `$${first + at}`).join(', '), params };
}

export async function isThere(store: Store, id: string): Promise<boolean> {
  return (await store.run('SELECT 1 FROM leases WHERE id = $1', [id])).rows.length === 1;
}

/** Whether a lease has this very value: every sealing has its own nonce. */
export async function isActiveWith(store: Store, id: string, sealed: Uint8Array): Promise<boolean> {
  const { rows } = await store.run("SELECT 1 FROM leases WHERE id = $1 AND value = $2 AND state = 'active'", [
    id,
    sealed,
  ]);
  return rows.length === 1;
}

/** How long after its claim a lease is certain to be ours. */
const SURE_MS = CLAIM_MS / 2;

/** For an effect on several. */
export function checkOfAll(store: Store, rows: readonly ClaimedRow[]): ClaimCheck {
  return async () => {
    for (const row of rows) if (!row.claim.isCertain(SURE_MS)) await checkOf(store, row)();
  };
}

/** For the effect of a renewal or a revocation. */
export function checkOf(store: Store, { id, claim }: ClaimedRow): ClaimCheck {
  const ask = async (): Promise<boolean> => {
    const { rows } = await store.run(
      'SELECT 1 FROM leases WHERE id = $1 AND claim = $2 AND claimed_until > store_now()',
      [id, claim.name],
    );
    return rows.length === 1;
  };
  return () => claim.require({ sureMs: SURE_MS, ask, what: id });
}
