import type { MountTable } from '@coffer/core';
import type { Path, TtlLimits } from '@coffer/framework';
import { tuneMount } from './tune-mount.ts';

/** `sys/auth/:path/tune`. */
export function authTunePaths(mounts: MountTable, systemTtl: TtlLimits): Path[] {
  return [tuneMount(mounts, systemTtl, { pattern: 'auth/:path*/tune', prefix: 'auth/', sudo: true })];
}
