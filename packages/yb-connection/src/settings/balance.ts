import { CofferError } from '@coffer/base';
import { type Findings, QUIET } from './values.ts';

export interface TopologyKey {
  /** `*`: any cloud, region or zone; likewise in the two below. */
  readonly cloud: string;
  readonly region: string;
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
 * Parses `cloud.region.zone[:level],...`. Empty text means no keys. Whatever the Go plugin's driver takes can be stored, and
 * then stays usable (yugabyte/pgx v5.5.3-yb-3: load_balance.go, validateTopologyKeys).
 *
 * @throws CofferError `invalid-request` naming `topology_keys` and the entry
 */
export function parseTopologyKeys(text: string, findings: Findings = QUIET): readonly TopologyKey[] {
  if (text.trim() === '') return [];
  const keys: TopologyKey[] = [];
  for (const entry of text.split(',').map((part) => part.trim())) {
    if (entry === '')
      findings.refuse('field "topology_keys": there is an extra comma', 'topology_keys: there is an extra comma');
    else keys.push(parseKey(entry, findings));
  }
  warnOfRepeats(keys, findings);
  return keys;
}

function parseKey(entry: string, findings: Findings): TopologyKey {
  const [placement = '', levelText = '1', ...more] = entry.split(':');
  const [cloud = '', region = '', zone, ...deeper] = placement.split('.');
  const level = /^\+?\d+$/.test(levelText) ? Number(levelText) : 0;
  const problem = `field "topology_keys": ${JSON.stringify(entry)} is not of the form cloud.region.zone or cloud.region.zone:level (level 1 to 10; only the zone may be *)`;
  if (zone === undefined || deeper.length > 0 || more.length > 0 || level < 1 || level > 10) {
    throw new CofferError('invalid-request', problem);
  }
  const key: TopologyKey = { cloud, region, zone, level };
  const stored = storedMeaning(key);
  if (stored !== undefined) findings.refuse(problem, `topology_keys: ${JSON.stringify(entry)} ${stored}`);
  else if (region === '*') {
    const scope = cloud === '*' ? 'the whole cluster' : `the whole cloud ${JSON.stringify(cloud)}`;
    findings.warn(
      `topology_keys: ${JSON.stringify(entry)} is taken for ${scope}; in the drivers, only the zone may be *`,
    );
  }
  return key;
}

/** What a key means that is taken only where it is stored. */
function storedMeaning({ cloud, region, zone }: TopologyKey): string | undefined {
  if ([cloud, region, zone].some((part) => part !== '*' && !/^[^*\s]+$/.test(part))) return 'fits no node';
  const onlyTheEnd = cloud === '*' ? region === '*' && zone === '*' : region !== '*' || zone === '*';
  return onlyTheEnd ? undefined : 'means any where it has *';
}

function warnOfRepeats(keys: readonly TopologyKey[], findings: Findings): void {
  const seen = new Set<string>();
  for (const { cloud, region, zone } of keys) {
    const placement = `${cloud}.${region}.${zone}`;
    if (seen.has(placement)) findings.warn(`topology_keys: of ${JSON.stringify(placement)} the lowest level counts`);
    seen.add(placement);
  }
}
