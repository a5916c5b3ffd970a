import { CofferError } from '@coffer/base';
import type { SealControl } from '@coffer/core';
import { definePath, type Path } from '@coffer/framework';
import type { ServerInfo } from './server-info.ts';

const IGNORED = { type: 'string', description: 'Accepted and ignored: there are no standby nodes.' } as const;

/**
 * `sys/health`: answered without a token, and while sealed. Never waits for the store. The statuses and parameters are those of
 * openbao/openbao:internal/http/sys_health.go, and of Vault's `haunhealthycode`; there are no standby nodes.
 */
export function healthPaths(server: ServerInfo, seal: Pick<SealControl, 'status' | 'node'>): Path[] {
  return [
    definePath({
      pattern: 'health',
      fields: {
        activecode: { type: 'string', description: 'Status when unsealed. Default 200.' },
        sealedcode: { type: 'string', description: 'Status when sealed. Default 503.' },
        uninitcode: { type: 'string', description: 'Status before initialization. Default 501.' },
        haunhealthycode: {
          type: 'string',
          description: 'Status when unsealed, but requests should go to another node. Default: that of "sealedcode".',
        },
        standbycode: IGNORED,
        standbyok: IGNORED,
        perfstandbyok: IGNORED,
        performancestandbycode: IGNORED,
        drsecondarycode: IGNORED,
        removedcode: IGNORED,
      },
      otherFields: 'accept',
      unauthenticated: true,
      local: true,
      synopsis: 'Returns the health of the server.',
      description:
        'The HTTP status tells a load balancer what it needs to know: 200 unsealed, 501 not initialized, 503 sealed. ' +
        'Also 503, with a "reason", while the server is about to shut down (shutdown_delay), has not heard from the database of its ' +
        'store for ten seconds, or has a wrong clock. A sealed server that waits for the one that opens its seal says so too. ' +
        'Parameters change each status. HEAD works too.',
      read: async ({ fields }) => {
        const { initialized, sealed, cluster, problem: sealProblem } = await seal.status();
        const active = statusCode('activecode', fields.activecode, 200);
        const whenSealed = statusCode('sealedcode', fields.sealedcode, 503);
        const uninitialized = statusCode('uninitcode', fields.uninitcode, 501);
        // Whoever lets a sealed node live must not end one that will recover by itself.
        const unhealthy = statusCode('haunhealthycode', fields.haunhealthycode, whenSealed);
        const problem = seal.node.problem ?? sealProblem;
        return {
          shape: 'raw',
          status: !initialized ? uninitialized : sealed ? whenSealed : problem === undefined ? active : unhealthy,
          data: {
            initialized,
            sealed,
            standby: sealed,
            replication_performance_mode: sealed ? 'unknown' : 'disabled',
            replication_dr_mode: sealed ? 'unknown' : 'disabled',
            server_time_utc: Math.floor(Date.now() / 1000),
            version: server.version,
            ...(cluster && { cluster_name: cluster.name, cluster_id: cluster.id }),
            ...(problem !== undefined && { reason: problem }),
          },
        };
      },
    }),
  ];
}

function statusCode(name: string, text: string | undefined, byDefault: number): number {
  if (text === undefined || text === '') return byDefault;
  if (/^[2-5]\d\d$/.test(text)) return Number(text);
  throw new CofferError('invalid-request', `query parameter "${name}" must be an HTTP status from 200 to 599`);
}
