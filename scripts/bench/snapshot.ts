/**
 * `npm run bench -- snapshot`: a server with a store file and many leases. How long a snapshot of it takes, how large it is, how long
 * it takes to restore it, and to migrate the store to PostgreSQL and back. BENCH_LEASES says how many (100,000). UPDATE_DOCS=1 writes it into
 * docs/benchmarks.md.
 */
import assert from 'node:assert/strict';
import { stat, writeFile } from 'node:fs/promises';
import { startPostgres, type TestPostgres } from '@coffer/testkit';
import { coffer, type CommandResult } from '../../tests/coffer-process.ts';
import type { DurableHome } from '../../tests/durable-process.ts';
import { addLeases, issueMany, makeLeaseServer, memoryOf, start } from './lease-server.ts';
import { machine } from './measurement.ts';
import { Report } from './report.ts';

const LEASES = Number(process.env['BENCH_LEASES'] ?? 100_000);

export async function benchSnapshot(): Promise<void> {
  const report = new Report();
  report.say(`${machine()}; ${LEASES.toLocaleString('en-US')} leases.\n`);
  report.head('', 'seconds, or bytes');
  const database = await startPostgres();
  await database.query('CREATE ROLE app');
  await database.query(`CREATE DATABASE bench_store OWNER ${database.user}`);
  const made = await makeLeaseServer(database);
  const { home, rootToken } = made;
  try {
    let server = await start(home);
    const [like] = await issueMany(server, rootToken, 1);
    assert.ok(like !== undefined);
    await server.stop('SIGTERM');
    await addLeases(made, LEASES, like);
    server = await start(home);
    const file = home.path('bench.snap');
    const run = (...args: string[]) => server.run(['operator', 'snapshot', ...args], rootToken);
    report.row('the store file', megabytes((await stat(home.storeFile)).size));
    report.row('`operator snapshot save`', await seconds(() => run('save', file)));
    report.row('its file', megabytes((await stat(file)).size));
    report.row('`operator snapshot inspect`', await seconds(() => run('inspect', file)));
    report.row('`operator snapshot restore`', await seconds(() => run('restore', file)));
    report.row('memory of the server, after that', megabytes(memoryOf(server).resident));
    await server.stop('SIGTERM');
    await migrateBothWays(report, home, database);
  } finally {
    await home.remove();
    await database.stop();
  }
  await report.end('snapshot');
}

async function migrateBothWays(report: Report, home: DurableHome, database: TestPostgres): Promise<void> {
  const url = new URL(database.url);
  url.pathname = '/bench_store';
  const [file, nodes] = [
    home.fileStorage,
    `storage "yugabytedb" { connection_url = ${JSON.stringify(url.toString())} }`,
  ];
  for (const [what, source, destination] of [
    ['`operator migrate` to PostgreSQL', file, nodes],
    ['`operator migrate` back to a file', nodes, file.replace('/data', '/back')],
  ] as const) {
    const config = home.path('migrate.hcl');
    const stanzas = [
      source.replace('storage', 'storage_source'),
      destination.replace('storage', 'storage_destination'),
    ];
    await writeFile(config, stanzas.join('\n'));
    report.row(what, await seconds(() => coffer(['operator', 'migrate', `-config=${config}`])));
  }
}

async function seconds(work: () => Promise<CommandResult>): Promise<string> {
  const begin = performance.now();
  const { exit, stderr } = await work();
  assert.equal(exit, 0, stderr);
  return `${((performance.now() - begin) / 1000).toFixed(1)} s`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
