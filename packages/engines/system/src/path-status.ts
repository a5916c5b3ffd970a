import { CofferError, type JsonObject } from '@coffer/base';
import { definePath, type Path } from '@coffer/framework';
import type { SealControl, SealStatus } from '@coffer/core';

export interface ServerInfo {
  /** Semantic version without `v`: clients such as Terraform's provider parse it. */
  readonly version: string;
  readonly storageType: string;
}

/** What `sys/seal-status` and `sys/unseal` answer, keys in Vault's order. */
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
    migration: false,
    ...(status.cluster && { cluster_name: status.cluster.name, cluster_id: status.cluster.id }),
    storage_type: server.storageType,
  };
}

/** `sys/seal-status`, `sys/health`, `sys/leader`: what is asked before there is a token, and while sealed. */
export function statusPaths(server: ServerInfo, seal: SealControl): Path[] {
  return [
    definePath({
      pattern: 'seal-status',
      fields: {},
      unauthenticated: true,
      synopsis: 'Returns the seal status of the server.',
      read: async () => ({ shape: 'raw', data: sealStatusView(server, await seal.status()) }),
    }),
    healthPath(server, seal),
    definePath({
      pattern: 'leader',
      fields: {},
      unauthenticated: true,
      synopsis: 'Returns whether high availability is on. One node serves alone for now.',
      read: async () => ({ shape: 'raw', data: { ha_enabled: false } }),
    }),
  ];
}

/** The statuses and parameters of openbao/openbao:http/sys_health.go; there are no standby nodes yet. */
function healthPath(server: ServerInfo, seal: SealControl): Path {
  const ignored = { type: 'string', description: 'Taken and not needed: there are no standby nodes.' } as const;
  return definePath({
    pattern: 'health',
    fields: {
      activecode: { type: 'string', description: 'Status when unsealed. Default 200.' },
      sealedcode: { type: 'string', description: 'Status when sealed. Default 503.' },
      uninitcode: { type: 'string', description: 'Status before initialization. Default 501.' },
      standbycode: ignored,
      standbyok: ignored,
      perfstandbyok: ignored,
      performancestandbycode: ignored,
      drsecondarycode: ignored,
    },
    otherFields: 'accept',
    unauthenticated: true,
    synopsis: 'Returns the health of the server.',
    description:
      'The status tells a load balancer what it needs: 200 unsealed, 501 not initialized, 503 sealed. Each can be set ' +
      'by a parameter. HEAD works too.',
    read: async ({ fields }) => {
      const { initialized, sealed, cluster } = await seal.status();
      const active = statusCode('activecode', fields.activecode, 200);
      const whenSealed = statusCode('sealedcode', fields.sealedcode, 503);
      const uninitialized = statusCode('uninitcode', fields.uninitcode, 501);
      return {
        shape: 'raw',
        status: !initialized ? uninitialized : sealed ? whenSealed : active,
        data: {
          initialized,
          sealed,
          standby: sealed,
          replication_performance_mode: sealed ? 'unknown' : 'disabled',
          replication_dr_mode: sealed ? 'unknown' : 'disabled',
          server_time_utc: Math.floor(Date.now() / 1000),
          version: server.version,
          ...(cluster && { cluster_name: cluster.name, cluster_id: cluster.id }),
        },
      };
    },
  });
}

function statusCode(name: string, text: string | undefined, byDefault: number): number {
  if (text === undefined || text === '') return byDefault;
  if (/^[2-5]\d\d$/.test(text)) return Number(text);
  throw new CofferError('invalid-request', `query parameter "${name}" must be an HTTP status from 200 to 599`);
}
