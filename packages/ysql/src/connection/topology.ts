import type { BalancePolicy, TopologyKey } from '../settings/balance.ts';

export type NodeType = 'primary' | 'read_replica';

/** A node as `yb_servers()` lists it. */
export interface ClusterNode {
  /** `host:port` of the private address: the node's identity here. */
  readonly key: string;
  readonly host: string;
  readonly port: number;
  readonly type: NodeType;
  readonly cloud: string;
  readonly region: string;
  readonly zone: string;
  /** Empty when the node has none. */
  readonly publicIp: string;
}

/**
 * Groups of nodes in the order in which they are to be tried; within a group the least loaded goes first. A node is in
 * the first group that takes it. Semantics: yb:docs/content/stable/drivers-orms/smart-drivers.md, which JDBC's code
 * agrees with; levels may have gaps.
 */
export function candidateGroups(
  nodes: readonly ClusterNode[],
  policy: BalancePolicy,
): readonly (readonly ClusterNode[])[] {
  const { mode } = policy;
  const prefers = mode === 'prefer-primary' || mode === 'prefer-rr';
  const wanted: NodeType | undefined =
    mode === 'any' ? undefined : mode === 'only-primary' || mode === 'prefer-primary' ? 'primary' : 'read_replica';
  const eligible = wanted === undefined ? nodes : nodes.filter((node) => node.type === wanted);

  const groups: (readonly ClusterNode[])[] = [];
  for (let level = 1; level <= 10; level++) {
    const keys = policy.topologyKeys.filter((key) => key.level === level);
    groups.push(eligible.filter((node) => keys.some((key) => matches(key, node))));
  }
  const levelsOnly = policy.topologyKeysOnly && policy.topologyKeys.length > 0 && !prefers;
  if (!levelsOnly) groups.push(eligible);
  if (prefers) groups.push(nodes);
  return withoutRepeats(groups);
}

function matches(key: TopologyKey, node: ClusterNode): boolean {
  return key.cloud === node.cloud && key.region === node.region && (key.zone === '*' || key.zone === node.zone);
}

function withoutRepeats(groups: readonly (readonly ClusterNode[])[]): readonly (readonly ClusterNode[])[] {
  const seen = new Set<string>();
  const result: (readonly ClusterNode[])[] = [];
  for (const group of groups) {
    const fresh = group.filter((node) => !seen.has(node.key));
    for (const node of fresh) seen.add(node.key);
    if (fresh.length > 0) result.push(fresh);
  }
  return result;
}

/** The node with the fewest connections of ours; ties are decided by `random` (0 inclusive to 1 exclusive). */
export function leastLoaded<N>(nodes: readonly N[], load: (node: N) => number, random: () => number): N | undefined {
  const least = Math.min(...nodes.map(load));
  const best = nodes.filter((node) => load(node) === least);
  return best[Math.floor(random() * best.length)];
}
