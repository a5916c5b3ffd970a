import type { Leases } from '@coffer/core';
import { definePath, type Path } from '@coffer/framework';
import { LEASE_ID, requireId } from './lease-fields.ts';

/** Renewal at `base`, with the lease id in the body or in the URL. */
export function renewLease(leases: Leases, base: string): Path[] {
  return [base, `${base}/:lease_id*`].map((pattern) =>
    definePath({
      pattern,
      fields: {
        lease_id: LEASE_ID,
        increment: { type: 'duration', default: 0, description: 'TTL from now. 0: the default.' },
      },
      synopsis: 'Renews a lease, up to its max_ttl.',
      write: async ({ fields, token }) => {
        const { lease, ttl, warnings } = await leases.renew(requireId(fields.lease_id), fields.increment, token);
        return { data: null, lease: { id: lease.id, durationSeconds: ttl, renewable: lease.renewable }, warnings };
      },
    }),
  );
}
