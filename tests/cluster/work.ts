/** What all clients share, and what one of them has. */
import type { JsonValue } from '@coffer/base';
import { type Balancer, NodeAway, type Request } from './balancer.ts';
import type { ClusterUnderTest } from './cluster-under-test.ts';
import type { Findings } from './findings.ts';
import { History } from './history.ts';
import type { Value } from './linearizable.ts';
import type { Random } from './random.ts';

export interface Work {
  readonly cluster: ClusterUnderTest;
  readonly balancer: Balancer;
  readonly findings: Findings;
  readonly histories: Histories;
}

export interface Worker extends Work {
  readonly name: string;
  readonly random: Random;
}

/** One history a key, made when it is first asked for. */
export class Histories {
  readonly #byKey = new Map<string, History>();
  readonly #report: (violation: string) => void;

  constructor(report: (violation: string) => void) {
    this.#report = report;
  }

  of(key: string): History {
    const found = this.#byKey.get(key) ?? new History(key, this.#report);
    this.#byKey.set(key, found);
    return found;
  }

  get all(): History[] {
    return [...this.#byKey.values()];
  }
}

/** Does it at each node, now that something was answered. */
export async function atEachNode({ cluster }: Work, look: (where: Where) => Promise<void>): Promise<void> {
  for (const node of cluster.nodes) {
    if (!node.working) continue;
    await look({ node, once: true }).catch((error: unknown) => {
      if (!(error instanceof NodeAway)) throw error;
    });
  }
}

/** A request goes there; without a node wherever the balancer says. */
export type Where = Pick<Request, 'node' | 'once'>;

/** Values are numbers, so that each is written once. */
export class Versions {
  #last = 0;

  next(): number {
    return ++this.#last;
  }
}

export const is =
  (value: Value) =>
  (held: Value): boolean =>
    held === value;
export const isThere = (held: Value): boolean => held !== undefined;
export const isAbsent = (held: Value): boolean => held === undefined;

/** A string of an answer; anything else as JSON, so that it can be told. */
export function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

export function shown(value: Value): string {
  return value === undefined ? 'absent' : value;
}
