/**
 * `npm run bench -- leases`: what many live leases cost one server (`dist/coffer`, store in a file, PostgreSQL, our plugin).
 *
 * Start: from the start of the process until it is unsealed by its static key, and until the first credential. Memory: of
 * the server's process, with few leases and with 50,000, in alternation. Burst: 5,000 real logins whose leases end at one
 * instant, dropped a second, against the same by psql and pgbench; and what other clients notice meanwhile.
 *
 * The 50,000 are written by the core's own lease issuer under the store's own keys, like one that the server issued: only
 * their logins do not exist. The 5,000 are issued by the server; their times are then set in the store while it is down.
 * BENCH_LEASES and BENCH_BURST give other numbers, BENCH_ROUNDS how often (default 5), BENCH_CASES one of the parts.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { startPostgres, type TestPostgres } from '@coffer/testkit';
import { issue } from '../../tests/dev-server.ts';
import { burst, dropDirectly, type Latencies } from './lease-burst.ts';
import {
  addLeases,
  type LeaseServer,
  cpuMsOf,
  makeLeaseServer,
  memoryOf,
  registerPlugin,
  start,
} from './lease-server.ts';
import { machine, median } from './measurement.ts';

const LEASES = Number(process.env['BENCH_LEASES'] ?? 50_000);
const BURST = Number(process.env['BENCH_BURST'] ?? 5_000);
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5);
const ONLY = process.env['BENCH_CASES'] ?? '';
const PAGE = 1000;
const IDLE_MS = 2_000;

interface Start {
  readonly unsealedMs: number;
  readonly credentialMs: number;
  /** Of the server's process, until the first credential. */
  readonly cpuMs: number;
  readonly memory: { readonly resident: number; readonly own: number };
  /** After a list of every lease in one answer. */
  readonly afterList: { readonly resident: number; readonly own: number };
}

async function measureStart({ home, rootToken }: LeaseServer): Promise<Start> {
  const begin = performance.now();
  const server = await start(home);
  const unsealedMs = performance.now() - begin;
  const client = server.client(rootToken);
  const { leaseId } = await issue(client);
  const credentialMs = performance.now() - begin;
  const cpuMs = cpuMsOf(server);
  await client.write('sys/leases/lookup', { lease_id: leaseId });
  await client.list('sys/leases/lookup/database/creds/my-first-role', { limit: String(PAGE) });
  await sleep(IDLE_MS);
  const memory = memoryOf(server);
  await client.list('sys/leases/lookup/database/creds/my-first-role');
  await sleep(IDLE_MS);
  const afterList = memoryOf(server);
  await client.write('sys/leases/revoke', { lease_id: leaseId });
  await server.stop('SIGTERM');
  return { unsealedMs, credentialMs, cpuMs, memory, afterList };
}

async function benchStarts(database: TestPostgres): Promise<void> {
  const few = await makeLeaseServer(database);
  const many = await makeLeaseServer(database);
  try {
    const server = await start(many.home);
    const model = await issue(server.client(many.rootToken));
    await server.stop('SIGTERM');
    await addLeases(many, LEASES, model);
    for (const plugin of ['plugin in the server', 'plugin as a process']) {
      if (plugin === 'plugin as a process') for (const each of [few, many]) await registerPlugin(each);
      const starts: Record<'few' | 'many', Start[]> = { few: [], many: [] };
      for (let round = 0; round < ROUNDS; round++) {
        starts.few.push(await measureStart(few));
        starts.many.push(await measureStart(many));
      }
      printStarts(plugin, starts);
    }
  } finally {
    await few.home.remove();
    await many.home.remove();
  }
}

function printStarts(plugin: string, { few, many }: Readonly<Record<'few' | 'many', readonly Start[]>>): void {
  console.log(`\n${plugin}: medians of ${ROUNDS} starts, in alternation`);
  const row = (name: string, value: (start: Start) => number, unit: number, digits: number): void => {
    const [a, b] = [median(few.map(value)) / unit, median(many.map(value)) / unit];
    console.log(`${name.padEnd(44)}${a.toFixed(digits).padStart(9)}${b.toFixed(digits).padStart(14)}`);
  };
  console.log(`${''.padEnd(44)}${'0 leases'.padStart(9)}${`${LEASES} leases`.padStart(14)}`);
  row('start to unsealed, ms', ({ unsealedMs }) => unsealedMs, 1, 0);
  row('start to first credential, ms', ({ credentialMs }) => credentialMs, 1, 0);
  row('processor time until then, ms', ({ cpuMs }) => cpuMs, 1, 0);
  row('resident memory, MB', ({ memory }) => memory.resident, 1e6, 1);
  row('of it the process’s own, MB', ({ memory }) => memory.own, 1e6, 1);
  row('own after a list of all leases, MB', ({ afterList }) => afterList.own, 1e6, 1);
  const perLease = (value: (start: Start) => number): string =>
    ((median(many.map(value)) - median(few.map(value))) / LEASES).toFixed(0);
  console.log(
    `bytes a lease: ${perLease(({ memory }) => memory.resident)} resident, ${perLease(({ memory }) => memory.own)} own`,
  );
}

async function benchBurst(database: TestPostgres): Promise<void> {
  const direct: Record<string, number[]> = {};
  const bursts: Awaited<ReturnType<typeof burst>>[] = [];
  const server = await makeLeaseServer(database);
  try {
    for (let round = 0; round < Math.min(3, ROUNDS); round++) {
      for (const [name, rate] of Object.entries(await dropDirectly(database, BURST))) (direct[name] ??= []).push(rate);
      bursts.push(await burst(server, database, BURST, round === 0 ? LEASES : 0));
    }
  } finally {
    await server.home.remove();
  }
  const ours = median(bursts.map(({ rate }) => rate));
  console.log(
    `\n${BURST} logins whose leases end at one instant, ${LEASES} other leases; medians of ${bursts.length} rounds`,
  );
  console.log(
    `dropped a second by the server: ${ours.toFixed(0)} (${bursts.map(({ rate }) => rate.toFixed(0)).join(', ')})`,
  );
  for (const [name, rates] of Object.entries(direct)) {
    const rate = median(rates);
    console.log(
      `  ${name.padEnd(46)}${rate.toFixed(0).padStart(7)} a second; server / this: ${(ours / rate).toFixed(2)}`,
    );
  }
  for (const probe of ['creds', 'lookup'] as const) {
    for (const phase of ['quiet', 'during'] as const)
      printLatencies(
        `${probe}, ${phase}`,
        bursts.map((each) => each[phase][probe]),
      );
  }
}

function printLatencies(name: string, rounds: readonly Latencies[]): void {
  const answered = rounds.flatMap((round) => round.answered).sort((a, b) => a - b);
  const failed = rounds.reduce((sum, round) => sum + round.failed, 0);
  const at = (share: number): string =>
    (answered[Math.min(answered.length - 1, Math.floor(answered.length * share))] ?? Number.NaN).toFixed(1);
  console.log(
    `${name.padEnd(16)} ${answered.length} answered, ${failed} failed; ms: median ${at(0.5)}, 99 % ${at(0.99)}, worst ${at(1)}`,
  );
}

export async function benchLeases(): Promise<void> {
  if (process.platform !== 'linux') throw new Error('memory is read from /proc: this bench is for Linux');
  console.log(`${machine()}; PostgreSQL 15 with fsync on, CREATE ROLE … LOGIN IN ROLE app`);
  for (const [name, bench] of Object.entries({ start: benchStarts, burst: benchBurst })) {
    if (!name.includes(ONLY)) continue;
    const database = await startPostgres({
      // As when it was measured before.
      admin: 'superuser',
      settings: { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on', shared_buffers: '128MB' },
    });
    try {
      await database.query('CREATE ROLE app');
      await bench(database);
    } finally {
      await database.stop();
    }
  }
}
