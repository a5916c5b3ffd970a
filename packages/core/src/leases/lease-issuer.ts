import { randomBase62, CofferError, PROCESS_ID } from '@coffer/base';
import { bucketOf, type Store } from '@coffer/store';
import type { Barrier } from '../barrier/barrier.ts';
import { insertWhile } from '../barrier/insert-while.ts';
import { validToken, type LeaseIssuer, type NewLease } from '@coffer/framework';
import { refuseLastUse } from './last-use.ts';
import { CREATION_CLAIM_MS, sealLease } from './lease-row.ts';

export function createLeaseIssuer(store: Store, barrier: Barrier, wake: () => void): LeaseIssuer {
  return {
    async begin(lease, conditions = []) {
      refuseLastUse(lease.token);
      const id = `${lease.path}/${randomBase62(24)}`;
      // Only where whoever opens the store next knows that this process is dead (dead-claims.ts).
      const maker = store.exclusive ? { maker: PROCESS_ID } : {};
      const { sql, params } = insertWhile(
        {
          into: `leases (id, token, state, issue_time, expire_time, last_renewal, claimed_until, next_attempt, attempts,
            last_error, value, bucket)`,
          values: "$1, $2, 'creating', $3, $4, NULL, store_now() + $5, store_now() + $5, 0, NULL, $6, $7",
          params: [
            ...[id, lease.token.id, lease.issueTime, lease.expireTime, CREATION_CLAIM_MS],
            ...[sealLease(barrier, id, { ...lease, ...maker }), bucketOf(id)],
          ],
        },
        [validToken(lease.token.id), ...conditions],
      );
      const { changes: begun } = await store.run(sql, params);
      if (begun === 0) throw new CofferError('permission-denied', 'permission denied');
      return {
        id,
        async activate(data = lease.data) {
          const { changes } = await store.run(
            `UPDATE leases SET state = 'active', claimed_until = 0, next_attempt = expire_time, value = $2
             WHERE id = $1 AND state = 'creating'`,
            [id, sealLease(barrier, id, { ...lease, data })],
          );
          if (changes === 1) return wake();
          await release(store, id, lease, sealLease(barrier, id, { ...lease, data }));
          wake();
          throw new CofferError('permission-denied', 'the token was revoked while the credential was being made');
        },
        async abandon(nothingLeft, data = lease.data) {
          if (nothingLeft) await store.run('DELETE FROM leases WHERE id = $1', [id]);
          else await release(store, id, lease, sealLease(barrier, id, { ...lease, data }));
          wake();
        },
      };
    },
  };
}

/**
 * Hands a row that was being created over to revocation. An effect that outlasts its claim may come after the row was taken
 * for abandoned, revoked in vain and removed: then the row is made again.
 */
async function release(store: Store, id: string, lease: NewLease, value: Uint8Array): Promise<void> {
  const { token, issueTime, expireTime } = lease;
  await store.run(
    `INSERT INTO leases (id, token, state, issue_time, expire_time, last_renewal, claimed_until, next_attempt,
       attempts, last_error, value, bucket) VALUES ($1, $2, 'revoking', $3, $4, NULL, 0, $5, 0, NULL, $6, $7)
     ON CONFLICT (id) DO UPDATE SET state = 'revoking', claimed_until = 0, next_attempt = excluded.next_attempt,
       value = excluded.value`,
    [id, token.id, issueTime, expireTime, Date.now(), value, bucketOf(id)],
  );
}
