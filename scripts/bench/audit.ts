/**
 * `npm run bench -- audit`: what audit devices cost a request, of `dist/coffer` with a store in memory and a real PostgreSQL. One
 * server without a device, one with a file, one with a file and a socket, measured in turn: lookups of a token (nothing but the
 * server itself) and credentials (with a login in the database), 8 clients at a time.
 *
 * BENCH_ROUNDS says how often (default 5), BENCH_REQUESTS how many lookups in each (2,000; a tenth as many credentials). UPDATE_DOCS=1 writes it into
 * docs/benchmarks.md.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, type Client } from '@coffer/client';
import { startPostgres } from '@coffer/testkit';
import { type ServerProcess, startServer } from '../../tests/coffer-process.ts';
import { configure, connectionTo } from '../../tests/dev-server.ts';
import { machine, median } from './measurement.ts';
import { Report } from './report.ts';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5);
const REQUESTS = Number(process.env['BENCH_REQUESTS'] ?? 2_000);
const CLIENTS = 8;

interface Case {
  readonly name: string;
  readonly server: ServerProcess;
  readonly client: Client;
  readonly lookupMs: number[];
  readonly issueMs: number[];
}

export async function benchAudit(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'coffer-bench-audit-'));
  const database = await startPostgres();
  const sockets = new Set<Socket>();
  const collector = createServer((socket) => sockets.add(socket.on('error', () => undefined).resume()));
  const address = join(directory, 'collector.sock');
  await new Promise<void>((done) => collector.listen(address, done));
  const cases: Case[] = [];
  const add = async (name: string, devices: readonly (readonly [type: string, options: object])[]): Promise<void> => {
    const server = await startServer(['-log-level=warn']);
    const client = createClient({ address: server.address, token: 'root' });
    await configure(client, connectionTo(database));
    for (const [type, options] of devices)
      await client.request('PUT', `sys/audit/${type}`, { body: { type, options: { ...options } } });
    cases.push({ name, server, client, lookupMs: [], issueMs: [] });
  };
  try {
    const file = (name: string) => ['file', { file_path: join(directory, `${name}.log`) }] as const;
    await add('no device', []);
    await add('a file', [file('one')]);
    await add('a file and a socket', [file('two'), ['socket', { address, socket_type: 'unix' }]]);
    for (let round = 0; round <= ROUNDS; round++) {
      for (const { client, lookupMs, issueMs } of cases) {
        const lookup = await perRequest(REQUESTS, () => client.read('auth/token/lookup-self'));
        const issue = await perRequest(Math.ceil(REQUESTS / 10), () => client.read('database/creds/my-first-role'));
        // The first one only warms up.
        if (round === 0) continue;
        lookupMs.push(lookup);
        issueMs.push(issue);
      }
    }
    await print(cases);
  } finally {
    for (const { server } of cases) await server.stop();
    for (const socket of sockets) socket.destroy();
    collector.close();
    await database.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

/** Milliseconds of wall time for each of many requests, some at a time. */
async function perRequest(count: number, send: () => Promise<unknown>): Promise<number> {
  let left = count;
  const begin = performance.now();
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      while (left-- > 0) await send();
    }),
  );
  return (performance.now() - begin) / count;
}

async function print(cases: readonly Case[]): Promise<void> {
  const [none] = cases;
  if (none === undefined) return;
  const cell = (own: readonly number[], base: readonly number[]): string =>
    `${median(own).toFixed(3)} ms (${(median(own) / median(base)).toFixed(2)}×)`;
  const report = new Report();
  report.say(`${machine()}, medians of ${ROUNDS} rounds, ${CLIENTS} clients at a time.\n`);
  report.head('', 'a lookup', 'a credential');
  for (const { name, lookupMs, issueMs } of cases)
    report.row(name, cell(lookupMs, none.lookupMs), cell(issueMs, none.issueMs));
  await report.end('audit');
}
