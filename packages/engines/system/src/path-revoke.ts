import type { Leases } from '@coffer/core';
import type { Path } from '@coffer/framework';
import { revokeForce, revokeLease, revokePrefix } from './revoke-lease.ts';

/** `sys/revoke`, `sys/revoke-prefix`, `sys/revoke-force`: older spellings of the same below `sys/leases`. */
export function revokePaths(leases: Leases): Path[] {
  return [...revokeLease(leases, 'revoke'), revokePrefix(leases, 'revoke-prefix'), revokeForce(leases, 'revoke-force')];
}
