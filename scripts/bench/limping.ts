/**
 * `npm run bench -- limping`: what clients wait for while a cluster limps. A server in this process and a posed cluster of six
 * nodes (forwarders before one PostgreSQL, each DDL committing by itself); four clients issue and revoke one credential after
 * the other while one fault lasts. Prints the worst times, what failed, and what was left behind.
 *
 * One run each: read the times as "stalls or not". BENCH_CASES names one of the cases, BENCH_FAULT_SECONDS how long a fault
 * lasts (default 60).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { errorText, type JsonObject } from '@coffer/base';
import { type PosedCluster, startPosedCluster, startPostgres, type TestPostgres } from '@coffer/testkit';
import { configure, connectionTo, issue, startTestServer, type TestServer } from '../../tests/dev-server.ts';
import { issuedRoles } from '../../tests/logins.ts';
import { machine } from './measurement.ts';

const FAULT_MS = Number(process.env['BENCH_FAULT_SECONDS'] ?? 60) * 1000;
const ONLY = process.env['BENCH_CASES'] ?? '';
const CLIENTS = 4;
const HEALTHY_MS = 3_000;
/** So that connections are opened all the time, as pools of many servers do. */
const SHORT_LIVES = { max_connection_lifetime: '3s' };
const NODES = ['n1', 'n2', 'n3', 'n4', 'n5', 'n6'];

interface Running {
  readonly database: TestPostgres;
  readonly cluster: PosedCluster;
  readonly server: TestServer;
}

/** What clients saw, in milliseconds. */
interface Seen {
  readonly issued: number[];
  readonly revoked: number[];
  /** Failed requests: how many, and the longest that one took. */
  readonly failures: Map<string, { count: number; worstMs: number }>;
}

interface Case {
  readonly config?: JsonObject;
  readonly begin: (running: Running) => void | Promise<void>;
  readonly end: (running: Running) => void | Promise<void>;
}

const freeze =
  (names: readonly string[], frozen: boolean) =>
  ({ cluster }: Running): void => {
    for (const name of names) {
      cluster.node(name).freeze(frozen);
      if (!frozen) cluster.node(name).dropAll();
    }
  };
const atQuestion = (action: Parameters<PosedCluster['nodes'][0]['addFault']>[0]['action'], times: number) => {
  return ({ cluster }: Running): void => {
    for (const node of cluster.nodes) node.addFault({ match: /yb_servers\(\)/, times, action });
  };
};
const heal = ({ cluster }: Running): void => {
  for (const node of cluster.nodes) node.clearFaults();
};

const CASES: Readonly<Record<string, Case>> = {
  healthy: { begin: () => undefined, end: () => undefined },
  'question hangs': {
    config: { ...SHORT_LIVES, yb_servers_refresh_interval: 2 },
    begin: atQuestion({ type: 'delay', ms: 86_400_000 }, Infinity),
    end: heal,
  },
  'contact blackholed, refresh 0': {
    config: { ...SHORT_LIVES, yb_servers_refresh_interval: 0 },
    begin: freeze(['n1'], true),
    end: freeze(['n1'], false),
  },
  'half blackholed': { begin: freeze(['n4', 'n5', 'n6'], true), end: freeze(['n4', 'n5', 'n6'], false) },
  'half blackholed, short lives': {
    config: SHORT_LIVES,
    begin: freeze(['n1', 'n2', 'n3'], true),
    end: freeze(['n1', 'n2', 'n3'], false),
  },
  'contact frozen': { begin: freeze(['n1'], true), end: freeze(['n1'], false) },
  'contact frozen, no balancing': {
    config: { load_balance: 'false' },
    begin: freeze(['n1'], true),
    end: freeze(['n1'], false),
  },
  'all blackholed': { begin: freeze(NODES, true), end: freeze(NODES, false) },
  'all refuse': {
    begin: async ({ cluster }) => {
      for (const node of cluster.nodes) {
        await node.refuse(true);
        node.dropAll();
      }
    },
    end: async ({ cluster }) => {
      for (const node of cluster.nodes) await node.refuse(false);
    },
  },
  'slow node': {
    begin: ({ cluster }) => {
      cluster.node('n2').addFault({ match: /./, times: Infinity, action: { type: 'delay', ms: 4_000 } });
    },
    end: heal,
  },
};

async function withServer<T>(config: JsonObject, work: (running: Running) => Promise<T>): Promise<T> {
  const database = await startPostgres();
  const cluster = await startPosedCluster({
    target: database,
    nodes: NODES.map((name) => ({ name, zone: `z${name.slice(1)}` })),
  });
  const server = await startTestServer();
  try {
    const [contact = database] = cluster.nodes;
    await configure(server.client, { ...connectionTo(database, contact), load_balance: 'any', ...config });
    return await work({ database, cluster, server });
  } finally {
    await server.close();
    await cluster.stop();
    await database.stop();
  }
}

/** Issues and revokes until told to stop. */
async function client({ server }: Running, seen: Seen, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    const { leaseId } = (await timed(seen, seen.issued, 'issue', () => issue(server.client))) ?? {};
    if (leaseId === undefined) continue;
    const revoke = (): Promise<unknown> =>
      server.client.write('sys/leases/revoke', { lease_id: leaseId, sync: true }).then(() => true);
    await timed(seen, seen.revoked, 'revoke', revoke);
  }
}

async function timed<T>(seen: Seen, times: number[], what: string, work: () => Promise<T>): Promise<T | undefined> {
  const begin = performance.now();
  try {
    const result = await work();
    times.push(performance.now() - begin);
    return result;
  } catch (error) {
    const status = error instanceof Error && 'status' in error ? String(error.status) : '';
    const text = `${what}: ${status} ${errorText(error).replaceAll(/v-\S+|\d+\.\d+\.\d+\.\d+|port=\d+/g, '…')}`.slice(
      0,
      160,
    );
    const entry = seen.failures.get(text) ?? { count: 0, worstMs: 0 };
    seen.failures.set(text, { count: entry.count + 1, worstMs: Math.max(entry.worstMs, performance.now() - begin) });
    await sleep(100);
    return undefined;
  }
}

async function runCase(name: string, { config = {}, begin, end }: Case): Promise<void> {
  await withServer(config, async (running) => {
    const seen: Seen = { issued: [], revoked: [], failures: new Map() };
    const stop = new AbortController();
    const clients = Array.from({ length: CLIENTS }, () => client(running, seen, stop.signal));
    await sleep(HEALTHY_MS);
    await begin(running);
    await sleep(FAULT_MS);
    await end(running);
    await sleep(HEALTHY_MS);
    stop.abort();
    await Promise.all(clients);
    const worst = (times: readonly number[]): string => `${(Math.max(0, ...times) / 1000).toFixed(1)} s`;
    console.log(
      `\n${name}: issue worst ${worst(seen.issued)} (${seen.issued.length}), revoke worst ${worst(seen.revoked)} (${seen.revoked.length})`,
    );
    for (const [text, { count, worstMs }] of seen.failures)
      console.log(`  failed ${count} times, worst ${(worstMs / 1000).toFixed(1)} s: ${text}`);
    const [roles, leases] = [await issuedRoles(running.database), await running.server.client.read('sys/leases/count')];
    console.log(`  left: ${roles.length} roles, ${JSON.stringify(leases?.data?.['lease_count'])} leases`);
  });
}

/** How many connections clients have opened so far and used. */
function opened({ cluster }: Running): number {
  return cluster.nodes.reduce(
    (sum, { statements }) => sum + new Set(statements.map(({ connection }) => connection)).size,
    0,
  );
}

async function countRevocations(): Promise<void> {
  await withServer({}, async (running) => {
    const { client: admin } = running.server;
    const leases = [];
    for (let count = 0; count < 10; count++) leases.push(await issue(admin));
    const before = opened(running);
    for (const { leaseId } of leases) await admin.write('sys/leases/revoke', { lease_id: leaseId, sync: true });
    console.log(`\nten revocations in turn: ${opened(running) - before} connections opened`);
  });
}

/** How long after its return a preferred node is used again, by an issue a second. */
async function returnToPreferred(): Promise<void> {
  const config = { topology_keys: 'cloud1.datacenter1.z1', yb_servers_refresh_interval: 5 };
  await withServer(config, async (running) => {
    const { cluster, server } = running;
    const preferred = cluster.node('n1');
    await issue(server.client);
    await preferred.refuse(true);
    preferred.dropAll();
    await issue(server.client);
    await preferred.refuse(false);
    const [begin, before] = [performance.now(), preferred.statements.length];
    while (performance.now() - begin < FAULT_MS && preferred.statements.length === before) {
      await sleep(1_000);
      await issue(server.client);
    }
    const seconds = ((performance.now() - begin) / 1000).toFixed(0);
    const used = preferred.statements.length > before;
    console.log(`\npreferred node back, refresh 5 s: ${used ? `used after ${seconds} s` : `not used in ${seconds} s`}`);
  });
}

/** The function is missing when the nodes are asked for the first time. */
async function missingOnce(): Promise<void> {
  await withServer({ ...SHORT_LIVES, yb_servers_refresh_interval: 5 }, async (running) => {
    const { cluster, server } = running;
    const action = { type: 'error' as const, sqlstate: '42883', message: 'function yb_servers() does not exist' };
    // Closes what the verification of the configuration has opened and learnt.
    for (const node of cluster.nodes) node.addFault({ match: /yb_servers\(\)/, times: 1, action });
    await server.client.write('database/reset/yugabytedb', {});
    const asked = (): number =>
      cluster.nodes.flatMap((node) => node.statements).filter(({ sql }) => sql.includes('yb_servers()')).length;
    const [questions, connections] = [asked(), opened(running)];
    const begin = performance.now();
    while (performance.now() - begin < FAULT_MS) {
      await sleep(500);
      await issue(server.client);
    }
    const used = cluster.nodes.filter(({ statements }) => statements.some(({ sql }) => sql.includes('CREATE ROLE')));
    console.log(
      `\nyb_servers() missing once, refresh 5 s: asked ${asked() - questions} times, ${opened(running) - connections} connections, ` +
        `${used.length} nodes used in ${FAULT_MS / 1000} s`,
    );
  });
}

export async function benchLimping(): Promise<void> {
  console.log(`${machine()}; PostgreSQL 15 behind six forwarders, faults of ${FAULT_MS / 1000} s, ${CLIENTS} clients`);
  const wanted = (name: string): boolean => name.includes(ONLY);
  for (const [name, posed] of Object.entries(CASES)) if (wanted(name)) await runCase(name, posed);
  if (wanted('ten revocations')) await countRevocations();
  if (wanted('preferred node')) await returnToPreferred();
  if (wanted('missing once')) await missingOnce();
}
