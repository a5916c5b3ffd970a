/** A posed cluster of four nodes for the tests of one file, and pools of our own over it. */
import { after, afterEach, before, type TestContext } from 'node:test';
import { createLogger, type JsonObject, type LogEntry } from '@coffer/base';
import { type Fault, type PosedCluster, startPosedCluster, startPostgres, type TestPostgres } from '@coffer/testkit';
import { parseSettings } from './settings/settings.ts';
import { closeAccess, createUserAccess, type UserAccess } from './users/user-access.ts';

const NAMES = ['n1', 'n2', 'n3', 'n4'];
const QUESTION = /yb_servers\(\)/;

export const MISSING: Fault['action'] = {
  type: 'error',
  sqlstate: '42883',
  message: 'function yb_servers() does not exist',
};

export interface Opened {
  readonly access: UserAccess;
  readonly log: readonly LogEntry[];
}

/** To be made once, at the top of a file. Between tests all nodes are well. */
export class LimpingCluster {
  #server: TestPostgres | undefined;
  #posed: PosedCluster | undefined;

  constructor() {
    before(async () => {
      this.#server = await startPostgres();
      const nodes = NAMES.map((node) => ({ name: node, zone: `z${node.slice(1)}` }));
      this.#posed = await startPosedCluster({ target: this.#server, nodes });
    });
    after(async () => {
      await this.#posed?.stop();
      await this.#server?.stop();
    });
    afterEach(async () => {
      for (const node of this.nodes) {
        node.clearFaults();
        node.freeze(false);
        node.dropAll();
        await node.refuse(false);
      }
      await this.#posed?.listNodes(NAMES);
    });
  }

  get server(): TestPostgres {
    if (this.#server === undefined) throw new Error('there is a server in tests only');
    return this.#server;
  }

  get nodes(): PosedCluster['nodes'] {
    return this.#posed?.nodes ?? [];
  }

  node(node: string): PosedCluster['nodes'][number] {
    if (this.#posed === undefined) throw new Error('there are nodes in tests only');
    return this.#posed.node(node);
  }

  /** A pool of ten that keeps nothing: each use opens a connection. Its contact point is n1. */
  open(test: TestContext, more: JsonObject = {}): Opened {
    const { host, port } = this.node('n1');
    const { user: username, password, database: db } = this.server;
    const log: LogEntry[] = [];
    const config = { host, port, username, password, db, load_balance: 'true', max_open_connections: 10, ...more };
    const access = createUserAccess(
      parseSettings({ max_idle_connections: -1, connect_timeout: '1s', ...config }, () => undefined),
      createLogger('ysql', 'warn', (entry) => log.push(entry)),
    );
    test.after(() => closeAccess(access));
    return { access, log };
  }

  /** Makes the cluster list these nodes only. */
  async listNodes(names: readonly string[]): Promise<void> {
    await this.#posed?.listNodes(names);
  }

  /** How often the cluster was asked for its nodes. */
  asked(): number {
    return this.nodes.flatMap((node) => node.statements).filter(({ sql }) => QUESTION.test(sql)).length;
  }

  atQuestion(action: Fault['action'], times = Infinity): void {
    for (const node of this.nodes) node.addFault({ match: QUESTION, times, action });
  }

  nameOf(key: string | undefined): string {
    return this.nodes.find((node) => `${node.host}:${node.port}` === key)?.nodeName ?? String(key);
  }

  /** The names of the nodes that so many connections in turn lead to; `undefined` for the contact point. */
  async use({ access }: Opened, times: number): Promise<string[]> {
    const names: string[] = [];
    for (let count = 0; count < times; count++)
      names.push(this.nameOf(await access.pool.use(async ({ node }) => node)));
    return names;
  }

  /** The same for so many at once, since among idle nodes one is taken by lot. */
  async spread(opened: Opened, count: number): Promise<string[]> {
    return await opened.access.pool.use(async ({ node }) => [
      this.nameOf(node),
      ...(count > 1 ? await this.spread(opened, count - 1) : []),
    ]);
  }
}
