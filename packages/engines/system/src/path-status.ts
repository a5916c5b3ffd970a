import type { Path } from '@coffer/core';
import { definePath } from '@coffer/core';

export interface ServerInfo {
  /** Semantic version without `v`: clients such as Terraform's provider parse it. */
  readonly version: string;
  readonly clusterName: string;
  readonly clusterId: string;
  readonly storageType: string;
}

/** `sys/seal-status`, `sys/health`, `sys/leader`, `sys/init`: what is asked before there is a token. */
export function statusPaths(server: ServerInfo): Path[] {
  return [
    definePath({
      pattern: 'seal-status',
      fields: {},
      unauthenticated: true,
      synopsis: 'Returns the seal status of the server.',
      read: async () => ({
        shape: 'raw',
        data: {
          type: 'shamir',
          initialized: true,
          sealed: false,
          t: 1,
          n: 1,
          progress: 0,
          nonce: '',
          recovery_seal: false,
          version: server.version,
          commit_date: '',
          migration: false,
          cluster_name: server.clusterName,
          cluster_id: server.clusterId,
          storage_type: server.storageType,
        },
      }),
    }),
    definePath({
      pattern: 'health',
      fields: {},
      otherFields: 'accept',
      unauthenticated: true,
      synopsis: 'Returns the health of the server.',
      read: async () => ({
        shape: 'raw',
        data: {
          initialized: true,
          sealed: false,
          standby: false,
          replication_performance_mode: 'disabled',
          replication_dr_mode: 'disabled',
          server_time_utc: Math.floor(Date.now() / 1000),
          version: server.version,
          cluster_name: server.clusterName,
          cluster_id: server.clusterId,
        },
      }),
    }),
    definePath({
      pattern: 'leader',
      fields: {},
      unauthenticated: true,
      synopsis: 'Returns whether high availability is on. One node serves alone for now.',
      read: async () => ({ shape: 'raw', data: { ha_enabled: false } }),
    }),
    definePath({
      pattern: 'init',
      fields: {},
      unauthenticated: true,
      synopsis: 'Returns whether the server has been initialized.',
      read: async () => ({ shape: 'raw', data: { initialized: true } }),
    }),
  ];
}
