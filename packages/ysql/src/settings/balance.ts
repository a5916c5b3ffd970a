import { CofferError } from '@coffer/base';

export interface TopologyKey {
  readonly cloud: string;
  readonly region: string;
  /** `*`: any zone of the region. */
  readonly zone: string;
  /** 1 (first) to 10. */
  readonly level: number;
}

export type BalanceMode = 'any' | 'only-primary' | 'only-rr' | 'prefer-primary' | 'prefer-rr';

/** How connections are spread over the nodes of a cluster. */
export interface BalancePolicy {
  readonly mode: BalanceMode;
  readonly topologyKeys: readonly TopologyKey[];
  /** Nodes outside of `topologyKeys` are never used. Ignored by the `prefer-` modes. */
  readonly topologyKeysOnly: boolean;
}

/**
 * Parses `cloud.region.zone[:level],...`. Empty text means no keys.
 *
 * @throws CofferError `invalid-request` naming `topology_keys` and the entry
 */
export function parseTopologyKeys(text: string): readonly TopologyKey[] {
  if (text.trim() === '') return [];
  return text.split(',').map((entry) => {
    const match = /^([^.:*\s]+)\.([^.:*\s]+)\.([^.:*\s]+|\*)(?::(\d+))?$/.exec(entry.trim());
    const [, cloud, region, zone] = match ?? [];
    const level = match?.[4] === undefined ? 1 : Number(match[4]);
    if (cloud === undefined || region === undefined || zone === undefined || level < 1 || level > 10) {
      throw new CofferError(
        'invalid-request',
        `field "topology_keys": ${JSON.stringify(entry.trim())} is not of the form cloud.region.zone or cloud.region.zone:level (level 1 to 10; only the zone may be *)`,
      );
    }
    return { cloud, region, zone, level };
  });
}
