/** Clients that ask equal nodes in turn, each its next request when the one before is answered. */
import { Agent, request as httpRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import type { DurableServer } from '../../tests/durable-process.ts';
import { cpuMsOf } from './lease-server.ts';
import type { NodesCluster } from './nodes-cluster.ts';

/** What a client does again and again; `own` is a lease of that client's. */
interface Work {
  /** Round trips to store and target that an answer waits for, one after the other. Tests hold these. */
  readonly trips: readonly [store: number, target: number];
  readonly issues?: boolean;
  readonly ownLease?: boolean;
  readonly request: (own: string) => Request;
}
interface Request {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
}

export const WORKS: Readonly<Record<string, Work>> = {
  'issue, seed': { trips: [3, 1], issues: true, request: () => ({ method: 'GET', path: 'database/creds/seed' }) },
  'issue, IN ROLE': { trips: [3, 1], issues: true, request: () => ({ method: 'GET', path: 'database/creds/in-role' }) },
  renew: {
    trips: [3, 1],
    ownLease: true,
    request: (own) => ({
      method: 'PUT',
      path: 'sys/leases/renew',
      body: JSON.stringify({ lease_id: own, increment: 3600 }),
    }),
  },
  'lookup-self': { trips: [1, 0], request: () => ({ method: 'GET', path: 'auth/token/lookup-self' }) },
  'static-creds': { trips: [2, 0], request: () => ({ method: 'GET', path: 'database/static-creds/reporting' }) },
};

export interface Measured {
  /** Answered a second. */
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  /** Processor time a request, in milliseconds, of each node's process. */
  readonly cpuMs: readonly number[];
  /** Round trips a request, to the store and to the target, those of the nodes' own work among them. */
  readonly trips: readonly [store: number, target: number];
  readonly errors: readonly string[];
}

/** Runs one kind of work for so long, and then lets what is under way finish without counting it. */
export async function measure(cluster: NodesCluster, name: string, clients: number, ms: number): Promise<Measured> {
  const work = WORKS[name];
  if (work === undefined) throw new Error(`no work is called "${name}"`);
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const send = (node: DurableServer, request: Request): Promise<string> =>
    exchange(agent, node, cluster.token, request);
  const own = await Promise.all(
    Array.from({ length: clients }, async (_, client) => (work.ownLease === true ? lease(cluster, send, client) : '')),
  );
  const answered: number[] = [];
  const errors: string[] = [];
  const before = await readings(cluster);
  const begin = performance.now();
  const ask = async (client: number): Promise<void> => {
    for (let turn = client; ; turn++) {
      const sent = performance.now();
      if (sent - begin >= ms) return;
      try {
        await send(nodeAt(cluster, turn), work.request(own[client] ?? ''));
        answered.push(performance.now() - sent);
      } catch (error) {
        errors.push(error instanceof Error ? error.message : String(error));
      }
    }
  };
  await Promise.all(own.map((_, client) => ask(client)));
  // To the end of the last request, since each of them counts.
  const seconds = (performance.now() - begin) / 1000;
  const after = await readings(cluster);
  agent.destroy();
  if (work.issues === true || work.ownLease === true) await cluster.clear();
  return {
    rate: answered.length / seconds,
    errors,
    ...percentiles(answered),
    ...costs(before, after, answered.length),
  };
}

function nodeAt({ nodes }: NodesCluster, turn: number): DurableServer {
  const node = nodes[turn % nodes.length];
  if (node === undefined) throw new Error('no node is running');
  return node;
}

async function lease(
  cluster: NodesCluster,
  send: (node: DurableServer, request: Request) => Promise<string>,
  client: number,
): Promise<string> {
  const answer = await send(nodeAt(cluster, client), { method: 'GET', path: 'database/creds/in-role' });
  return (JSON.parse(answer) as { lease_id: string }).lease_id;
}

/** Over connections that stay open, with as little work of our own as there can be: it is done on the nodes' processors. */
function exchange(agent: Agent, { address }: DurableServer, token: string, request: Request): Promise<string> {
  const { method, path, body = '' } = request;
  return new Promise((done, fail) => {
    const headers = { 'X-Vault-Token': token, 'Content-Length': Buffer.byteLength(body) };
    const sent = httpRequest(`${address}/v1/${path}`, { agent, method, headers }, (answer) => {
      const status = answer.statusCode ?? 0;
      text(answer).then(
        (answered) => (status === 200 ? done(answered) : fail(new Error(`${method} ${path}: ${status} ${answered}`))),
        fail,
      );
    });
    sent.on('error', fail);
    sent.end(body);
  });
}

interface Readings {
  readonly cpuMs: readonly number[];
  readonly roundTrips: readonly number[];
}

async function readings({ nodes, proxy }: NodesCluster): Promise<Readings> {
  return { roundTrips: await proxy.roundTrips(), cpuMs: nodes.map(cpuMsOf) };
}

function costs(before: Readings, after: Readings, requests: number): Pick<Measured, 'cpuMs' | 'trips'> {
  const trips = (route: number): number =>
    ((after.roundTrips[route] ?? 0) - (before.roundTrips[route] ?? 0)) / Math.max(1, requests);
  // The nodes are asked in turn, so each has answered as many as the others.
  const each = Math.max(1, requests / after.cpuMs.length);
  return {
    trips: [trips(0), trips(1)],
    cpuMs: after.cpuMs.map((ms, node) => (ms - (before.cpuMs[node] ?? 0)) / each),
  };
}

function percentiles(values: readonly number[]): Pick<Measured, 'p50' | 'p99'> {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99) };
}
