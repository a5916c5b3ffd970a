import { errorText, type Logger } from '@coffer/base';
import type { BalancePolicy } from '../settings/balance.ts';
import type { Endpoint, YsqlSettings } from '../settings/settings.ts';
import { Failure } from './failure.ts';
import { NodeList } from './node-list.ts';
import type { Session, SessionWish } from './session.ts';
import { passes, ReadOnlyPlaces, type Wanted } from './target-session.ts';
import { candidateGroups, type ClusterNode, leastLoaded } from './topology.ts';
import { readNodes } from './yb-servers.ts';

export type Dial = (target: Endpoint, database: string, wanted?: Wanted) => Promise<Session>;

/** A node that has just joined may have a session to end; the smart drivers' interval would be too long for that. */
const EVERY_NODE_SECONDS = 30;

interface NodeState {
  /** Our connections to it, including those that are being opened. */
  connections: number;
  /** When it last could not be reached, in milliseconds; undefined if it has been reached since, or never failed. */
  failedAt: number | undefined;
  /** When it last refused to write, in milliseconds. */
  readOnlyAt?: number;
}

/**
 * The nodes of one cluster, as one Database instance alone knows them. The list is refreshed only when a connection is wanted
 * and the last answer is too old (the smart drivers' lazy refresh). There is no timer and no permanent control connection: the
 * connection that asked is itself used if its node is the one chosen.
 */
export class Cluster {
  readonly #settings: YsqlSettings;
  readonly #dial: Dial;
  readonly #logger: Logger;
  readonly #nodes = new NodeList();
  readonly #readOnlyHosts = new ReadOnlyPlaces();
  readonly #states = new Map<string, NodeState>();
  #refreshing: Promise<void> | undefined;
  /** Set once the server turns out to have no yb_servers(): an old YugabyteDB, or PostgreSQL. */
  #withoutFunction = false;
  /** Which of a node's two addresses can be reached from here; undefined until one has been. */
  #addressKind: 'private' | 'public' | undefined;

  constructor(settings: YsqlSettings, dial: Dial, logger: Logger) {
    this.#settings = settings;
    this.#dial = dial;
    this.#logger = logger;
  }

  /**
   * Opens a connection to the node that load balancing picks, or to the one in the wish.
   *
   * @throws Failure, CofferError as {@link connect}
   */
  async open(wish: SessionWish = {}): Promise<Session> {
    const database = wish.database ?? this.#settings.database;
    if (wish.node !== undefined) return await this.#openNode(wish.node, database);
    if (this.#settings.balance === undefined || this.#withoutFunction) return await this.#openContact(database);
    const control = await this.#refreshIfDue(database);
    try {
      const session = await this.#openBalanced(database, control);
      if (session !== control) await control?.close();
      return session;
    } catch (error) {
      await control?.close();
      throw error;
    }
  }

  /**
   * The nodes of the cluster, none for PostgreSQL. Asks over `session` when the last answer is too old for a caller who wants to
   * reach every node.
   */
  async nodes(session: Session): Promise<readonly ClusterNode[]> {
    if (this.#due(Math.min(this.#settings.refreshIntervalSeconds, EVERY_NODE_SECONDS))) {
      try {
        await this.#refreshOver(session);
      } catch (error) {
        this.#logger.warn('yb_servers() could not be asked for the nodes', { error: errorText(error) });
      }
    }
    session.node ??= this.#locate(session)?.key;
    return this.#nodes.current;
  }

  /** How many nodes the cluster has, as far as is known. */
  get size(): number {
    return this.#nodes.current.length;
  }

  /** Keys of the nodes that the cluster listed not long ago and no longer lists. */
  missing(): readonly string[] {
    return this.#nodes.missing.map((node) => node.key);
  }

  /** Whether a connection to the node can be wished for by its key. */
  knows(key: string): boolean {
    return this.#nodes.find(key) !== undefined;
  }

  /** Whether the node failed within the last `seconds`. */
  failedWithin(key: string, seconds: number): boolean {
    const failedAt = this.#states.get(key)?.failedAt;
    return failedAt !== undefined && Date.now() - failedAt < seconds * 1000;
  }

  async #openContact(database: string): Promise<Session> {
    let last: unknown;
    const keyOf = ({ host, port }: Endpoint): string => `${host}:${port}`;
    let hosts = this.#readOnlyHosts.last(this.#settings.hosts, keyOf);
    for (const wanted of passes(this.#settings.targetSession)) {
      const unwanted: Endpoint[] = [];
      for (const host of hosts) {
        try {
          const session = await this.#dial(host, database, wanted);
          session.whenReadOnly(() => this.#readOnlyHosts.add(keyOf(host)));
          return session;
        } catch (error) {
          last = error;
          if (!isElsewhere(error)) throw error;
          if (error instanceof Failure && error.unwanted) unwanted.push(host);
        }
      }
      // Those that are away are not waited for once more.
      hosts = unwanted;
    }
    throw last;
  }

  async #openNode(key: string, database: string): Promise<Session> {
    const node = this.#nodes.find(key);
    if (node === undefined) throw new Failure('unreachable', `node ${key} is not in the cluster any more`);
    return await this.#dialNode(node, database);
  }

  #due(seconds = this.#settings.refreshIntervalSeconds): boolean {
    return !this.#withoutFunction && this.#nodes.isOlderThan(seconds);
  }

  /** Returns the connection that asked, if there was a need to ask and it is still usable. */
  async #refreshIfDue(database: string): Promise<Session | undefined> {
    if (!this.#due()) return undefined;
    if (this.#refreshing !== undefined) {
      await this.#refreshing.catch((error: unknown) => {
        if (this.#nodes.current.length === 0) throw error;
      });
      return undefined;
    }
    let control: Session | undefined;
    const refresh = async (): Promise<void> => {
      control = await this.#openControl(database);
      if (control !== undefined) await this.#refreshOver(control);
    };
    this.#refreshing = refresh().finally(() => (this.#refreshing = undefined));
    try {
      await this.#refreshing;
    } catch (error) {
      if (this.#nodes.current.length === 0 && control?.broken !== false) throw error;
      this.#logger.warn('yb_servers() could not be asked for the nodes', { error: errorText(error) });
    }
    return control?.broken === true ? undefined : control;
  }

  /** A connection to a contact point or, failing that, to any node we already know. */
  async #openControl(database: string): Promise<Session | undefined> {
    try {
      return await this.#openContact(database);
    } catch (error) {
      if (this.#nodes.current.length === 0 || !isElsewhere(error)) throw error;
    }
    for (const node of this.#nodes.current) {
      try {
        if (!this.#isSetAside(node)) return await this.#dialNode(node, database);
      } catch (error) {
        if (!isElsewhere(error)) throw error;
      }
    }
    return undefined;
  }

  async #refreshOver(session: Session): Promise<void> {
    const question = this.#nodes.ask();
    const nodes = await readNodes(session);
    if (nodes === undefined) {
      if (this.#settings.balance !== undefined) {
        this.#logger.warn('the server has no function yb_servers(): connections are not balanced over nodes');
      }
      this.#withoutFunction = true;
      this.#nodes.update([], question);
      return;
    }
    this.#nodes.update(nodes, question);
    const located = this.#locate(session);
    if (located === undefined || this.#addressKind !== undefined) return;
    const { host, address } = session.identity;
    this.#addressKind = [host, address].includes(located.host) ? 'private' : 'public';
  }

  /** The node that a connection leads to, found by its address. */
  #locate(session: Session): ClusterNode | undefined {
    const { host, address, port } = session.identity;
    return this.#nodes.current.find((node) => {
      if (session.node !== undefined) return node.key === session.node;
      return (
        node.port === port && [node.host, node.publicIp].some((own) => own !== '' && (own === host || own === address))
      );
    });
  }

  async #openBalanced(database: string, control: Session | undefined): Promise<Session> {
    const policy = this.#settings.balance;
    if (policy === undefined || this.#withoutFunction) return control ?? (await this.#openContact(database));
    const groups = candidateGroups(this.#nodes.current, policy);
    const failures: string[] = [];
    // Nodes that were set aside come last rather than never: when all have failed, we must notice that one is back.
    for (const setAside of [false, true]) {
      for (const group of groups) {
        const nodes = group.filter((node) => this.#isSetAside(node) === setAside);
        const session = await this.#openOneOf(nodes, database, control, failures);
        if (session !== undefined) return session;
      }
    }
    if (isStrict(policy)) throw noNode(policy, groups.length, failures);
    const contact = control ?? (await this.#openContact(database));
    this.#logger.warn('no address that yb_servers() gives can be reached from here; staying with the contact point');
    return contact;
  }

  async #openOneOf(
    nodes: readonly ClusterNode[],
    database: string,
    control: Session | undefined,
    failures: string[],
  ): Promise<Session | undefined> {
    const left = [...nodes];
    while (left.length > 0) {
      const node = leastLoaded(left, (candidate) => this.#state(candidate.key).connections, Math.random);
      if (node === undefined) break;
      left.splice(left.indexOf(node), 1);
      if (control !== undefined && !control.broken && this.#locate(control)?.key === node.key) {
        return this.#count(control, node);
      }
      try {
        return await this.#dialNode(node, database);
      } catch (error) {
        if (!isElsewhere(error)) throw error;
        failures.push(errorText(error));
      }
    }
    return undefined;
  }

  async #dialNode(node: ClusterNode, database: string): Promise<Session> {
    const state = this.#state(node.key);
    state.connections++;
    try {
      const session = await this.#dialAddresses(node, database);
      state.failedAt = undefined;
      state.connections--;
      return this.#count(session, node);
    } catch (error) {
      state.connections--;
      if (error instanceof Failure && error.kind === 'unreachable') state.failedAt = Date.now();
      throw error;
    }
  }

  async #dialAddresses(node: ClusterNode, database: string): Promise<Session> {
    const both = [node.host, ...(node.publicIp === '' ? [] : [node.publicIp])];
    const [first = node.host, second] = this.#addressKind === 'public' ? both.toReversed() : both;
    try {
      return await this.#dial({ host: first, port: node.port }, database);
    } catch (error) {
      if (second === undefined || this.#addressKind !== undefined || !isElsewhere(error)) throw error;
      const session = await this.#dial({ host: second, port: node.port }, database);
      this.#addressKind = 'public';
      return session;
    }
  }

  #count(session: Session, node: ClusterNode): Session {
    const state = this.#state(node.key);
    state.connections++;
    session.node = node.key;
    session.whenClosed(() => state.connections--);
    session.whenReadOnly(() => (state.readOnlyAt = Date.now()));
    return session;
  }

  #state(key: string): NodeState {
    let state = this.#states.get(key);
    if (state === undefined) {
      state = { connections: 0, failedAt: undefined };
      this.#states.set(key, state);
    }
    return state;
  }

  #isSetAside(node: ClusterNode): boolean {
    const seconds = this.#settings.failedHostDelaySeconds;
    const { readOnlyAt } = this.#state(node.key);
    return (
      this.failedWithin(node.key, seconds) || (readOnlyAt !== undefined && Date.now() - readOnlyAt < seconds * 1000)
    );
  }
}

/** Whether another node may do better. A wrong password is wrong everywhere and must not be tried again. */
function isElsewhere(error: unknown): boolean {
  return error instanceof Failure && (error.kind === 'unreachable' || error.kind === 'busy');
}

/** Whether the policy prefers no connection to one with a node that it does not allow. */
function isStrict(policy: BalancePolicy): boolean {
  if (policy.mode.startsWith('only-')) return true;
  return policy.topologyKeysOnly && policy.topologyKeys.length > 0 && !policy.mode.startsWith('prefer-');
}

function noNode(policy: BalancePolicy, candidates: number, failures: readonly string[]): Failure {
  const filter = `load_balance=${policy.mode}${policy.topologyKeys.length > 0 ? ' with topology_keys' : ''}`;
  if (candidates === 0) return new Failure('unreachable', `no node of the cluster matches ${filter}`);
  return new Failure('unreachable', `no node that ${filter} allows can be reached: ${failures.join('; ')}`);
}
