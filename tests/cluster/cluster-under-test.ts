/** Nodes on one store, and a database for which they issue. Both are databases of one server. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, type Client } from '@coffer/client';
import {
  databaseUnderTest,
  dropAdmin,
  makeAdmin,
  startWireProxy,
  type TestDatabase,
  type WireProxy,
} from '@coffer/testkit';
import { ClusterNode } from './cluster-node.ts';

export interface ClusterOptions {
  readonly nodes: number;
  readonly logLevel: string;
  readonly report: (violation: string) => void;
}

/** The admin of the target, whose password only the cluster knows once it was rotated. */
const ADMIN = { user: 'cluster_admin', password: 'cluster-admin-chosen' };

export class ClusterUnderTest {
  readonly nodes: readonly ClusterNode[];
  readonly database: TestDatabase;
  /** The way of all nodes to the target. */
  readonly target: WireProxy;
  readonly directory: string;
  readonly #storeDatabase: string;
  #rootToken = '';

  private constructor(
    parts: Pick<ClusterUnderTest, 'nodes' | 'database' | 'target' | 'directory'>,
    storeDatabase: string,
  ) {
    this.nodes = parts.nodes;
    this.database = parts.database;
    this.target = parts.target;
    this.directory = parts.directory;
    this.#storeDatabase = storeDatabase;
  }

  /** Starts all nodes, one after the other, and configures the database as `main`. */
  static async start(options: ClusterOptions): Promise<ClusterUnderTest> {
    const directory = await mkdtemp(join(tmpdir(), 'coffer-cluster-'));
    const database = await databaseUnderTest({ authMethod: 'md5', settings: { max_connections: '400' } });
    const storeDatabase = `coffer_cluster_${randomBytes(4).toString('hex')}`;
    await database.query(`CREATE DATABASE ${storeDatabase} OWNER ${database.user}`);
    const storeUrl = new URL(database.url);
    storeUrl.pathname = `/${storeDatabase}`;
    const sealKey = randomBytes(32).toString('base64');
    const nodes: ClusterNode[] = [];
    for (let n = 1; n <= options.nodes; n++) {
      const name = `node${n}`;
      nodes.push(await ClusterNode.make({ name, directory, database, storeUrl: storeUrl.href, sealKey, ...options }));
    }
    const target = await startWireProxy({ target: database, mode: 'yugabytedb', keepStatements: false });
    const cluster = new ClusterUnderTest({ nodes, database, target, directory }, storeDatabase);
    try {
      await cluster.#open();
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  async #open(): Promise<void> {
    const [first, ...others] = this.nodes;
    await first?.start();
    const init = await createClient({ address: first?.address ?? '' }).request('PUT', 'sys/init', {
      body: { recovery_shares: 1, recovery_threshold: 1 },
    });
    this.#rootToken = (init.body as { root_token: string }).root_token;
    await first?.untilOpen();
    await makeAdmin(this.database, ADMIN);
    const client = this.clientOf(first);
    await client.write('sys/mounts/database', { type: 'database' });
    await client.write('database/config/main', {
      plugin_name: 'ysql-plugin',
      allowed_roles: '*',
      host: this.target.host,
      port: this.target.port,
      username: ADMIN.user,
      password: ADMIN.password,
      db: this.database.database,
      max_open_connections: 8,
      username_template: 'cluster-{{random 16}}',
    });
    for (const node of others) await node.start();
    for (const node of others) await node.untilOpen();
  }

  get rootToken(): string {
    return this.#rootToken;
  }

  clientOf(node: ClusterNode | undefined, token = this.#rootToken): Client {
    return createClient({ address: node?.address ?? '', token });
  }

  /** A statement to the store's own database. */
  store(sql: string, parameters: readonly unknown[] = []): Promise<Record<string, unknown>[]> {
    return this.database.query(sql, parameters, this.#storeDatabase);
  }

  /** Ends everything. `keepLogs` leaves the directory with the logs. */
  async stop({ keepLogs = false } = {}): Promise<void> {
    for (const node of this.nodes) await node.remove();
    await this.target.stop();
    const logins = await this.database.query("SELECT rolname FROM pg_roles WHERE starts_with(rolname, 'cluster-')");
    for (const { rolname } of logins) {
      await this.database.query(`DROP OWNED BY "${String(rolname)}"`);
      await this.database.query(`DROP ROLE "${String(rolname)}"`);
    }
    await dropAdmin(this.database, ADMIN.user);
    await this.database.query(`DROP DATABASE ${this.#storeDatabase} WITH (FORCE)`);
    await this.database.stop();
    if (!keepLogs) await rm(this.directory, { recursive: true, force: true });
  }
}
