import type { Leases } from '@coffer/core';
import type { Path, TokenStore } from '@coffer/framework';
import { revokeForce, revokeLease, revokePrefix } from './revoke-lease.ts';

/** `sys/revoke`, `sys/revoke-prefix`, `sys/revoke-force`: older spellings of the same below `sys/leases`. */
export function revokePaths(leases: Leases, tokens: TokenStore): Path[] {
  return [
    ...revokeLease(leases, 'revoke'),
    revokePrefix(leases, tokens, 'revoke-prefix'),
    revokeForce(leases, tokens, 'revoke-force'),
  ];
}
