import type { ClusterIdentity } from './cluster-identity.ts';
import type { SealStatus } from './seal-control.ts';
import type { SealRecord } from './seal-rows.ts';
import type { StaticSeal } from './static-seal.ts';

/** `cluster`: of an open seal. */
export function statusOf(
  record: SealRecord | undefined,
  staticSeal: StaticSeal | undefined,
  { progress, nonce }: Pick<SealStatus, 'progress' | 'nonce'>,
  cluster: ClusterIdentity | undefined,
): SealStatus {
  const type = record?.config.type ?? staticSeal?.type ?? 'shamir';
  return {
    type,
    initialized: record !== undefined,
    sealed: cluster === undefined,
    shares: record?.config.shares ?? 0,
    threshold: record?.config.threshold ?? 0,
    ...{ progress, nonce },
    recoverySeal: type === 'static',
    ...(cluster && { cluster }),
  };
}
