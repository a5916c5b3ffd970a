import { type Backoff, backoffMs, errorText, type Logger } from '@coffer/base';
import { Failure } from '../session/failure.ts';
import { NodeList } from './node-list.ts';
import type { Session } from '../session/session.ts';
import type { ClusterNode } from './topology.ts';
import { readNodes } from './yb-servers.ts';

/** How long yb_servers() may take. It is answered from memory, so what takes longer is most likely never answered. */
const QUESTION_MS = 5_000;
/** Who needs a connection does not wait for the next question after one that took longer. */
const SLOW_MS = 1_000;
/** When a question that has failed is asked again. */
const AGAIN: Backoff = { firstMs: 5_000, longestMs: 300_000 };

/**
 * The nodes of a cluster as `yb_servers()` names them, and when to ask for them. There is no timer: a question is put when somebody
 * needs the answer and the last one is too old. One that fails leaves the last answer standing, and is put again later and later.
 */
export class Discovery {
  readonly #list = new NodeList();
  readonly #refreshSeconds: number;
  readonly #logger: Logger;
  #asking: Promise<void> | undefined;
  /** Failed questions in a row. */
  #failures = 0;
  /** Not before this time, in milliseconds. */
  #nextAt = 0;
  #trouble: string | undefined;
  #slow = false;
  #missing = false;
  /** Which of a node's two addresses can be reached from here; undefined until one has been. */
  addressKind: 'private' | 'public' | undefined;
  /** The port of every node where the one that is listed is not the one to use. */
  #port: number | undefined;

  constructor(refreshSeconds: number, logger: Logger) {
    this.#refreshSeconds = refreshSeconds;
    this.#logger = logger;
  }

  get nodes(): readonly ClusterNode[] {
    return this.#list.current;
  }

  /** Nodes that have dropped out of the list recently. */
  get missing(): readonly ClusterNode[] {
    return this.#list.missing;
  }

  find(key: string): ClusterNode | undefined {
    return this.#list.find(key);
  }

  /** Why the last question failed; undefined if it was answered. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** Whether the last question took long, or was never answered: then nobody should wait for the next one. */
  get slow(): boolean {
    return this.#slow;
  }

  /** When the next question may be put, in milliseconds. */
  get nextAt(): number {
    return this.#nextAt;
  }

  /** Whether it is time to ask: the last answer is older than this, and nobody is asking. */
  due(seconds = this.#refreshSeconds): boolean {
    return this.#asking === undefined && Date.now() >= this.#nextAt && this.#list.isOlderThan(seconds);
  }

  /** Resolves when the question under way is over, if there is one. */
  async settled(): Promise<void> {
    await this.#asking;
  }

  /** Runs what ends in {@link ask}, as the one question under way. Never rejects: see {@link trouble}. */
  async during(work: () => Promise<unknown>): Promise<void> {
    const asking = work().then(
      () => undefined,
      (error: unknown) => this.#fail(error),
    );
    this.#asking = asking;
    try {
      await asking;
    } finally {
      if (this.#asking === asking) this.#asking = undefined;
    }
  }

  /** {@link during}, for work that nobody waits for. */
  inBackground(work: () => Promise<void>): void {
    this.during(work).catch((error: unknown) => {
      throw error;
    });
  }

  /** Asks over `session`, which does not survive a question that hangs. Never rejects: see {@link trouble}. */
  async ask(session: Session): Promise<void> {
    await this.during(() => this.askOver(session));
  }

  /**
   * Resolves with the answer; with undefined where there is no such function.
   * @throws Failure if the question failed
   */
  async askOver(session: Session): Promise<readonly ClusterNode[] | undefined> {
    const question = this.#list.ask();
    const begin = performance.now();
    const patience = setTimeout(() => {
      session.giveUp(`yb_servers() gave no answer in ${QUESTION_MS / 1000} s`);
    }, QUESTION_MS).unref();
    let listed: readonly ClusterNode[] | undefined;
    try {
      listed = await readNodes(session);
    } finally {
      clearTimeout(patience);
      this.#slow = performance.now() - begin >= SLOW_MS;
    }
    if (listed === undefined) {
      this.#noteMissing();
      return undefined;
    }
    if (listed.length === 0) throw new Failure('busy', 'yb_servers() lists no node with an address');
    const nodes = this.#withPort(listed, session);
    this.#list.update(nodes, question);
    this.#failures = 0;
    this.#nextAt = 0;
    this.#trouble = undefined;
    this.#missing = false;
    this.#learnAddressKind(session);
    return nodes;
  }

  /** The node that a connection leads to, found by its address. */
  locate(session: Session): ClusterNode | undefined {
    return this.nodes.find((node) => {
      if (session.node !== undefined) return node.key === session.node;
      return node.port === session.identity.port && isHostOf(node, session);
    });
  }

  /** The addresses by which a node may be reached from here, the likely one first; none if there is no such address. */
  hostsOf(node: ClusterNode): readonly string[] {
    const publicHosts = node.publicIp === '' ? [] : [node.publicIp];
    if (this.addressKind === 'public') return publicHosts;
    return this.addressKind === 'private' ? [node.host] : [node.host, ...publicHosts];
  }

  #fail(error: unknown): void {
    this.#failures++;
    this.#nextAt = Date.now() + backoffMs(AGAIN, this.#failures);
    this.#trouble = errorText(error);
    this.#logger.warn('failed to get the list of nodes from yb_servers()', { error: this.#trouble });
  }

  /** An old YugabyteDB, PostgreSQL, or a cluster that is being upgraded: it may be there later. */
  #noteMissing(): void {
    if (!this.#missing) {
      this.#logger.warn('the server has no function yb_servers(): connections are not balanced across nodes');
    }
    const { firstMs, longestMs } = AGAIN;
    const again = { firstMs: Math.min(longestMs, Math.max(firstMs, this.#refreshSeconds * 1000)), longestMs };
    this.#missing = true;
    this.#trouble = undefined;
    this.#failures++;
    this.#nextAt = Date.now() + backoffMs(again, this.#failures);
  }

  /**
   * The YSQL Connection Manager takes the port of YSQL, and then yb_servers() names one port and the admin another. Whoever
   * configured a port for a node that is listed under another one wants that port on all of them.
   */
  #withPort(nodes: readonly ClusterNode[], session: Session): readonly ClusterNode[] {
    const { port } = session.identity;
    const own = nodes.filter((node) => isHostOf(node, session));
    const onePerHost = new Set(nodes.map(({ host }) => host)).size === nodes.length;
    if (own.length > 0) {
      const before = this.#port;
      this.#port = onePerHost && own.every((node) => node.port !== port) ? port : undefined;
      // A single node is the one that we are connected to already.
      if (this.#port !== undefined && this.#port !== before && nodes.length > 1) {
        const listed = own[0]?.port;
        this.#logger.warn(
          'yb_servers() lists the configured host with another port; using the configured port for all nodes',
          {
            configured: port,
            listed,
          },
        );
      }
    }
    const only = this.#port;
    return only === undefined ? nodes : nodes.map((node) => ({ ...node, port: only, key: `${node.host}:${only}` }));
  }

  #learnAddressKind(session: Session): void {
    if (this.addressKind !== undefined) return;
    const located = this.locate(session);
    if (located === undefined) return;
    const { host, address } = session.identity;
    this.addressKind = [host, address].includes(located.host) ? 'private' : 'public';
  }
}

function isHostOf({ host, publicIp }: ClusterNode, { identity }: Session): boolean {
  return [host, publicIp].some((own) => own !== '' && (own === identity.host || own === identity.address));
}
