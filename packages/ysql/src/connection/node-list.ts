import type { ClusterNode } from './topology.ts';

/** For how long a node that yb_servers() does not name any more is remembered: it may be cut off, and serve its sessions. */
const REMEMBER_MILLISECONDS = 15 * 60_000;

/** What yb_servers() answered last, and the nodes that it named not long ago. */
export class NodeList {
  #current: readonly ClusterNode[] = [];
  /** With the time at which each was missed first. */
  readonly #missing = new Map<string, { readonly node: ClusterNode; readonly since: number }>();
  #readAt: number | undefined;

  get current(): readonly ClusterNode[] {
    return this.#current;
  }

  /** Nodes that were named until a while ago. */
  get missing(): readonly ClusterNode[] {
    for (const [key, { since }] of this.#missing) {
      if (Date.now() - since > REMEMBER_MILLISECONDS) this.#missing.delete(key);
    }
    return [...this.#missing.values()].map(({ node }) => node);
  }

  /** Current or missing. */
  find(key: string): ClusterNode | undefined {
    return this.#current.find((node) => node.key === key) ?? this.missing.find((node) => node.key === key);
  }

  isOlderThan(seconds: number): boolean {
    return this.#readAt === undefined || Date.now() - this.#readAt >= seconds * 1000;
  }

  update(nodes: readonly ClusterNode[]): void {
    const now = Date.now();
    for (const node of this.#current) this.#missing.set(node.key, { node, since: now });
    for (const node of nodes) this.#missing.delete(node.key);
    this.#current = nodes;
    this.#readAt = now;
  }
}
