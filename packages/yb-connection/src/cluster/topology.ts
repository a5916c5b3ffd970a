import type { BalancePolicy, TopologyKey } from '../settings/balance.ts';

export type NodeType = 'primary' | 'read_replica' | 'other';

/** A node as `yb_servers()` lists it. */
export interface ClusterNode {
  /** `host:port` of the private address, by which we identify the node. */
  readonly key: string;
  readonly host: string;
  readonly port: number;
  readonly type: NodeType;
  readonly cloud: string;
  readonly region: string;
  readonly zone: string;
  /** Empty if the node has none. */
  readonly publicIp: string;
}

/**
 * Groups of nodes in the order in which to try them; within a group the least loaded node goes first. Each node is in the first
 * group that it fits. This follows yb:docs/content/stable/drivers-orms/smart-drivers.md, which the JDBC driver's code agrees
 * with; levels may have gaps.
 */
export function candidateGroups(
  nodes: readonly ClusterNode[],
  policy: BalancePolicy,
): readonly (readonly ClusterNode[])[] {
  const { mode } = policy;
  const prefers = mode === 'prefer-primary' || mode === 'prefer-rr';
  const wanted = wantedType(policy);
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

/** Whether no other node could be preferred to this one, whichever the cluster comes to list. */
export function isFirstChoice(node: ClusterNode, policy: BalancePolicy): boolean {
  const wanted = wantedType(policy);
  if (wanted !== undefined && node.type !== wanted) return false;
  const first = Math.min(...policy.topologyKeys.map(({ level }) => level));
  return first === Infinity || policy.topologyKeys.some((key) => key.level === first && matches(key, node));
}

/** Whether the policy prefers no connection to one with a node that it does not allow. */
export function isStrict(policy: BalancePolicy): boolean {
  if (policy.mode.startsWith('only-')) return true;
  return policy.topologyKeysOnly && policy.topologyKeys.length > 0 && !policy.mode.startsWith('prefer-');
}

function wantedType({ mode }: BalancePolicy): NodeType | undefined {
  if (mode === 'any') return undefined;
  return mode === 'only-primary' || mode === 'prefer-primary' ? 'primary' : 'read_replica';
}

function matches(key: TopologyKey, node: ClusterNode): boolean {
  const fits = (wanted: string, own: string): boolean => wanted === '*' || wanted === own;
  return fits(key.cloud, node.cloud) && fits(key.region, node.region) && fits(key.zone, node.zone);
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

/** The node with the lowest load; `random` (0 inclusive to 1 exclusive) breaks ties. */
export function leastLoaded<N>(nodes: readonly N[], load: (node: N) => number, random: () => number): N | undefined {
  const least = Math.min(...nodes.map(load));
  const best = nodes.filter((node) => load(node) === least);
  return best[Math.floor(random() * best.length)];
}

/** Takes the least loaded node out of a list; one by lot among equals. */
export function take(nodes: ClusterNode[], load: (node: ClusterNode) => number): ClusterNode | undefined {
  const node = leastLoaded(nodes, load, Math.random);
  if (node !== undefined) nodes.splice(nodes.indexOf(node), 1);
  return node;
}
