import { CofferError, formatTime, type JsonObject } from '@coffer/base';
import type { LeaseList, Leases } from '@coffer/core';
import { definePath, type Lease, type Path, type TokenStore } from '@coffer/framework';
import { LEASE_ID, leasePrefix, PREFIX, requireId } from './lease-fields.ts';
import { renewLease } from './renew-lease.ts';
import { revokeForce, revokeLease, revokePrefix } from './revoke-lease.ts';

/** `sys/leases/...`. */
export function leasesPaths(list: LeaseList, leases: Leases, tokens: TokenStore): Path[] {
  return [
    lookup(list),
    lookupPrefix(list),
    count(list),
    ...renewLease(leases, 'leases/renew'),
    ...revokeLease(leases, 'leases/revoke'),
    revokePrefix(leases, tokens, 'leases/revoke-prefix'),
    revokeForce(leases, tokens, 'leases/revoke-force'),
  ];
}

function lookup(list: LeaseList): Path {
  return definePath({
    pattern: 'leases/lookup',
    fields: { lease_id: LEASE_ID },
    synopsis: 'Shows a lease: its times, and what is still to be done if its revocation has failed.',
    write: async ({ fields }) => {
      const lease = await list.lookup(requireId(fields.lease_id));
      if (lease === undefined) throw new CofferError('invalid-request', 'invalid lease');
      return { data: leaseView(lease) };
    },
  });
}

function leaseView(lease: Lease): JsonObject {
  return {
    expire_time: formatTime(lease.expireTime),
    id: lease.id,
    issue_time: formatTime(lease.issueTime),
    last_renewal: lease.lastRenewal === null ? null : formatTime(lease.lastRenewal),
    path: lease.path,
    renewable: lease.renewable && lease.state === 'active',
    ttl: Math.max(0, Math.floor((lease.expireTime - Date.now()) / 1000)),
    ...(lease.lastError !== null && {
      revocation_error: lease.lastError,
      revocation_attempts: lease.attempts,
      next_revocation: formatTime(lease.nextAttempt),
    }),
  };
}

function lookupPrefix(list: LeaseList): Path {
  return definePath({
    pattern: 'leases/lookup/:prefix*',
    fields: { prefix: PREFIX },
    sudo: true,
    synopsis: 'Lists the lease ids below a prefix.',
    list: async ({ fields, page }) => ({ data: { keys: await list.list(leasePrefix(fields.prefix), page) } }),
  });
}

function count(list: LeaseList): Path {
  return definePath({
    pattern: 'leases/count',
    fields: {
      type: { type: 'string', description: '"revoking" counts only leases whose revocation is not finished.' },
    },
    synopsis: 'Counts the leases.',
    read: async ({ fields }) => ({
      data: { lease_count: await list.count(fields.type === 'revoking' ? 'revoking' : undefined) },
    }),
  });
}
