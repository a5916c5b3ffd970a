/** Several servers, each a process of its own, on one store in PostgreSQL. */
import { mkdir } from 'node:fs/promises';
import { databaseUnderTest, type TestDatabase } from '@coffer/testkit';
import { type Api, apiAt } from '../auth/api.ts';
import { DurableHome, type DurableServer, initialize, unseal } from '../durable-process.ts';

export interface Node {
  readonly server: DurableServer;
  readonly api: Api;
}

export interface Nodes {
  /** The store's database server, and what a test may take for its target. */
  readonly database: TestDatabase;
  readonly all: readonly Node[];
  readonly rootToken: string;
  /** What unseals them. */
  readonly keys: readonly string[];
  /** Its plugins. */
  readonly pluginDirectory: string;
  stop(): Promise<void>;
}

let made = 0;

/** Starts and unseals them, one after the other. They use one root token. */
export async function startNodes(count: number): Promise<Nodes> {
  const database = await databaseUnderTest();
  const name = `coffer_nodes_${process.pid}_${++made}`;
  await database.query(`CREATE DATABASE ${name} OWNER ${database.user}`);
  const home = await DurableHome.make();
  const pluginDirectory = home.path('plugins');
  await mkdir(pluginDirectory);
  const url = new URL(database.url);
  url.pathname = `/${name}`;
  await home.configure(
    `storage "yugabytedb" { connection_url = ${JSON.stringify(url.toString())} }
     plugin_directory = ${JSON.stringify(pluginDirectory)}`,
  );
  const servers: DurableServer[] = [];
  for (let i = 0; i < count; i++) servers.push(await home.start());
  const [first] = servers;
  if (first === undefined) throw new Error('one node at least');
  const { root_token: rootToken, unseal_keys_b64: keys } = await initialize(first, 1, 1);
  for (const server of servers) await unseal(server, keys);
  return {
    database,
    all: servers.map((server) => ({ server, api: apiAt(server.address, rootToken) })),
    rootToken,
    keys,
    pluginDirectory,
    async stop() {
      await home.remove();
      await database.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await database.stop();
    },
  };
}

export interface Pair extends Nodes {
  readonly one: Api;
  readonly other: Api;
}

/** Two of them. */
export async function startPair(): Promise<Pair> {
  const nodes = await startNodes(2);
  const [first, second] = nodes.all;
  if (first === undefined || second === undefined) throw new Error('two nodes');
  return { ...nodes, one: first.api, other: second.api };
}
