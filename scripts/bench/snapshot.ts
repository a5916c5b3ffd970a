/**
 * `npm run bench -- snapshot`: a server with a store file and many leases. How long a snapshot of it takes, how large it is, how long
 * it takes to restore it, and to migrate the store to PostgreSQL and back. BENCH_LEASES says how many (100,000).
 */
import assert from 'node:assert/strict';
import { stat, writeFile } from 'node:fs/promises';
import { startPostgres } from '@coffer/testkit';
import { coffer } from '../../tests/coffer-process.ts';
import { addLeases, issueMany, makeLeaseServer, memoryOf, start } from './lease-server.ts';
import { machine } from './measurement.ts';

const LEASES = Number(process.env['BENCH_LEASES'] ?? 100_000);

async function timed(
  what: string,
  work: () => Promise<{ readonly exit: number; readonly stderr: string }>,
): Promise<void> {
  const begin = performance.now();
  const { exit, stderr } = await work();
  assert.equal(exit, 0, stderr);
  console.log(`${what.padEnd(44)} ${((performance.now() - begin) / 1000).toFixed(1).padStart(7)} s`);
}

export async function benchSnapshot(): Promise<void> {
  console.log(machine());
  const database = await startPostgres();
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
    await timed(`snapshot save, ${LEASES} leases`, () => run('save', file));
    console.log(`${'its file'.padEnd(44)} ${((await stat(file)).size / 1e6).toFixed(1).padStart(7)} MB`);
    console.log(
      `${'the store file'.padEnd(44)} ${((await stat(home.storeFile)).size / 1e6).toFixed(1).padStart(7)} MB`,
    );
    await timed('snapshot inspect', () => run('inspect', file));
    await timed('snapshot restore', () => run('restore', file));
    console.log(`${'the server, resident'.padEnd(44)} ${(memoryOf(server).resident / 1e6).toFixed(0).padStart(7)} MB`);
    await server.stop('SIGTERM');
    const url = new URL(database.url);
    url.pathname = '/bench_store';
    const stanzas = [home.fileStorage, `storage "yugabytedb" { connection_url = ${JSON.stringify(url.toString())} }`];
    const back = home.fileStorage.replace('/data', '/back');
    for (const [what, source = '', destination = ''] of [
      ['migrate to PostgreSQL', ...stanzas],
      ['migrate back to a file', stanzas[1], back],
    ] as const) {
      const config = home.path('migrate.hcl');
      await writeFile(
        config,
        `${source.replace('storage', 'storage_source')}\n${destination.replace('storage', 'storage_destination')}\n`,
      );
      await timed(what ?? '', () => coffer(['operator', 'migrate', `-config=${config}`]));
    }
  } finally {
    await home.remove();
    await database.stop();
  }
}
