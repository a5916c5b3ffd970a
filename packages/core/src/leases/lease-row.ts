import { PROCESS_ID } from '@coffer/base';
import type { SqlRow } from '@coffer/store';
import type { Barrier } from '../barrier/barrier.ts';
import { LEASE_STATES, type Lease, stored } from '@coffer/framework';

/** How long a claim lasts, in milliseconds: longer than any revocation or renewal, so a live worker never loses its own. */
export const CLAIM_MS = 120_000;
/** How long a creation may take before recovery looks at it, in milliseconds: beyond the engine's own time limits. */
export const CREATION_CLAIM_MS = 120_000;

interface SealedPart extends Pick<Lease, 'path' | 'renewable' | 'data' | 'latestExpireTime'> {
  /** The process that is at the creation; absent as soon as it has said what came of it. */
  readonly maker?: string;
}

const { boolean, entry, integer, nullable, object, oneOf, optional, string } = stored;
const LEASE = entry<Omit<Lease, 'creation'> & SealedPart>({
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
  maker: optional(string()),
  latestExpireTime: optional(integer()),
});

export function sealLease(barrier: Barrier, id: string, part: SealedPart): Uint8Array {
  const { path, renewable, data, maker, latestExpireTime } = part;
  return barrier.seal(`leases/${id}`, {
    ...{ path, renewable, data },
    ...(maker !== undefined && { maker }),
    ...(latestExpireTime !== undefined && { latestExpireTime }),
  });
}

/**
 * Its creation names any other process than this one: whoever relies on its being dead has to ask (`isDead`).
 * @throws CofferError `failed` naming the row, and the field where one is damaged
 */
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
  const { maker, ...lease } = LEASE({ ...barrier.open(place, row['value']), ...columns }, place);
  if (maker === undefined) return lease;
  const mayLandUntil = lease.issueTime + CREATION_CLAIM_MS;
  return { ...lease, creation: { mayLandUntil, ...(maker !== PROCESS_ID && { process: maker }) } };
}
