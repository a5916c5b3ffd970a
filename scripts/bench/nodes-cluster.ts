/** What the bench of nodes runs: equal servers on one store, with the network between them and the database delayed. */
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import type { JsonObject } from '@coffer/base';
import type { Client } from '@coffer/client';
import { startPostgres, type TestPostgres } from '@coffer/testkit';
import { SEED_CREATION } from '../../tests/dev-server.ts';
import { DurableHome, type DurableServer } from '../../tests/durable-process.ts';
import { DIST } from '../../tests/coffer-process.ts';
import { type DelayProxy, startDelayProxy } from './delay-proxy.ts';

/** Connections of one node. */
export interface Pools {
  /** `max_parallel` of the storage. */
  readonly store: number;
  /** `max_open_connections` of the connection in the database engine. */
  readonly target: number;
}

export const STORE = { user: 'coffer', password: 'coffer', database: 'coffer' };
const STATIC_LOGIN = 'reporting';
/** What the clients of the bench may do, with a token that is none of root's. */
const POLICY = ['database/creds/*', 'database/static-creds/*', 'sys/leases/renew']
  .map((path) => `path "${path}" { capabilities = ["read", "update"] }`)
  .join('\n');
const FOREVER = '768h';

/** One PostgreSQL, which holds the store and is the target, and nodes before it. */
export class NodesCluster {
  readonly database: TestPostgres;
  readonly proxy: DelayProxy;
  readonly nodes: DurableServer[] = [];
  readonly #home: DurableHome;
  #rootToken = '';
  #token = '';

  private constructor(database: TestPostgres, proxy: DelayProxy, home: DurableHome) {
    this.database = database;
    this.proxy = proxy;
    this.#home = home;
  }

  static async make(authMethod: 'md5' | 'scram-sha-256'): Promise<NodesCluster> {
    const settings = {
      ...{ fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on', shared_buffers: '128MB' },
      max_connections: '500',
    };
    const database = await startPostgres({ authMethod, settings });
    const proxy = await startDelayProxy([database.port, database.port]);
    const cluster = new NodesCluster(database, proxy, await DurableHome.make());
    await database.query(`CREATE ROLE ${STORE.user} LOGIN PASSWORD '${STORE.password}'`);
    await database.query(`CREATE DATABASE ${STORE.database} OWNER ${STORE.user}`);
    await database.query(`CREATE ROLE app; CREATE ROLE ${STATIC_LOGIN} LOGIN`);
    return cluster;
  }

  /** What the nodes' clients carry. */
  get token(): string {
    return this.#token;
  }

  /** Ends the nodes there are; the ones that start from now on have these pools. */
  async setPools(pools: Pools): Promise<void> {
    await this.stopNodes();
    const home = this.#home;
    const key = home.path('unseal.key');
    await writeFile(key, randomBytes(32), { mode: 0o600, flag: 'wx' }).catch(() => undefined);
    await mkdir(home.path('plugins'), { recursive: true });
    const [storePort] = this.proxy.ports;
    await home.configure(
      `storage "yugabytedb" {
         connection_url = "postgres://${STORE.user}:${STORE.password}@127.0.0.1:${storePort}/${STORE.database}?sslmode=disable"
         max_parallel = ${pools.store}
       }
       plugin_directory = ${JSON.stringify(DIST)}
       seal "static" {
         current_key_id = "bench"
         current_key = ${JSON.stringify(`file://${key}`)}
       }`,
    );
    const node = await this.addNode();
    if (this.#rootToken === '') await this.#initialize(node);
    const { user: username, password, database: db } = this.database;
    const config = { host: '127.0.0.1', port: this.proxy.ports[1] ?? 0, username, password, db, sslmode: 'disable' };
    await this.#configure(node.client(this.#rootToken), { ...config, max_open_connections: pools.target });
  }

  async addNode(): Promise<DurableServer> {
    const node = await this.#home.start(['-log-level=warn']);
    this.nodes.push(node);
    return node;
  }

  async #initialize(node: DurableServer): Promise<void> {
    const { body } = await node
      .client()
      .request('PUT', 'sys/init', { body: { recovery_shares: 1, recovery_threshold: 1 } });
    this.#rootToken = (body as { root_token: string }).root_token;
    const client = node.client(this.#rootToken);
    await client.request('POST', 'sys/mounts/database', { body: { type: 'database' } });
    await client.write('sys/policies/acl/bench', { policy: POLICY });
    const made = await client.write('auth/token/create', { policies: ['bench'], ttl: FOREVER });
    this.#token = made?.auth?.clientToken ?? '';
  }

  async #configure(client: Client, config: JsonObject): Promise<void> {
    await client.write('database/config/yugabytedb', { plugin_name: 'ysql-plugin', allowed_roles: '*', ...config });
    const role = { db_name: 'yugabytedb', default_ttl: '1h', max_ttl: '24h' };
    const inRole = `CREATE ROLE "{{name}}" WITH PASSWORD '{{password}}' VALID UNTIL '{{expiration}}' LOGIN IN ROLE app`;
    await client.write('database/roles/seed', { ...role, creation_statements: SEED_CREATION });
    await client.write('database/roles/in-role', { ...role, creation_statements: inRole });
    const fixed = { db_name: 'yugabytedb', username: STATIC_LOGIN, rotation_period: '24h' };
    await client.write(`database/static-roles/${STATIC_LOGIN}`, fixed);
  }

  /**
   * Drops every login that was issued, and its lease, past the nodes: that is no part of what is measured, and with
   * thousands of users on a database each GRANT takes longer than the one before.
   */
  async clear(): Promise<void> {
    const rows = await this.database.query(`SELECT rolname FROM pg_roles WHERE rolname LIKE 'v-%'`);
    const names = rows.map((row) => `"${String(row['rolname'])}"`).join(', ');
    const { user, database } = this.database;
    // Whoever granted takes back: a superuser would take only what the database's owner has granted.
    const revoke = `SET ROLE ${user}; REVOKE ALL ON DATABASE ${database} FROM ${names}; RESET ROLE`;
    if (names !== '') await this.database.query(`${revoke}; DROP ROLE ${names}`);
    await this.database.query(`DELETE FROM leases WHERE id LIKE 'database/creds/%'`, [], STORE.database);
  }

  /** One of each row that the store is full of: a login's lease, a token, a rotation. */
  async makeSamples(): Promise<void> {
    const client = this.nodes[0]?.client(this.#rootToken);
    await client?.read('database/creds/seed');
    await client?.write(`database/rotate-role/${STATIC_LOGIN}`);
  }

  async stopNodes(): Promise<void> {
    await Promise.all(this.nodes.splice(0).map((node) => node.stop('SIGTERM')));
  }

  async stop(): Promise<void> {
    await this.stopNodes();
    await this.#home.remove();
    await this.proxy.stop();
    await this.database.stop();
  }
}
