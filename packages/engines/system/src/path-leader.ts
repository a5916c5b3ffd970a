import { formatTime } from '@coffer/base';
import type { NodeControl } from '@coffer/core';
import { definePath, type Path } from '@coffer/framework';

/** `sys/leader`: answered without a token, and while sealed. */
export function leaderPaths(node: Pick<NodeControl, 'isShared' | 'address' | 'openSince'>): Path[] {
  return [
    definePath({
      pattern: 'leader',
      fields: {},
      unauthenticated: true,
      local: true,
      synopsis: 'Returns whether high availability is on, and which node is active.',
      description:
        'With a shared store, every unsealed server handles all requests itself and reports itself as the leader. ' +
        'Requests are never forwarded.',
      read: async () => {
        const { isShared, address, openSince } = node;
        if (!isShared || openSince === undefined) return { shape: 'raw', data: { ha_enabled: isShared } };
        return {
          shape: 'raw',
          data: {
            ha_enabled: true,
            is_self: true,
            active_time: formatTime(openSince),
            leader_address: address,
            leader_cluster_address: '',
          },
        };
      },
    }),
  ];
}
