import type { Leases } from '@coffer/core';
import type { Path } from '@coffer/framework';
import { renewLease } from './renew-lease.ts';

/** `sys/renew`: an older spelling of `sys/leases/renew`. */
export function renewPaths(leases: Leases): Path[] {
  return renewLease(leases, 'renew');
}
