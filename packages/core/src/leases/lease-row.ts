import type { SqlRow } from '@coffer/store';
import type { Barrier } from '../barrier/barrier.ts';
import { LEASE_STATES, type Lease, stored } from '@coffer/framework';

/** How long a claim lasts, in milliseconds: longer than any revocation or renewal, so a live worker never loses its own. */
export const CLAIM_MS = 120_000;

type SealedPart = Pick<Lease, 'path' | 'renewable' | 'data'>;

const { boolean, entry, integer, nullable, object, oneOf, string } = stored;
const LEASE = entry<Lease>({
  id: string(),
  token: string(),
  state: oneOf(LEASE_STATES),
  issueTime: integer(),
  expireTime: integer(),
  lastRenewal: nullable(integer()),
  nextAttempt: integer(),
  attempts: integer(),
  lastError: nullable(string()),
  path: string(),
  renewable: boolean(),
  data: object(),
});

export function sealLease(barrier: Barrier, id: string, part: SealedPart): Uint8Array {
  return barrier.seal(`leases/${id}`, { path: part.path, renewable: part.renewable, data: part.data });
}

/** @throws CofferError `failed` naming the row, and the field where one is damaged */
export function leaseFromRow(barrier: Barrier, row: SqlRow): Lease {
  const place = `leases/${String(row['id'])}`;
  const columns = {
    id: row['id'],
    token: row['token'],
    state: row['state'],
    issueTime: row['issue_time'],
    expireTime: row['expire_time'],
    lastRenewal: row['last_renewal'],
    nextAttempt: row['next_attempt'],
    attempts: row['attempts'],
    lastError: row['last_error'],
  };
  return LEASE({ ...barrier.open(place, row['value']), ...columns }, place);
}
