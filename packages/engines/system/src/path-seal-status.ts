import type { SealControl } from '@coffer/core';
import { definePath, type Path } from '@coffer/framework';
import { sealStatusView } from './seal-status-view.ts';
import type { ServerInfo } from './server-info.ts';

/** `sys/seal-status`: answered without a token, and while sealed. */
export function sealStatusPaths(server: ServerInfo, seal: Pick<SealControl, 'status'>): Path[] {
  return [
    definePath({
      pattern: 'seal-status',
      fields: {},
      unauthenticated: true,
      local: true,
      synopsis: 'Returns the seal status of the server.',
      read: async () => ({ shape: 'raw', data: sealStatusView(server, await seal.status()) }),
    }),
  ];
}
