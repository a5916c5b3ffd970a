import { CofferError, formatTime, type JsonObject } from '@coffer/base';
import type { LeaseList, MountTable } from '@coffer/core';
import { definePath, type Path } from '@coffer/framework';

/** What Vault calls irrevocable, and gives up on (hashicorp/vault:vault/logical_system.go handleLeaseList). */
const IRREVOCABLE = 'irrevocable';
/** How many are listed unless more are asked for, as in Vault. */
const DEFAULT_LIMIT = 10_000;
/** In Vault's words, but for its `force`, which no request has (hashicorp/vault:vault/expiration.go). */
const MORE =
  'Command halted because many irrevocable leases were found. To emit the entire list, re-run the command with limit=none.';
const NO_ACCESSOR = 'mount-accessor-not-found';
const NAMESPACES = {
  include_child_namespaces: {
    type: 'boolean',
    default: false,
    description: 'Kept for compatibility: there are no namespaces.',
  },
} as const;

/** `sys/leases` */
export function irrevocableLeases(list: LeaseList, mounts: MountTable): Path {
  return definePath({
    pattern: 'leases',
    fields: {
      type: { type: 'string', default: '', description: 'Must be "irrevocable".' },
      limit: { type: 'string', default: '', description: 'The most to list; all when "none", 10,000 when absent.' },
      ...NAMESPACES,
    },
    sudo: true,
    synopsis: 'Lists the leases whose revocation has failed at least six times, with the last error.',
    description:
      'Coffer keeps trying to revoke them. "age" is the seconds since they were issued, "attempts" how often their revocation has failed.',
    read: async ({ fields, warnings }) => {
      if (fields.type.toLowerCase() !== IRREVOCABLE) return undefined;
      const [limit, now] = [limitOf(fields.limit), Date.now()];
      const found = await list.irrevocable(limit + 1);
      if (found.length > limit) warnings.push(MORE);
      const leases = found.slice(0, limit).map((lease) => ({
        lease_id: lease.id,
        mount_id: mounts.route(lease.id)?.mount.accessor ?? NO_ACCESSOR,
        error: lease.lastError,
        age: Math.floor((now - lease.issueTime) / 1000),
        attempts: lease.attempts,
        issue_time: formatTime(lease.issueTime),
        expire_time: formatTime(lease.expireTime),
        next_revocation: formatTime(lease.nextAttempt),
      }));
      return { data: { lease_count: leases.length, leases } };
    },
  });
}

/** `sys/leases/count` */
export function leaseCount(list: LeaseList, mounts: MountTable): Path {
  return definePath({
    pattern: 'leases/count',
    fields: {
      type: {
        type: 'string',
        default: '',
        description:
          '"irrevocable": leases whose revocation has failed six times or more, also by mount; "revoking": leases whose revocation is not finished.',
      },
      ...NAMESPACES,
    },
    synopsis: 'Counts the leases of credentials.',
    read: async ({ fields }) => {
      const type = fields.type.toLowerCase();
      if (type === '') return { data: { lease_count: await list.count() } };
      if (type === 'revoking') return { data: { lease_count: await list.count(type) } };
      if (type !== IRREVOCABLE) return undefined;
      return { data: await countIrrevocable(list, mounts) };
    },
  });
}

async function countIrrevocable(list: LeaseList, mounts: MountTable): Promise<JsonObject> {
  const total = await list.countIrrevocable();
  const counts: Record<string, number> = {};
  let left = total;
  for (const { path, accessor } of total === 0 ? [] : mounts.list(false)) {
    const count = await list.countIrrevocable(path);
    if (count > 0) counts[accessor] = count;
    left -= count;
  }
  if (left > 0) counts[NO_ACCESSOR] = left;
  return { lease_count: total, counts };
}

function limitOf(text: string): number {
  if (text === '') return DEFAULT_LIMIT;
  if (text.toLowerCase() === 'none') return Number.MAX_SAFE_INTEGER - 1;
  const limit = /^\+?\d{1,15}$/.test(text) ? Number(text) : 0;
  if (limit > 0) return limit;
  throw new CofferError('invalid-request', "invalid 'limit' provided: limit must be 'none' or a positive integer");
}
