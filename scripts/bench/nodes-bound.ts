/** What round trips allow: the rate that nodes can reach over a network of a given delay, and what it is that stops them. */
import type { Pools } from './nodes-cluster.ts';

export interface Load {
  readonly clients: number;
  readonly nodes: number;
  /** For each round trip. */
  readonly delayMs: number;
  readonly pools: Pools;
  /** Round trips to store and target that an answer waits for, one after the other. */
  readonly trips: readonly [store: number, target: number];
  /** Round trips a request as they went over the network: requests that wait together may share some. */
  readonly seen: readonly [store: number, target: number];
  /** Requests a second of the same nodes and clients without a delay, where that is known. */
  readonly undelayed?: number | undefined;
}

export type Cap = 'clients' | 'store pool' | 'target pool' | 'processor';
export interface Bound {
  /** Requests a second. */
  readonly rate: number;
  readonly cap: Cap;
}

/**
 * The lowest of four rates; undefined without a delay, where only the processors count:
 *
 * - clients / (round trips × delay): each client waits for every round trip of its request, one after the other.
 * - nodes × pool / (round trips × delay), for store and target: a round trip takes a connection for as long as it lasts. Of
 *   those that went over the network if they were fewer; more of them are the nodes' doing, and no reason to expect less.
 * - what the same processors do without a delay.
 */
export function boundOf(load: Load): Bound | undefined {
  const { clients, nodes, delayMs, pools, trips, seen, undelayed } = load;
  if (delayMs === 0) return undefined;
  const seconds = delayMs / 1000;
  const caps: readonly Bound[] = [
    { cap: 'clients', rate: clients / ((trips[0] + trips[1]) * seconds) },
    { cap: 'store pool', rate: (nodes * pools.store) / (Math.min(trips[0], seen[0]) * seconds) },
    { cap: 'target pool', rate: (nodes * pools.target) / (Math.min(trips[1], seen[1]) * seconds) },
    { cap: 'processor', rate: undelayed ?? Number.POSITIVE_INFINITY },
  ];
  return caps.reduce((lowest, each) => (each.rate < lowest.rate ? each : lowest));
}
