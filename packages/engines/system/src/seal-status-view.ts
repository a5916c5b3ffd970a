import type { JsonObject } from '@coffer/base';
import type { SealStatus } from '@coffer/core';
import type { ServerInfo } from './server-info.ts';

/** The seal as `sys/seal-status` and `sys/unseal` show it, keys in Vault's order. */
export function sealStatusView(server: ServerInfo, status: SealStatus): JsonObject {
  return {
    type: status.type,
    initialized: status.initialized,
    sealed: status.sealed,
    t: status.threshold,
    n: status.shares,
    progress: status.progress,
    nonce: status.nonce,
    recovery_seal: status.recoverySeal,
    ...(status.recoverySeal && { recovery_seal_type: 'shamir' }),
    version: server.version,
    commit_date: '',
    migration: status.migration,
    ...(status.cluster && { cluster_name: status.cluster.name, cluster_id: status.cluster.id }),
    storage_type: server.storageType,
    ...(status.problem !== undefined && { warnings: [status.problem] }),
  };
}
