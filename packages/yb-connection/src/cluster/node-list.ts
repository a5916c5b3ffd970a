import type { ClusterNode } from './topology.ts';

/** How long a node is remembered that yb_servers() no longer lists: it may only be cut off, and still serve sessions. */
const REMEMBER_MS = 15 * 60_000;

/** What yb_servers() last answered, and the nodes that it listed not long ago. */
export class NodeList {
  #current: readonly ClusterNode[] = [];
  /** Each with the time when it was first missing. */
  readonly #missing = new Map<string, { readonly node: ClusterNode; readonly since: number }>();
  #readAt: number | undefined;
  /** How many times the cluster was asked, and which of these the list is from. */
  #asked = 0;
  #answered = 0;

  get current(): readonly ClusterNode[] {
    return this.#current;
  }

  /** Nodes that have dropped out of the list recently. */
  get missing(): readonly ClusterNode[] {
    for (const [key, { since }] of this.#missing) {
      if (Date.now() - since > REMEMBER_MS) this.#missing.delete(key);
    }
    return [...this.#missing.values()].map(({ node }) => node);
  }

  /** The node, whether it is current or missing. */
  find(key: string): ClusterNode | undefined {
    return this.#current.find((node) => node.key === key) ?? this.missing.find((node) => node.key === key);
  }

  isOlderThan(seconds: number): boolean {
    return this.#readAt === undefined || Date.now() - this.#readAt >= seconds * 1000;
  }

  /** To be called before the cluster is asked; what it returns goes with the answer. */
  ask(): number {
    return ++this.#asked;
  }

  /** Does nothing when a later question has been answered already. */
  update(nodes: readonly ClusterNode[], question = this.ask()): void {
    if (question < this.#answered) return;
    this.#answered = question;
    const now = Date.now();
    for (const node of this.#current) this.#missing.set(node.key, { node, since: now });
    for (const node of nodes) this.#missing.delete(node.key);
    this.#current = nodes;
    this.#readAt = now;
  }
}
