/**
 * Harms nodes and their connections, several at a time, but always leaves one node that works, unless there is only one. One is left
 * alone for a while: whoever declares others dead must have been well himself for as long as makes a node dead.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterNode } from './cluster-node.ts';
import type { ClusterUnderTest } from './cluster-under-test.ts';
import type { Findings } from './findings.ts';
import type { Random } from './random.ts';

/** How often each is done, in proportion. */
export const FAULTS = {
  /** SIGKILL, and a new start. */
  kill: 3,
  /** SIGSTOP, and SIGCONT later. */
  stop: 3,
  /** SIGTERM, and a new start. */
  restart: 1,
  /** A node's connections to the store end. */
  'drop-store': 3,
  /** A node's store does not answer for a while. */
  'freeze-store': 1,
  /** All connections to the target end. */
  'drop-target': 2,
};
export type FaultKind = keyof typeof FAULTS;

/** How long a node is left alone, in milliseconds. */
const CALM_MS = 30_000;

export interface NemesisOptions {
  readonly rates: Readonly<Record<FaultKind, number>>;
  /** Between the beginnings of two faults. */
  readonly pauseMs: readonly [least: number, most: number];
  readonly stopMs: readonly [least: number, most: number];
  readonly freezeMs: readonly [least: number, most: number];
  /** A killed node stays away that long. */
  readonly awayMs: readonly [least: number, most: number];
}

export class Nemesis {
  readonly #cluster: ClusterUnderTest;
  readonly #findings: Findings;
  readonly #random: Random;
  readonly #options: NemesisOptions;
  readonly #underWay = new Set<Promise<void>>();
  /** The node that is left alone, and until when. */
  #calm: { readonly node: ClusterNode; readonly until: number } | undefined;
  /** Each kind is done once, before chance decides. */
  readonly #first: FaultKind[];

  constructor(cluster: ClusterUnderTest, findings: Findings, random: Random, options: NemesisOptions) {
    this.#cluster = cluster;
    this.#findings = findings;
    this.#random = random;
    this.#options = options;
    const kinds = (Object.keys(options.rates) as FaultKind[]).filter((kind) => options.rates[kind] > 0);
    this.#first = kinds
      .map((kind) => ({ kind, place: random.next() }))
      .sort((a, b) => a.place - b.place)
      .map(({ kind }) => kind);
  }

  /** Until told to stop; then everything is whole again: all nodes run and are unsealed. */
  async run(stop: AbortSignal): Promise<void> {
    const idle = Object.values(this.#options.rates).every((rate) => rate === 0);
    while (!stop.aborted) {
      await pause(this.#between(this.#options.pauseMs), stop);
      if (stop.aborted || idle) continue;
      const fault = this.#strike(stop)
        .catch((error: unknown) => this.#findings.violation(error instanceof Error ? error.message : String(error)))
        .finally(() => this.#underWay.delete(fault));
      this.#underWay.add(fault);
    }
    await Promise.all(this.#underWay);
    for (const node of this.#cluster.nodes) if (node.state === 'down') await node.start();
    for (const node of this.#cluster.nodes) await node.untilOpen();
  }

  async #strike(stop: AbortSignal): Promise<void> {
    const kind = this.#first[0] ?? this.#random.weighted(this.#options.rates);
    const { nodes } = this.#cluster;
    const node = this.#random.pick(nodes.length === 1 ? nodes : nodes.filter((each) => each !== this.#leftAlone()));
    const spared = nodes.length === 1 || nodes.some((other) => other !== node && other.working);
    if (kind === 'drop-target') this.#cluster.target.dropAll();
    else if (!node.working || !spared) return;
    this.#first.shift();
    this.#findings.count(`faults/${kind}`);
    if (kind === 'kill') {
      await node.kill();
      await pause(this.#between(this.#options.awayMs), stop);
      await node.start();
    } else if (kind === 'restart') {
      const code = await node.end();
      if (code !== 0) this.#findings.violation(`${node.name} ended with ${code ?? 'SIGKILL'} after SIGTERM`);
      await node.start();
    } else if (kind === 'stop') {
      node.stop();
      await pause(this.#between(this.#options.stopMs), stop);
      node.wake();
    } else if (kind === 'drop-store') {
      node.dropStore();
    } else if (kind === 'freeze-store') {
      await this.#freeze(node, stop);
    }
  }

  #leftAlone(): ClusterNode {
    const now = performance.now();
    if (this.#calm === undefined || this.#calm.until < now) {
      // One that stands still would spend its calm asleep.
      const working = this.#cluster.nodes.filter((node) => node.working);
      const node = this.#random.pick(working.length > 0 ? working : this.#cluster.nodes);
      this.#calm = { node, until: now + CALM_MS };
    }
    return this.#calm.node;
  }

  async #freeze(node: ClusterNode, stop: AbortSignal): Promise<void> {
    node.cutOff(true);
    await pause(this.#between(this.#options.freezeMs), stop);
    node.cutOff(false);
  }

  #between([least, most]: readonly [number, number]): number {
    return least + this.#random.next() * (most - least);
  }
}

async function pause(ms: number, stop: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal: stop }).catch(() => undefined);
}
