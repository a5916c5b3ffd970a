import { awaiting, CofferError, pause, underClaim } from '@coffer/base';
import type { Lease, TokenEntry } from '@coffer/framework';
import { runRepeatable } from '@coffer/store';
import { claimLost, HeldClaim } from './claim.ts';
import { changeClaimed, checkOf, type ClaimedLease, GIVE_BACK, isActiveWith } from './claimed-lease.ts';
import { refuseLastUse } from './last-use.ts';
import { CLAIM_MS, leaseFromRow, sealLease } from './lease-row.ts';
import type { LeasesOptions } from './leases-options.ts';

export interface RenewedLease {
  readonly lease: Lease;
  /** Seconds from now. */
  readonly ttl: number;
  readonly warnings: readonly string[];
}

/**
 * Extends a lease: first in the outside world, then here, so that a crash between the two can only shorten it.
 * @throws CofferError `invalid-request` when there is no such lease or it cannot be renewed, or `caller` is its token in its last
 *   use, so that it ends at once
 */
export async function renewLease(
  options: LeasesOptions,
  id: string,
  increment: number,
  caller?: TokenEntry,
): Promise<RenewedLease> {
  const { store } = options;
  const { claim, ...lease } = await claimActive(options, id);
  const row = { id, claim };
  let released = false;
  let dueAt: number | undefined;
  try {
    if (caller?.id === lease.token) refuseLastUse(caller);
    if (!lease.renewable) throw new CofferError('invalid-request', 'lease is not renewable');
    const engine = options.mounts.engineFor(lease.path);
    const renew = engine?.renew?.bind(engine);
    if (renew === undefined) throw new CofferError('invalid-request', 'lease is not renewable');
    const {
      ttl: granted,
      warnings,
      data = lease.data,
    } = await underClaim(checkOf(store, row), async () => renew(lease, increment));
    const now = Date.now();
    const { latestExpireTime = Number.POSITIVE_INFINITY } = lease;
    const ttl = Math.min(granted, Math.floor((latestExpireTime - now) / 1000));
    const renewed: Lease = { ...lease, expireTime: now + ttl * 1000, lastRenewal: now, data };
    const sealed = sealLease(options.barrier, id, renewed);
    const { changes } = await runRepeatable(
      store,
      `UPDATE leases SET expire_time = $3, last_renewal = $4, next_attempt = $3, value = $5, claim = '', claimed_until = 0
       WHERE id = $1 AND claim = $2 AND state = 'active'`,
      [id, claim.name, renewed.expireTime, now, sealed],
    );
    released = true;
    // Run again, it finds its claim ended, by itself if its value is there.
    if (changes === 1 || (await isActiveWith(store, id, sealed))) {
      dueAt = renewed.expireTime;
      return { lease: renewed, ttl, warnings };
    }
    if (!(await changeClaimed(store, row, GIVE_BACK))) throw claimLost(id);
    // Revoked meanwhile. Whoever did that is waiting for this claim, and ends what was extended.
    throw new CofferError('invalid-request', 'lease not found');
  } finally {
    if (!released) await changeClaimed(store, row, GIVE_BACK);
    options.wake(dueAt);
  }
}

async function claimToRenew({ store, barrier, node }: LeasesOptions, id: string): Promise<ClaimedLease | undefined> {
  const claim = new HeldClaim(node);
  // Run again, it finds its own claim: otherwise everybody would wait for one that nobody is at.
  const { rows } = await runRepeatable(
    store,
    `UPDATE leases SET claim = $3, claimed_until = store_now() + $2
     WHERE id = $1 AND (claimed_until <= store_now() AND state = 'active' OR claim = $3) RETURNING *`,
    [id, CLAIM_MS, claim.name],
  );
  const [row] = rows;
  try {
    if (row === undefined) return undefined;
    const lease = { ...leaseFromRow(barrier, row), claim };
    if (lease.state === 'active') return lease;
    // Revoked in between.
    await changeClaimed(store, lease, GIVE_BACK);
    return undefined;
  } catch (thrown) {
    await changeClaimed(store, { id, claim }, GIVE_BACK);
    throw thrown;
  }
}

/** Claims a lease for renewal; waits for another renewal of the same lease. */
async function claimActive(options: LeasesOptions, id: string): Promise<ClaimedLease> {
  for (;;) {
    const lease = await claimToRenew(options, id);
    if (lease !== undefined && lease.expireTime > Date.now()) return lease;
    if (lease !== undefined) {
      await changeClaimed(options.store, lease, GIVE_BACK);
      throw new CofferError('invalid-request', 'lease expired');
    }
    if ((await options.list.lookup(id))?.state !== 'active') throw await notRenewable(options, id);
    await awaiting(`whoever is at the lease ${id}`, () => pause(20));
  }
}

/** In Vault's words (hashicorp/vault:vault/expiration.go Renew). */
async function notRenewable({ tokens }: LeasesOptions, id: string): Promise<CofferError> {
  const token = await tokens.byLease(id);
  if (token === undefined) return new CofferError('invalid-request', 'lease not found');
  const renewable = token.renewable && token.expireTime !== null;
  return new CofferError(
    'invalid-request',
    renewable ? 'tokens cannot be renewed through this endpoint' : 'lease is not renewable',
  );
}
