import type { ConfiguredSeals } from './configured-seals.ts';
import type { ClusterIdentity } from './cluster-identity.ts';
import type { SealStatus } from './seal-control.ts';
import type { SealRecord } from './seal-rows.ts';

/** `cluster`: of an open seal. `problem`: why it does not open by itself. */
export function statusOf(
  record: SealRecord | undefined,
  seals: ConfiguredSeals,
  { progress, nonce }: Pick<SealStatus, 'progress' | 'nonce'>,
  cluster: ClusterIdentity | undefined,
  problem: string | undefined,
): SealStatus {
  const type = record?.config.type ?? seals.type;
  return {
    type,
    initialized: record !== undefined,
    sealed: cluster === undefined,
    migration: cluster === undefined && record !== undefined && seals.isMigration(record.config),
    shares: record?.config.shares ?? 0,
    threshold: record?.config.threshold ?? 0,
    ...{ progress, nonce },
    recoverySeal: type !== 'shamir',
    ...(cluster && { cluster }),
    ...(cluster === undefined && problem !== undefined && { problem }),
  };
}
