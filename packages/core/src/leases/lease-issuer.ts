import { randomBase62, CofferError, LANDING_MS, PROCESS_ID } from '@coffer/base';
import { bucketOf, runRepeatable, type Store } from '@coffer/store';
import type { Barrier } from '../barrier/barrier.ts';
import { insertWhile } from '../barrier/insert-while.ts';
import { stillValid, type LeaseIssuer, type NewLease } from '@coffer/framework';
import type { NodeLife } from '../nodes/node-life.ts';
import { claimLost, HeldClaim } from './claim.ts';
import { isActiveWith } from './claimed-lease.ts';
import { refuseLastUse } from './last-use.ts';
import { CREATION_CLAIM_MS, sealLease } from './lease-row.ts';

export function createLeaseIssuer(
  store: Store,
  barrier: Barrier,
  wake: (dueAt?: number) => void,
  node?: NodeLife,
): LeaseIssuer {
  return {
    async begin(given, conditions = []) {
      refuseLastUse(given.token);
      const lease = boundLease(given);
      const id = `${lease.path}/${randomBase62(24)}`;
      const claim = new HeldClaim(node);
      const { sql, params } = insertWhile(
        {
          into: `leases (id, token, state, issue_time, expire_time, last_renewal, claimed_until, next_attempt, attempts,
            last_error, value, bucket, claim)`,
          values: "$1, $2, 'creating', $3, $4, NULL, store_now() + $5, store_now() + $5, 0, NULL, $6, $7, $8",
          params: [
            ...[id, holderOf(lease.token), lease.issueTime, lease.expireTime, CREATION_CLAIM_MS],
            ...[sealLease(barrier, id, { ...lease, maker: PROCESS_ID }), bucketOf(id), claim.name],
          ],
          onConflict: 'ON CONFLICT (id) DO NOTHING',
        },
        [...stillValid(lease.token), ...conditions],
      );
      const ask = async (): Promise<boolean> => {
        const { rows } = await store.run(
          'SELECT 1 FROM leases WHERE id = $1 AND claim = $2 AND claimed_until > store_now() + $3',
          [id, claim.name, LANDING_MS],
        );
        return rows.length === 1;
      };
      // Run again, it finds the row that it has made, which has our claim.
      const { changes: begun } = await runRepeatable(store, sql, params);
      if (begun === 0 && !(await ask())) throw new CofferError('permission-denied', 'permission denied');
      const sureMs = CREATION_CLAIM_MS - LANDING_MS;
      return {
        id,
        requireMine: () => claim.require({ sureMs, ask, what: id }),
        async activate(data = lease.data) {
          const sealed = sealLease(barrier, id, { ...lease, data });
          const { changes } = await runRepeatable(
            store,
            `UPDATE leases SET state = 'active', claim = '', claimed_until = 0, next_attempt = expire_time, value = $2
             WHERE id = $1 AND state = 'creating' AND claim = $3`,
            [id, sealed, claim.name],
          );
          // Run again, it finds its claim ended, by itself if its value is there.
          if (changes === 1 || (await isActiveWith(store, id, sealed))) return wake(lease.expireTime);
          const wasMine = await release(store, { id, claim }, lease, sealLease(barrier, id, { ...lease, data }));
          wake();
          if (!wasMine) throw claimLost(id);
          throw new CofferError(
            'permission-denied',
            'the token or the role was revoked while the credential was being created',
          );
        },
        async abandon(nothingLeft, data = lease.data) {
          // Whoever took it over removes it.
          if (nothingLeft) await store.run('DELETE FROM leases WHERE id = $1 AND claim = $2', [id, claim.name]);
          else await release(store, { id, claim }, lease, sealLease(barrier, id, { ...lease, data }));
          wake();
        },
      };
    },
  };
}

type BoundLease = NewLease & { readonly latestExpireTime?: number };

/** What a batch token is issued ends with it, which no row of it can see to. */
function boundLease(lease: NewLease): BoundLease {
  const { type, expireTime } = lease.token;
  if (type !== 'batch' || typeof expireTime !== 'number') return lease;
  return { ...lease, expireTime: Math.min(lease.expireTime, expireTime), latestExpireTime: expireTime };
}

/** The token whose end ends the lease. */
function holderOf({ id, type, parent = '' }: NewLease['token']): string {
  return type === 'batch' ? parent : id;
}

/**
 * Hands a row that was being created over to revocation. Returns whether it was still claimed: an effect that outlasts its claim
 * may come after the row was taken for abandoned, revoked in vain and removed: then the row is made again. Whoever is at it
 * right now loses it, since he may have looked before the effect came.
 */
async function release(
  store: Store,
  { id, claim }: { readonly id: string; readonly claim: HeldClaim },
  lease: NewLease,
  value: Uint8Array,
): Promise<boolean> {
  const { token, issueTime, expireTime } = lease;
  const due = "state = 'revoking', claim = '', claimed_until = 0, next_attempt = ";
  const { changes } = await store.run(`UPDATE leases SET ${due} $3, value = $4 WHERE id = $1 AND claim = $2`, [
    id,
    claim.name,
    Date.now(),
    value,
  ]);
  if (changes === 1) return true;
  await store.run(
    `INSERT INTO leases (id, token, state, issue_time, expire_time, last_renewal, claimed_until, next_attempt,
       attempts, last_error, value, bucket) VALUES ($1, $2, 'revoking', $3, $4, NULL, 0, $5, 0, NULL, $6, $7)
     ON CONFLICT (id) DO UPDATE SET ${due} excluded.next_attempt, value = excluded.value`,
    [id, holderOf(token), issueTime, expireTime, Date.now(), value, bucketOf(id)],
  );
  return false;
}
