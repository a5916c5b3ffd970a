import { CofferError, formatTime, type JsonObject, trimEndOf } from '@coffer/base';
import type { CoreServices } from '@coffer/core';
import { definePath, type Lease, type Path } from '@coffer/framework';

const LEASE_ID = { type: 'string', description: 'The lease id.' } as const;
const SYNC = {
  type: 'boolean',
  default: true,
  description: 'Wait until the revocation is over; otherwise it is queued and retried.',
} as const;
const PREFIX = {
  type: 'string',
  required: true,
  description: 'What the lease ids begin with: "database/creds".',
} as const;

/** `sys/leases/...` and Vault's older spellings `sys/renew`, `sys/revoke`, `sys/revoke-prefix`, `sys/revoke-force`. */
export function leasesPaths(services: CoreServices): Path[] {
  return [
    lookup(services),
    lookupPrefix(services),
    count(services),
    ...['leases/renew', 'renew'].flatMap((base) => [renew(services, base), renew(services, `${base}/:lease_id*`)]),
    ...['leases/revoke', 'revoke'].flatMap((base) => [revoke(services, base), revoke(services, `${base}/:lease_id*`)]),
    ...['leases/revoke-prefix', 'revoke-prefix'].map((base) => revokePrefix(services, base)),
    ...['leases/revoke-force', 'revoke-force'].map((base) => revokeForce(services, base)),
  ];
}

function lookup({ leaseList }: CoreServices): Path {
  return definePath({
    pattern: 'leases/lookup',
    fields: { lease_id: LEASE_ID },
    synopsis: 'Shows a lease: its times, and what is owed when its revocation has failed.',
    write: async ({ fields }) => {
      const lease = await leaseList.lookup(requireId(fields.lease_id));
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

function lookupPrefix({ leaseList }: CoreServices): Path {
  return definePath({
    pattern: 'leases/lookup/:prefix*',
    fields: { prefix: PREFIX },
    sudo: true,
    synopsis: 'Lists the lease ids below a prefix.',
    list: async ({ fields, page }) => listOf(await leaseList.list(withSlash(fields.prefix), page)),
  });
}

function listOf(keys: string[]): { data: JsonObject } {
  if (keys.length === 0) throw new CofferError('not-found', '');
  return { data: { keys } };
}

function count({ leaseList }: CoreServices): Path {
  return definePath({
    pattern: 'leases/count',
    fields: { type: { type: 'string', description: '"revoking" counts only those whose revocation is owed.' } },
    synopsis: 'Counts the leases.',
    read: async ({ fields }) => ({
      data: { lease_count: await leaseList.count(fields.type === 'revoking' ? 'revoking' : undefined) },
    }),
  });
}

function renew({ leases }: CoreServices, pattern: string): Path {
  return definePath({
    pattern,
    fields: {
      lease_id: LEASE_ID,
      increment: { type: 'duration', default: 0, description: 'TTL from now; 0 for the default.' },
    },
    synopsis: 'Renews a lease, at most to its max_ttl.',
    write: async ({ fields }) => {
      const { lease, ttl, warnings } = await leases.renew(requireId(fields.lease_id), fields.increment);
      return { data: null, lease: { id: lease.id, durationSeconds: ttl, renewable: lease.renewable }, warnings };
    },
  });
}

function revoke({ leases }: CoreServices, pattern: string): Path {
  return definePath({
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
  });
}

function revokePrefix(services: CoreServices, base: string): Path {
  const { leases } = services;
  return definePath({
    pattern: `${base}/:prefix*`,
    fields: { prefix: PREFIX, sync: SYNC },
    sudo: true,
    synopsis: 'Revokes every lease below a prefix; below `auth/`, the tokens that were issued there.',
    write: async ({ fields }) => {
      const prefix = withSlash(fields.prefix);
      await revokeTokens(services, prefix);
      if (fields.sync) {
        await leases.revokePrefix(prefix);
        return undefined;
      }
      await leases.revokePrefixLater(prefix);
      return { status: 202 };
    },
  });
}

/** A token lies where it was issued, as its lease does in Vault: `auth/userpass/login/ana`. */
async function revokeTokens({ tokens }: CoreServices, prefix: string): Promise<void> {
  if (prefix.startsWith('auth/')) await tokens.revokeIssuedBelow(prefix);
}

function withSlash(prefix: string): string {
  return `${trimEndOf(prefix, '/')}/`;
}

function revokeForce(services: CoreServices, base: string): Path {
  return definePath({
    pattern: `${base}/:prefix*`,
    fields: { prefix: PREFIX },
    sudo: true,
    synopsis: 'Revokes every lease below a prefix, and forgets those whose revocation fails.',
    description: 'What a forgotten lease stood for may still exist in the database. The log names each.',
    write: async ({ fields }) => {
      const prefix = withSlash(fields.prefix);
      await revokeTokens(services, prefix);
      await services.leases.revokePrefix(prefix, { force: true });
      return undefined;
    },
  });
}

function requireId(id: string | undefined): string {
  if (id === undefined || id === '') throw new CofferError('invalid-request', 'lease_id must be specified');
  return id;
}
