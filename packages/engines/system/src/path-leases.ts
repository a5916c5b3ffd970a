import { CofferError, formatTime, type JsonObject } from '@coffer/base';
import { isIrrevocable, type LeaseList, type Leases, type MountTable } from '@coffer/core';
import { definePath, type Lease, type Path, secondsLeft, type TokenEntry, type TokenStore } from '@coffer/framework';
import { irrevocableLeases, leaseCount } from './irrevocable-leases.ts';
import { LEASE_ID, leasePrefix, PREFIX, requireId } from './lease-fields.ts';
import { renewLease } from './renew-lease.ts';
import { revokeForce, revokeLease, revokePrefix } from './revoke-lease.ts';

/** `sys/leases`, `sys/leases/...`. */
export function leasesPaths(list: LeaseList, leases: Leases, tokens: TokenStore, mounts: MountTable): Path[] {
  return [
    irrevocableLeases(list, mounts),
    lookup(list, tokens),
    lookupPrefix(list),
    leaseCount(list, mounts),
    ...renewLease(leases, 'leases/renew'),
    ...revokeLease(leases, 'leases/revoke'),
    revokePrefix(leases, 'leases/revoke-prefix'),
    revokeForce(leases, 'leases/revoke-force'),
  ];
}

function lookup(list: LeaseList, tokens: TokenStore): Path {
  return definePath({
    pattern: 'leases/lookup',
    fields: { lease_id: LEASE_ID },
    sudo: 'list',
    synopsis:
      'Shows a lease, and what remains to be done if its revocation has failed; or lists the prefixes of leases.',
    description:
      'A token has a lease too. Its ID is the path that issued the token and a hash, such as "auth/userpass/login/ana/h2f6a614c".',
    write: async ({ fields }) => {
      const id = requireId(fields.lease_id);
      const lease = await list.lookup(id);
      if (lease !== undefined) return { data: leaseView(lease) };
      const token = await tokens.byLease(id);
      if (token !== undefined) return { data: tokenLeaseView(id, token) };
      throw new CofferError('invalid-request', 'invalid lease');
    },
    list: async ({ page }) => ({ data: { keys: await list.list('', page) } }),
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
    ttl: secondsLeft(lease.expireTime),
    ...(lease.lastError !== null && {
      // Without a failed attempt it is over, and only something of it may go on.
      ...(lease.attempts === 0
        ? { revocation_owed: lease.lastError }
        : { revocation_error: lease.lastError, revocation_attempts: lease.attempts }),
      next_revocation: formatTime(lease.nextAttempt),
      // OpenBao's name for it, which it shows once it has given up.
      ...(isIrrevocable(lease) && { revoke_error: lease.lastError }),
    }),
  };
}

function tokenLeaseView(id: string, token: TokenEntry): JsonObject {
  const { expireTime, creationTime, lastRenewal, path, renewable } = token;
  return {
    expire_time: expireTime === null ? null : formatTime(expireTime),
    id,
    issue_time: formatTime(creationTime),
    last_renewal: lastRenewal === null ? null : formatTime(lastRenewal),
    path,
    renewable: renewable && expireTime !== null,
    ttl: secondsLeft(expireTime),
  };
}

function lookupPrefix(list: LeaseList): Path {
  return definePath({
    pattern: 'leases/lookup/:prefix*',
    fields: { prefix: PREFIX },
    sudo: true,
    synopsis: 'Lists the lease IDs under a prefix.',
    list: async ({ fields, page }) => ({ data: { keys: await list.list(leasePrefix(fields.prefix), page) } }),
  });
}
