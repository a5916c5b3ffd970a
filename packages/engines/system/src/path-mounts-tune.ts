import type { MountTable } from '@coffer/core';
import type { Path, TtlLimits } from '@coffer/framework';
import { tuneMount } from './tune-mount.ts';

/** `sys/mounts/:path/tune`. */
export function mountsTunePaths(mounts: MountTable, systemTtl: TtlLimits): Path[] {
  return [tuneMount(mounts, systemTtl, { pattern: 'mounts/:path*/tune', prefix: '', sudo: false })];
}
