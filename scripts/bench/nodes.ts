/**
 * `npm run bench -- nodes`: equal nodes (`dist/coffer`) on one PostgreSQL, which holds their store and is the target, over
 * a network that delays each round trip to either. Requests a second, how long they take, each node's processor time a
 * request, and the round trips of a request as they went over the network; beside it the rate that these allow
 * (nodes-bound.ts). First with the pools that a node has when nobody says anything, then at 64 clients with larger ones.
 *
 * BENCH_NODES, BENCH_DELAYS (ms) and BENCH_CLIENTS are lists (1,2,3; 0,1,5,20; 1,16,64), BENCH_CASES a part of a work's
 * name, BENCH_SECONDS how long each cell runs (default 1.5), BENCH_STORE_POOL and BENCH_TARGET_POOL the larger pools of a
 * node (32 and 16; 0 leaves that part out), BENCH_AUTH=scram-sha-256 has PostgreSQL compute 4 ms for each new password.
 * UPDATE_DOCS=1 writes the tables into docs/benchmarks.md. Ends with 1 when any request failed.
 */
import { machine } from './measurement.ts';
import { boundOf } from './nodes-bound.ts';
import { NodesCluster, type Pools } from './nodes-cluster.ts';
import { measure, WORKS } from './nodes-load.ts';
import { type Cell, printCell, printHead, writeTables } from './nodes-tables.ts';

const NODES = numbers('BENCH_NODES', '1,2,3');
const DELAYS = numbers('BENCH_DELAYS', '0,1,5,20');
const CLIENTS = numbers('BENCH_CLIENTS', '1,16,64');
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 1.5);
const WORK = Object.keys(WORKS).filter((name) => name.includes(process.env['BENCH_CASES'] ?? ''));
const AUTH = process.env['BENCH_AUTH'] === 'scram-sha-256' ? 'scram-sha-256' : 'md5';
/** The defaults of storage "yugabytedb" and of a connection. */
const DEFAULT: Pools = { store: 10, target: 4 };
const LARGER: Pools = {
  store: Number(process.env['BENCH_STORE_POOL'] ?? 32),
  target: Number(process.env['BENCH_TARGET_POOL'] ?? 16),
};
/** The load at which pools matter. */
const CROWD = 64;
/** V8 compiles what is called often, and connections open when they are first needed. */
const WARM_UP = { clients: 64, ms: 2_000 };

function numbers(name: string, otherwise: string): readonly number[] {
  return (process.env[name] ?? otherwise).split(',').map(Number);
}

/** All cells of one size of pools; `known` are those measured before, which a bound may go by. */
async function runPools(cluster: NodesCluster, pools: Pools, known: Cell[]): Promise<void> {
  const isDefault = pools === DEFAULT;
  const delays = isDefault ? DELAYS : DELAYS.filter((delay) => delay > 0);
  const clients = isDefault ? CLIENTS : CLIENTS.filter((count) => count === CROWD);
  if (delays.length === 0 || clients.length === 0) return;
  await cluster.setPools(pools);
  for (const nodes of NODES) {
    while (cluster.nodes.length < nodes) await cluster.addNode();
    await cluster.proxy.setDelay(0);
    for (const work of WORK) await measure(cluster, work, WARM_UP.clients, WARM_UP.ms);
    for (const delayMs of delays) {
      await cluster.proxy.setDelay(delayMs);
      for (const work of WORK) {
        // The first connections of a delay, and what a longer delay has more of.
        await measure(cluster, work, CROWD, 4 * delayMs + 100);
        for (const count of clients) {
          const place = { pools, nodes, delayMs, work, clients: count };
          const cell = await runCell(cluster, place, known);
          known.push(cell);
          printCell(cell);
        }
      }
    }
  }
}

async function runCell(
  cluster: NodesCluster,
  place: Omit<Cell, 'measured' | 'bound'>,
  known: readonly Cell[],
): Promise<Cell> {
  const measured = await measure(cluster, place.work, place.clients, SECONDS * 1000);
  const undelayed = known.findLast(
    ({ work, nodes, delayMs, clients }) =>
      work === place.work && nodes === place.nodes && delayMs === 0 && clients === place.clients,
  );
  const trips = WORKS[place.work]?.trips ?? measured.trips;
  const bound = boundOf({ ...place, trips, seen: measured.trips, undelayed: undelayed?.measured.rate });
  return { ...place, measured, bound };
}

export async function benchNodes(): Promise<void> {
  if (process.platform !== 'linux') throw new Error('processor time is read from /proc: this bench is for Linux');
  const about = `${machine()}; PostgreSQL 15 with fsync on, passwords as ${AUTH}`;
  console.log(about);
  printHead();
  const cells: Cell[] = [];
  const cluster = await NodesCluster.make(AUTH);
  try {
    await runPools(cluster, DEFAULT, cells);
    if (LARGER.store > 0 && LARGER.target > 0) await runPools(cluster, LARGER, cells);
  } finally {
    await cluster.stop();
  }
  const errors = cells.flatMap(({ measured }) => measured.errors);
  console.log(`errors: ${errors.length}`);
  for (const text of new Set(errors)) console.log(`  ${text}`);
  if (errors.length > 0) process.exitCode = 1;
  else if (process.env['UPDATE_DOCS'] === '1') await writeTables(about, cells);
}
