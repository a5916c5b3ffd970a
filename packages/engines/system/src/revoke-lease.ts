import type { Leases } from '@coffer/core';
import { definePath, type Path } from '@coffer/framework';
import { LEASE_ID, PREFIX, requireId } from './lease-fields.ts';

const SYNC = {
  type: 'boolean',
  default: true,
  description: 'Wait until the revocation is done. If false, it is queued and retried in the background.',
} as const;

/** Revocation at `base`, with the lease id in the body or in the URL. */
export function revokeLease(leases: Leases, base: string): Path[] {
  return [base, `${base}/:lease_id*`].map((pattern) =>
    definePath({
      pattern,
      fields: { lease_id: LEASE_ID, sync: SYNC },
      synopsis: 'Revokes a lease: a credential, or a token with its children and their leases.',
      write: async ({ fields }) => {
        const id = requireId(fields.lease_id);
        if (fields.sync) {
          return withOwed(await leases.revoke(id));
        }
        await leases.revokeLater(id);
        return { status: 202 };
      },
    }),
  );
}

/** Revocation of everything below a prefix, or of the one lease that it is the id of. It follows `base` in the URL. */
export function revokePrefix(leases: Leases, base: string): Path {
  return definePath({
    pattern: `${base}/:prefix*`,
    fields: { prefix: PREFIX, sync: SYNC },
    sudo: true,
    synopsis:
      'Revokes every lease under a prefix, or the one lease with that ID. Under `auth/`, it revokes the tokens issued there.',
    write: async ({ fields }) => {
      if (fields.sync) {
        return withOwed(await leases.revokePrefix(fields.prefix));
      }
      await leases.revokePrefixLater(fields.prefix);
      return { status: 202 };
    },
  });
}

/** The same for leases that cannot be revoked: they are dropped. */
export function revokeForce(leases: Leases, base: string): Path {
  return definePath({
    pattern: `${base}/:prefix*`,
    fields: { prefix: PREFIX },
    sudo: true,
    synopsis:
      'Revokes every lease below a prefix, or the one lease of that id, and forgets those whose revocation fails.',
    description: 'The users of dropped leases may still exist in the database. The log names each of them.',
    write: async ({ fields }) => {
      await leases.revokePrefix(fields.prefix, { force: true });
      return undefined;
    },
  });
}

/** What may go on of a lease that is over is no failure, but nobody should miss it. */
function withOwed(owed: string | undefined): { data: null; warnings: string[] } | undefined {
  return owed === undefined ? undefined : { data: null, warnings: [owed] };
}
