import type { JsonObject } from '@coffer/base';
import type { SqlRow } from '@coffer/store';
import type { Barrier } from '../barrier/barrier.ts';
import type { Lease, LeaseState } from '@coffer/framework';

interface SealedPart {
  readonly path: string;
  readonly renewable: boolean;
  readonly data: JsonObject;
}

export function sealLease(barrier: Barrier, id: string, part: SealedPart): Uint8Array {
  return barrier.seal(`leases/${id}`, { path: part.path, renewable: part.renewable, data: part.data });
}

export function leaseFromRow(barrier: Barrier, row: SqlRow): Lease {
  const id = String(row['id']);
  const sealed = barrier.open(`leases/${id}`, row['value'] as Uint8Array) as unknown as SealedPart;
  return {
    id,
    token: String(row['token']),
    state: row['state'] as LeaseState,
    issueTime: Number(row['issue_time']),
    expireTime: Number(row['expire_time']),
    lastRenewal: row['last_renewal'] === null ? null : Number(row['last_renewal']),
    nextAttempt: Number(row['next_attempt']),
    attempts: Number(row['attempts']),
    lastError: row['last_error'] === null ? null : String(row['last_error']),
    ...sealed,
  };
}
