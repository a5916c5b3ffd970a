import type { Logger } from '@coffer/base';
import type { BalancePolicy } from '../settings/balance.ts';
import type { ConnectionSettings } from '../settings/connection-settings.ts';
import type { Endpoint } from '../settings/hosts.ts';
import { ContactPoints } from './contact-points.ts';
import { Discovery } from './discovery.ts';
import { Failure } from '../session/failure.ts';
import { InVain } from './in-vain.ts';
import { type Dial, NodeDialer } from './node-dialer.ts';
import { NodeHealth } from './node-health.ts';
import { AFTER_SIGN_MS, type Candidate, firstOf, isElsewhere, SEARCH_MS } from './race.ts';
import type { Session, SessionWish } from '../session/session.ts';
import { candidateGroups, type ClusterNode, isFirstChoice, isStrict, take } from './topology.ts';

/** A node that has just joined may have a session to end; the smart drivers' interval would be too long for that. */
const EVERY_NODE_SECONDS = 30;
/** A list that is older than this is asked for again when none of its nodes can be reached. */
const IN_VAIN_SECONDS = 5;
/** A session on a node that is not the best one is kept at least this long. */
const LEAST_STAY_MS = 1_000;

const ANY_NODE: BalancePolicy = { mode: 'any', topologyKeys: [], topologyKeysOnly: false };

/** One search for a connection. */
interface Search {
  readonly database: string;
  readonly since: number;
  /** What nodes failed with. */
  readonly failures: string[];
}

/**
 * Connections to one cluster, as one Database instance alone knows it. The list of its nodes is refreshed only when a connection
 * is wanted and the last answer is too old (the smart drivers' lazy refresh). There is no timer and no permanent control
 * connection: the connection that asked is itself used if its node is the one chosen.
 */
export class Cluster {
  readonly #settings: ConnectionSettings;
  readonly #logger: Logger;
  readonly #discovery: Discovery;
  readonly #health: NodeHealth;
  readonly #dialer: NodeDialer;
  readonly #contacts: ContactPoints;
  readonly #inVain = new InVain();
  #apart: Session | undefined;
  #closed = false;

  constructor(settings: ConnectionSettings, dial: Dial, logger: Logger) {
    this.#settings = settings;
    this.#logger = logger;
    this.#discovery = new Discovery(settings.refreshIntervalSeconds, logger);
    const { failedHostDelaySeconds, refreshIntervalSeconds } = settings;
    this.#health = new NodeHealth(failedHostDelaySeconds, refreshIntervalSeconds, ({ message }) =>
      logger.warn('avoiding a database node after an error', { error: message }),
    );
    this.#dialer = new NodeDialer(settings, dial, this.#discovery, this.#health);
    this.#contacts = new ContactPoints(settings, this.#dialer, this.#health);
  }

  /**
   * Opens a connection to the node that load balancing picks, or to the one in the wish.
   *
   * @throws Failure, CofferError as {@link connect}
   */
  async open(wish: SessionWish = {}): Promise<Session> {
    const search: Search = { database: wish.database ?? this.#settings.database, since: Date.now(), failures: [] };
    if (wish.node !== undefined) return await this.#openNode(wish.node, search);
    const { balance } = this.#settings;
    return await this.#inVain.search(search.since, () =>
      balance === undefined ? this.#openContact(search) : this.#openBalanced(search, balance),
    );
  }

  /**
   * Has `search` look for a server by itself: at the contact points and, where connections go over the nodes, at those that are
   * known. What has failed a moment ago comes last.
   *
   * @throws Failure when nobody could be reached a moment ago; otherwise what `search` rejects with
   */
  async lookAround<T>(search: (places: readonly Endpoint[]) => Promise<T>): Promise<T> {
    return await this.#inVain.search(Date.now(), () => search(this.#places()));
  }

  #places(): readonly Endpoint[] {
    const nodes = this.#settings.balance === undefined ? [] : this.#discovery.nodes;
    const places = new Map<string, Endpoint>();
    const ofNodes = nodes.flatMap((node) => this.#discovery.hostsOf(node).map((host) => ({ host, port: node.port })));
    for (const { host, port } of [...this.#settings.hosts, ...ofNodes]) places.set(`${host}:${port}`, { host, port });
    return this.#health.last([...places], ([key]) => key).map(([, place]) => place);
  }

  /**
   * The nodes of the cluster, none for PostgreSQL. Asks over `session` when the last answer is too old for a caller who wants to
   * reach every node.
   */
  async nodes(session: Session): Promise<readonly ClusterNode[]> {
    await this.#refresh(session, Math.min(this.#settings.refreshIntervalSeconds, EVERY_NODE_SECONDS));
    session.node ??= this.#discovery.locate(session)?.key;
    return this.#discovery.nodes;
  }

  /**
   * The nodes that the cluster has at this moment; undefined where it cannot say.
   *
   * @throws Failure if it could not be asked
   */
  async nodesNow(session: Session): Promise<readonly ClusterNode[] | undefined> {
    return await this.#discovery.askOver(session);
  }

  /** How many nodes the cluster has, as far as is known. */
  get size(): number {
    return this.#discovery.nodes.length;
  }

  /** How many of the nodes that are known are up as far as we have seen, and how many are set aside since they are not. */
  get nodeCounts(): { readonly up: number; readonly setAside: number } {
    const setAside = this.#discovery.nodes.filter(({ key }) => this.#health.isSetAside(key)).length;
    return { up: this.size - setAside, setAside };
  }

  /** Keys of the nodes that the cluster listed not long ago and no longer lists. */
  missing(): readonly string[] {
    return this.#discovery.missing.map((node) => node.key);
  }

  /** Whether a connection to the node can be wished for by its key. */
  knows(key: string): boolean {
    return this.#discovery.find(key) !== undefined;
  }

  /** Whether there is an address by which to ask the node itself. */
  isAddressable(key: string): boolean {
    const node = this.#discovery.find(key);
    return node !== undefined && this.#discovery.hostsOf(node).length > 0;
  }

  /** Whether to ask the node would cost time, by what {@link NodeHealth.wasSilentWithin} says of the last `seconds`. */
  wasSilentWithin(key: string, seconds: number): boolean {
    return this.#health.wasSilentWithin(key, seconds);
  }

  /** Ends what is under way in the background. */
  close(): void {
    this.#closed = true;
    this.#apart?.destroy();
  }

  /** Nodes that let us knock but not in are not waited for one after the other. In milliseconds. */
  get #longestSearchMs(): number {
    return Math.max(SEARCH_MS + AFTER_SIGN_MS, this.#settings.connectTimeoutSeconds * 1000);
  }

  async #openNode(key: string, search: Search): Promise<Session> {
    const node = this.#discovery.find(key);
    if (node === undefined) throw new Failure('unreachable', `node ${key} is no longer in the cluster`);
    const session = await this.#dialer.openNode(node, search.database);
    const { balance } = this.#settings;
    session.onlyForNode = balance !== undefined && !isFirstChoice(node, balance);
    return session;
  }

  async #openContact({ database, since, failures }: Search): Promise<Session> {
    const { session, first } = await this.#contacts.open(database, { since, failures });
    if (!first) this.#reconsider(session);
    return session;
  }

  async #openBalanced(search: Search, policy: BalancePolicy): Promise<Session> {
    // Whoever comes while the cluster is asked for the first time waits for the answer rather than to crowd the contact point.
    if (this.#discovery.nodes.length === 0 && !this.#discovery.slow) await this.#discovery.settled();
    const known = await this.#openKnown(search, policy);
    if (known === undefined) return await this.#openByContact(search, policy);
    if (!(await this.#refresh(known)) && !known.broken) return known;
    const session = await this.#chosen(search, policy, known);
    if (session !== undefined) return session;
    await known.close();
    return await this.#openByContact(search, policy);
  }

  /** For when no node is known, or none that is can be reached. */
  async #openByContact(search: Search, policy: BalancePolicy): Promise<Session> {
    if (search.failures.length > 0 && Date.now() - search.since >= this.#longestSearchMs)
      throw this.#noNode(policy, search);
    const control = await this.#openContact(search).catch((error: unknown) => {
      throw isElsewhere(error) && search.failures.length > 0 ? this.#noNode(policy, search) : error;
    });
    const session = (await this.#refresh(control, IN_VAIN_SECONDS))
      ? await this.#chosen(search, policy, control)
      : undefined;
    if (session !== undefined) return session;
    const { nodes, trouble, nextAt } = this.#discovery;
    if (isStrict(policy) && (nodes.length > 0 || trouble !== undefined)) {
      await control.close();
      throw this.#noNode(policy, search);
    }
    const contact = control.broken ? await this.#openContact(search) : control;
    this.#reconsider(contact, nodes.length === 0 ? nextAt : 0);
    if (nodes.length > 0) {
      this.#logger.warn('none of the addresses from yb_servers() can be reached; using the contact point only');
    }
    return contact;
  }

  /** The connection that load balancing picks, which may be `control`; otherwise that is closed, unless there is none. */
  async #chosen(search: Search, policy: BalancePolicy, control: Session): Promise<Session | undefined> {
    try {
      const session = await this.#openKnown(search, policy, control.broken ? undefined : control);
      if (session !== undefined && session !== control) await control.close();
      return session;
    } catch (error) {
      await control.close();
      throw error;
    }
  }

  /** A connection to one of the nodes that are known; undefined if none can be reached. */
  async #openKnown(search: Search, policy: BalancePolicy, control?: Session): Promise<Session | undefined> {
    const { failures } = search;
    const race = { failures, patienceMs: SEARCH_MS, longestMs: this.#longestSearchMs };
    return await firstOf(this.#candidates(search, policy, control), race);
  }

  *#candidates(search: Search, policy: BalancePolicy, control: Session | undefined): Generator<Candidate> {
    const groups = candidateGroups(
      this.#discovery.nodes.filter((node) => this.#discovery.hostsOf(node).length > 0),
      policy,
    );
    const at = control && this.#discovery.locate(control)?.key;
    if (control !== undefined && at !== undefined) this.#health.add(at, control);
    // Among equals the one that we are connected to already, and that connection itself does not count.
    const load = ({ key }: ClusterNode): number => this.#health.load(key) - (key === at ? 1.5 : 0);
    const tried = new Set<string>();
    // Nodes that were set aside come last rather than never: when all have failed, we must notice that one is back.
    for (const setAside of [false, true]) {
      for (const group of groups) {
        const left = group.filter(({ key }) => !tried.has(key) && this.#health.isSetAside(key) === setAside);
        for (let node = take(left, load); node !== undefined; node = take(left, load)) {
          const { key } = node;
          tried.add(key);
          const dial = async (onSign: () => void): Promise<Session> =>
            key === at && control !== undefined ? control : this.#dialer.openNode(node, search.database, onSign);
          yield { setAside, dial: async (onSign) => this.#chosenAs(node, policy, await dial(onSign)) };
        }
      }
    }
  }

  #chosenAs(node: ClusterNode, policy: BalancePolicy, session: Session): Session {
    session.node = node.key;
    if (!isFirstChoice(node, policy)) this.#reconsider(session);
    return session;
  }

  /** Asks for the nodes if it is time to; true if they are known anew. Nobody waits for the question after a slow one. */
  async #refresh(session: Session, seconds = this.#settings.refreshIntervalSeconds): Promise<boolean> {
    if (!this.#discovery.due(seconds)) return false;
    if (this.#discovery.slow) {
      this.#askApart();
      return false;
    }
    await this.#discovery.ask(session);
    return this.#discovery.trouble === undefined;
  }

  /** In the background, over a connection of its own. Never rejects. */
  #askApart(): void {
    const { database, balance = ANY_NODE } = this.#settings;
    this.#discovery.inBackground(async () => {
      const search: Search = { database, since: Date.now(), failures: [] };
      const session = (await this.#openKnown(search, balance)) ?? (await this.#openContact(search));
      this.#apart = session;
      try {
        if (!this.#closed) await this.#discovery.askOver(session);
      } finally {
        await session.close();
      }
    });
  }

  /** The session is not where it should be: once the nodes are known anew, the pool is to open another one. */
  #reconsider(session: Session, notBefore = 0): void {
    const { refreshIntervalSeconds, failedHostDelaySeconds } = this.#settings;
    const staySeconds = refreshIntervalSeconds || failedHostDelaySeconds;
    session.reconsiderAt = Math.max(Date.now() + Math.max(LEAST_STAY_MS, staySeconds * 1000), notBefore);
  }

  #noNode(policy: BalancePolicy, { failures }: Search): Failure {
    const filter = `load_balance=${policy.mode}${policy.topologyKeys.length > 0 ? ' with topology_keys' : ''}`;
    const { nodes, trouble } = this.#discovery;
    if (failures.length > 0) {
      return new Failure('unreachable', `no node that ${filter} allows can be reached: ${failures.join('; ')}`);
    }
    if (trouble !== undefined) {
      return new Failure('unreachable', `which nodes ${filter} allows is not known: yb_servers() failed: ${trouble}`);
    }
    const candidates = candidateGroups(nodes, policy).length;
    const why = candidates > 0 ? 'has a public address, as the configured host is one' : `matches ${filter}`;
    return new Failure('unreachable', `no node of the cluster ${why}`);
  }
}
