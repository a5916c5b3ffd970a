import { definePath, type Path } from '@coffer/framework';

/** `sys/leader`: answered without a token, and while sealed. */
export function leaderPaths(): Path[] {
  return [
    definePath({
      pattern: 'leader',
      fields: {},
      unauthenticated: true,
      local: true,
      synopsis: 'Returns whether high availability is on. A server runs as a single node for now.',
      read: async () => ({ shape: 'raw', data: { ha_enabled: false } }),
    }),
  ];
}
