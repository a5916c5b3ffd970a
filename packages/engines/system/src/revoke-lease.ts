import type { Leases } from '@coffer/core';
import { definePath, type Path, type TokenStore } from '@coffer/framework';
import { LEASE_ID, leasePrefix, PREFIX, requireId } from './lease-fields.ts';

const SYNC = {
  type: 'boolean',
  default: true,
  description: 'Wait until the revocation is done; otherwise it is queued and retried.',
} as const;

/** Revocation at `base`, with the lease id in the body or in the URL. */
export function revokeLease(leases: Leases, base: string): Path[] {
  return [base, `${base}/:lease_id*`].map((pattern) =>
    definePath({
      pattern,
      fields: { lease_id: LEASE_ID, sync: SYNC },
      synopsis: 'Revokes a lease.',
      write: async ({ fields }) => {
        const id = requireId(fields.lease_id);
        if (fields.sync) {
          await leases.revoke(id);
          return undefined;
        }
        await leases.revokeLater(id);
        return { status: 202 };
      },
    }),
  );
}

/** Revocation of everything below a prefix, which follows `base` in the URL. */
export function revokePrefix(leases: Leases, tokens: TokenStore, base: string): Path {
  return definePath({
    pattern: `${base}/:prefix*`,
    fields: { prefix: PREFIX, sync: SYNC },
    sudo: true,
    synopsis: 'Revokes every lease below a prefix; below `auth/`, the tokens that were issued there.',
    write: async ({ fields }) => {
      const prefix = leasePrefix(fields.prefix);
      await revokeTokens(tokens, prefix);
      if (fields.sync) {
        await leases.revokePrefix(prefix);
        return undefined;
      }
      await leases.revokePrefixLater(prefix);
      return { status: 202 };
    },
  });
}

/** The same for leases that cannot be revoked: they are dropped. */
export function revokeForce(leases: Leases, tokens: TokenStore, base: string): Path {
  return definePath({
    pattern: `${base}/:prefix*`,
    fields: { prefix: PREFIX },
    sudo: true,
    synopsis: 'Revokes every lease below a prefix, and drops those whose revocation fails.',
    description: 'What a dropped lease stood for may still exist in the database. The log names each of them.',
    write: async ({ fields }) => {
      const prefix = leasePrefix(fields.prefix);
      await revokeTokens(tokens, prefix);
      await leases.revokePrefix(prefix, { force: true });
      return undefined;
    },
  });
}

/** A token lies where it was issued, as its lease does in Vault: `auth/userpass/login/ana`. */
async function revokeTokens(tokens: TokenStore, prefix: string): Promise<void> {
  if (prefix.startsWith('auth/')) await tokens.revokeIssuedBelow(prefix);
}
