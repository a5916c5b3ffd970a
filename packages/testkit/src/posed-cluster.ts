import { randomUUID } from 'node:crypto';
import { CofferError } from '@coffer/base';
import { freePort } from './free-port.ts';
import { nodeLocal } from './node-local.ts';
import type { TestDatabase } from './postgres.ts';
import { startWireProxy, type WireProxy, type WireProxyOptions } from './wire-proxy.ts';
import { type YbServer, ybServersFunction } from './yb-servers.ts';

export interface NodeDescription {
  readonly name: string;
  /** Default `cloud1`. */
  readonly cloud?: string;
  /** Default `datacenter1`. */
  readonly region?: string;
  /** Default `rack1`. */
  readonly zone?: string;
  /** Default `primary`. */
  readonly nodeType?: 'primary' | 'read_replica';
  /** Default: none. */
  readonly publicIp?: string;
}

export interface PosedNode extends WireProxy {
  /** The administrator's URL through this node. */
  readonly url: string;
}

export interface PosedCluster {
  readonly nodes: readonly PosedNode[];
  /** Throws CofferError `not-found` when there is no such node. */
  node(name: string): PosedNode;
  /** Makes `yb_servers()` name these nodes only (a cluster that grows, or has noticed a loss). */
  listNodes(names: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

export interface PosedClusterOptions {
  /** Its superuser must be allowed to replace functions in pg_catalog: one of {@link startPostgres}. */
  readonly target: TestDatabase;
  readonly nodes: readonly NodeDescription[];
  /** Default `yugabytedb`. */
  readonly mode?: WireProxyOptions['mode'];
}

const PORT_ATTEMPTS = 20;

/**
 * Makes one PostgreSQL look like a YugabyteDB cluster: a wire proxy for each node, on 127.0.0.1, 127.0.0.2, ... and one
 * port (where the system has only 127.0.0.1: on a port each). `yb_servers()` names them, in the target's database and
 * in databases made afterwards; sessions are local to their node as {@link nodeLocal} says. Roles and data are shared,
 * as in a cluster; nothing else of one is imitated.
 *
 * @throws CofferError `failed` when the addresses cannot be listened on
 */
export async function startPosedCluster(options: PosedClusterOptions): Promise<PosedCluster> {
  const { target, mode = 'yugabytedb' } = options;
  /** Node of each server process. Numbers of ended processes stay until the system gives them out again. */
  const owners = new Map<number, string>();
  const pidsOf = (name: string): number[] => [...owners].filter(([, owner]) => owner === name).map(([pid]) => pid);
  const proxies = await startProxies(options.nodes, (description) => ({
    target: { host: target.host, port: target.port },
    mode,
    nodeName: description.name,
    rewrite: (sql) => nodeLocal(sql, pidsOf(description.name)),
    onBackend: (pid) => owners.set(pid, description.name),
  }));
  const servers = options.nodes.map((description, i) => ybServer(description, proxies[i]));
  const nodes = proxies.map((proxy) => Object.assign(proxy, { url: urlThrough(proxy, target) }));
  const cluster: PosedCluster = {
    nodes,
    node: (name) => {
      const found = nodes.find((node) => node.nodeName === name);
      if (found === undefined) throw new CofferError('not-found', `no node ${JSON.stringify(name)} in this cluster`);
      return found;
    },
    listNodes: async (names) => {
      const listed = names
        .map((name) => servers[nodes.indexOf(cluster.node(name))])
        .filter((server) => server !== undefined);
      for (const database of ['template1', target.database])
        await target.query(ybServersFunction(listed), [], database);
    },
    stop: async () => {
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };
  await cluster.listNodes(options.nodes.map((node) => node.name));
  return cluster;
}

type ProxyOptions = (description: NodeDescription) => WireProxyOptions;

async function startProxies(nodes: readonly NodeDescription[], optionsOf: ProxyOptions): Promise<WireProxy[]> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    try {
      return await startAll(nodes, (node, i) => ({ ...optionsOf(node), host: `127.0.0.${i + 1}`, port }));
    } catch (thrown) {
      const cause = thrown instanceof CofferError ? thrown.cause : undefined;
      const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
      if (code === 'EADDRNOTAVAIL') return startAll(nodes, optionsOf);
      if (code !== 'EADDRINUSE' || attempt === PORT_ATTEMPTS) throw thrown;
    }
  }
}

async function startAll(
  nodes: readonly NodeDescription[],
  optionsOf: (node: NodeDescription, index: number) => WireProxyOptions,
): Promise<WireProxy[]> {
  const started: WireProxy[] = [];
  try {
    for (const [i, node] of nodes.entries()) started.push(await startWireProxy(optionsOf(node, i)));
    return started;
  } catch (thrown) {
    await Promise.all(started.map((proxy) => proxy.stop()));
    throw thrown;
  }
}

function ybServer(node: NodeDescription, proxy: WireProxy | undefined): YbServer {
  const { cloud = 'cloud1', region = 'datacenter1', zone = 'rack1', nodeType = 'primary', publicIp = '' } = node;
  const uuid = randomUUID().replaceAll('-', '');
  return { host: proxy?.host ?? '', port: proxy?.port ?? 0, nodeType, cloud, region, zone, publicIp, uuid };
}

function urlThrough(proxy: WireProxy, target: TestDatabase): string {
  const account = `${encodeURIComponent(target.user)}:${encodeURIComponent(target.password)}`;
  return `postgres://${account}@${proxy.host}:${proxy.port}/${encodeURIComponent(target.database)}`;
}
