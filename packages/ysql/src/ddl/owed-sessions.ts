import { type Backoff, backoffMs, errorText, type Logger } from '@coffer/base';
import { Failure } from '@coffer/yb-connection';

export interface OwedPolicy extends Backoff {
  /** After this time we give up on a user's sessions on a node. */
  readonly totalMs: number;
}

export const OWED_POLICY: OwedPolicy = {
  firstMs: 5_000,
  longestMs: 60_000,
  totalMs: 15 * 60_000,
};

/**
 * Tells the sessions of roles (by oid) on a node to end, and resolves with how many there were. Rejects if the node cannot be
 * asked. Once the signal is aborted, nobody is waiting for the answer.
 */
export type EndOnNode = (node: string, oids: readonly string[], signal: AbortSignal) => Promise<number>;

/**
 * Sessions that are still to be ended: on nodes that could not be reached, or where they do not end when told to, as in a wait for
 * another node (yugabyte-db issues 28983, 31943). Each node is asked again in the background until it answers that there are none
 * left. Only kept in memory: what is owed when the plugin stops is forgotten.
 */
export class OwedSessions {
  readonly #end: EndOnNode;
  readonly #logger: Logger;
  readonly #policy: OwedPolicy;
  /** Nodes that said, when they were last asked, that no server process runs there. */
  readonly #nobodyThere = new Set<string>();
  /** For each node the oids, each with the time at which we give up on it. */
  readonly #owed = new Map<string, Map<string, number>>();
  /** The oids of revoked users that may still have sessions, by name. */
  readonly #users = new Map<string, string>();
  readonly #closing = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #running = false;
  /** Rounds since something has been owed without a break. */
  #rounds = 0;

  constructor(end: EndOnNode, logger: Logger, policy: OwedPolicy = OWED_POLICY) {
    this.#end = end;
    this.#logger = logger;
    this.#policy = policy;
  }

  /** How many revoked users may still have sessions. */
  get users(): number {
    return this.#users.size;
  }

  /**
   * Returns at once, and logs nothing: the caller has already warned about the nodes. `nobodyThere`: no server process seems to run
   * there, so most likely no session either. It is asked again all the same, since a firewall may have said so.
   */
  owe(nodes: readonly string[], oids: readonly string[], { nobodyThere = false } = {}): void {
    if (this.#closing.signal.aborted) return;
    if (oids.length === 0) return;
    const until = Date.now() + this.#policy.totalMs;
    for (const node of nodes) {
      const owed = this.#owed.get(node) ?? new Map<string, number>();
      for (const oid of oids) owed.set(oid, until);
      this.#owed.set(node, owed);
      this.#note(node, nobodyThere);
    }
    this.#schedule();
  }

  /** A user was revoked, and its sessions have been told to end: until they have, {@link nodesOf} knows it by name. */
  revoked(user: string, oid: string): void {
    if (this.#isOwed(oid)) this.#users.set(user, oid);
  }

  /** The nodes on which sessions of a revoked user may go on. */
  nodesOf(user: string): readonly string[] {
    const oid = this.#users.get(user);
    if (oid === undefined) return [];
    return this.#nodesWith(oid);
  }

  #nodesWith(oid: string): readonly string[] {
    const nodes = [...this.#owed].filter(([node, owed]) => owed.has(oid) && !this.#nobodyThere.has(node));
    return nodes.map(([node]) => node);
  }

  #isOwed(oid: string): boolean {
    return this.#nodesWith(oid).length > 0;
  }

  #note(node: string, nobodyThere: boolean): void {
    if (nobodyThere) this.#nobodyThere.add(node);
    else this.#nobodyThere.delete(node);
  }

  /** Gives up at once, and waits for nothing. */
  close(): void {
    clearTimeout(this.#timer);
    this.#closing.abort();
    for (const [node, owed] of this.#owed) {
      this.#logger.warn('the connection was closed before the sessions of revoked users could be ended on a node', {
        node,
        users: owed.size,
      });
    }
    this.#owed.clear();
    this.#users.clear();
  }

  #schedule(): void {
    if (this.#owed.size === 0) this.#rounds = 0;
    if (this.#running || this.#timer !== undefined || this.#owed.size === 0) return;
    this.#rounds++;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#running = true;
        this.#round()
          .catch((error: unknown) => this.#logger.error(`ending owed sessions failed: ${errorText(error)}`))
          .finally(() => {
            this.#running = false;
            this.#schedule();
          });
      },
      backoffMs(this.#policy, this.#rounds),
    );
    // What is owed must not keep the plugin running.
    this.#timer.unref();
  }

  /** One node after the other, so that this takes up at most one connection. */
  async #round(): Promise<void> {
    for (const node of [...this.#owed.keys()]) {
      if (this.#closing.signal.aborted) return;
      await this.#endOn(node);
    }
    for (const [user, oid] of this.#users) if (!this.#isOwed(oid)) this.#users.delete(user);
  }

  async #endOn(node: string): Promise<void> {
    const owed = this.#owed.get(node);
    if (owed === undefined) return;
    // Only these, because more may be owed by the time the node has answered.
    const oids = [...owed.keys()];
    const left = await this.#ask(node, oids);
    if (this.#closing.signal.aborted) return;
    if (left === 0) {
      for (const oid of oids) owed.delete(oid);
      this.#logger.info('ended the sessions of revoked users on a node that was unreachable before', {
        node,
        users: oids.length,
      });
    } else this.#giveUp(node, owed);
    if (owed.size > 0) return;
    this.#owed.delete(node);
    this.#nobodyThere.delete(node);
  }

  /** Undefined if the node could not be asked. */
  async #ask(node: string, oids: readonly string[]): Promise<number | undefined> {
    try {
      const left = await this.#end(node, oids, this.#closing.signal);
      this.#note(node, false);
      return left;
    } catch (error) {
      this.#note(node, error instanceof Failure && error.nobodyThere);
      this.#logger.debug('a node is still unreachable, so its sessions could not be ended', {
        node,
        error: errorText(error),
      });
      return undefined;
    }
  }

  #giveUp(node: string, owed: Map<string, number>): void {
    const now = Date.now();
    const late = [...owed].filter(([, until]) => until <= now);
    if (late.length === 0) return;
    for (const [oid] of late) owed.delete(oid);
    this.#logger.warn('sessions of revoked users may still be open: a node failed to end them', {
      node,
      users: late.length,
    });
  }
}
