import type { ConnectionSettings } from '../settings/connection-settings.ts';
import type { Endpoint } from '../settings/hosts.ts';
import { type ConnectOptions, signPatienceMs } from '../session/connect.ts';
import type { Discovery } from './discovery.ts';
import { Failure } from '../session/failure.ts';
import { knock } from '../session/knock.ts';
import type { NodeHealth } from './node-health.ts';
import { isElsewhere } from './race.ts';
import type { Session } from '../session/session.ts';
import { SilenceWatch } from '../session/silence-watch.ts';
import type { Wanted } from '../session/target-session.ts';
import type { ClusterNode } from './topology.ts';

export type DialOptions = Pick<ConnectOptions, 'wanted' | 'onSign'>;
export type Dial = (target: Endpoint, database: string, options?: DialOptions) => Promise<Session>;

/** Opens connections to nodes, keeps what came of it, and watches over them for as long as they last. */
export class NodeDialer {
  readonly #dial: Dial;
  readonly #discovery: Discovery;
  readonly #health: NodeHealth;
  /** How long a node may take to give a sign, in milliseconds. */
  readonly #patienceMs: number;
  #surveying = false;

  constructor(settings: ConnectionSettings, dial: Dial, discovery: Discovery, health: NodeHealth) {
    this.#dial = dial;
    this.#discovery = discovery;
    this.#health = health;
    this.#patienceMs = signPatienceMs(settings);
  }

  /** @throws Failure, CofferError as `connect` does */
  async open(target: Endpoint, key: string, database: string, wanted: Wanted): Promise<Session> {
    return await this.#health.open(key, () => this.#connect(target, key, database, { wanted }));
  }

  /** @throws Failure, CofferError as `connect` does */
  async openNode(node: ClusterNode, database: string, onSign?: () => void): Promise<Session> {
    const session = await this.#health.open(node.key, () => this.#dialAddresses(node, database, onSign));
    session.node = node.key;
    return session;
  }

  async #dialAddresses(node: ClusterNode, database: string, onSign?: () => void): Promise<Session> {
    const [first, second] = this.#discovery.hostsOf(node);
    if (first === undefined) throw new Failure('unreachable', `node ${node.key} has no public address`);
    const { key, port } = node;
    try {
      return await this.#connect({ host: first, port }, key, database, { onSign });
    } catch (error) {
      if (second === undefined || !isElsewhere(error)) throw error;
      const session = await this.#connect({ host: second, port }, key, database, { onSign });
      this.#discovery.addressKind ??= 'public';
      return session;
    }
  }

  async #connect(target: Endpoint, key: string, database: string, options: DialOptions): Promise<Session> {
    const session = await this.#dial(target, database, options);
    const { address, port } = session.identity;
    session.watch = new SilenceWatch({
      knock: () => knock(address, port, this.#patienceMs),
      onSuspicion: () => this.#survey(),
      onSilence: () => this.#health.lose(key),
    });
    return session;
  }

  /** Looks which nodes have gone silent, so that those who are sent to them next need not find out one after the other. */
  #survey(): void {
    if (this.#surveying) return;
    this.#surveying = true;
    this.#loseSilent().catch((error: unknown) => {
      throw error;
    });
  }

  /** Never rejects. */
  async #loseSilent(): Promise<void> {
    const nodes = this.#discovery.nodes.filter(({ key }) => !this.#health.isSetAside(key));
    await Promise.all(
      nodes.map(async (node) => {
        const hosts = this.#discovery.hostsOf(node);
        const answers = await Promise.all(hosts.map((host) => knock(host, node.port, this.#patienceMs)));
        if (hosts.length > 0 && !answers.includes(true)) this.#health.lose(node.key);
      }),
    );
    this.#surveying = false;
  }
}
