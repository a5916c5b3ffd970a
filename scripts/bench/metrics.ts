/**
 * `npm run bench -- metrics`: what it costs a request to be counted. Two cores in this process, with a store in memory and a real
 * PostgreSQL, one watched and one not, measured in turn: lookups of a token and credentials, without HTTP, so that a client
 * sees less of it than is printed here. Processor time of the whole process, which also has the embedded store's thread. Also what
 * somebody costs who looks.
 *
 * BENCH_ROUNDS says how often (default 7), BENCH_REQUESTS how many lookups in each (4,000; a fortieth as many credentials).
 * UPDATE_DOCS=1 writes it into docs/benchmarks.md.
 */
import { randomUUID } from 'node:crypto';
import { type JsonObject, silentLogger } from '@coffer/base';
import type { IncomingRequest, OutgoingResponse } from '@coffer/framework';
import { Registry } from '@coffer/metrics';
import { openEmbeddedStore, type Store, watchedStore } from '@coffer/store';
import { startPostgres, type TestDatabase } from '@coffer/testkit';
import { composeSealable } from '../../apps/coffer/src/compose.ts';
import { connectionTo, SEED_CREATION } from '../../tests/dev-server.ts';
import { machine, median } from './measurement.ts';
import { Report } from './report.ts';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 7);
const REQUESTS = Number(process.env['BENCH_REQUESTS'] ?? 4_000);
const CLIENTS = 8;

interface Case {
  readonly name: string;
  readonly registry?: Registry;
  readonly read: (path: string) => Promise<OutgoingResponse | undefined>;
  readonly close: () => Promise<void>;
  readonly lookupUs: number[];
  readonly issueUs: number[];
}

export async function benchMetrics(): Promise<void> {
  const database = await startPostgres();
  const cases: Case[] = [];
  try {
    cases.push(await start('not counted', database));
    cases.push(await start('counted', database, new Registry()));
    for (let round = 0; round <= ROUNDS; round++) {
      for (const { read, lookupUs, issueUs } of round % 2 === 0 ? cases : cases.toReversed()) {
        const lookup = await perRequest(REQUESTS, () => read('auth/token/lookup-self'));
        const issue = await perRequest(Math.ceil(REQUESTS / 40), () => read('database/creds/role'));
        // The first one only warms up.
        if (round === 0) continue;
        lookupUs.push(lookup);
        issueUs.push(issue);
      }
    }
    await print(cases);
  } finally {
    for (const { close } of cases) await close();
    await database.stop();
  }
}

async function start(name: string, database: TestDatabase, registry?: Registry): Promise<Case> {
  const opened = await openEmbeddedStore({ path: ':memory:' });
  const store: Store = registry === undefined ? opened : watchedStore(opened, registry);
  const logger = silentLogger;
  const sealable = composeSealable({ store, storageType: 'inmem', logger, ...(registry && { metrics: registry }) });
  await sealable.start();
  const { unsealShares } = await sealable.init({ unseal: { shares: 1, threshold: 1 }, rootToken: 'root' });
  await sealable.unseal(Uint8Array.from(unsealShares[0] ?? []));
  const ask = (operation: IncomingRequest['operation'], path: string, data: JsonObject = {}) =>
    sealable.handle({ id: randomUUID(), operation, path, data, token: 'root', remoteAddress: '127.0.0.1' });
  await ask('update', 'sys/mounts/database', { type: 'database' });
  const connection = { plugin_name: 'ysql-plugin', allowed_roles: '*', ...connectionTo(database) };
  await ask('update', 'database/config/c', connection);
  const role = { db_name: 'c', creation_statements: SEED_CREATION, default_ttl: '1h' };
  await ask('update', 'database/roles/role', role);
  return {
    ...{ name, lookupUs: [], issueUs: [], read: (path) => ask('read', path) },
    ...(registry && { registry }),
    async close() {
      await sealable.core?.services.leases.revokePrefix('');
      await sealable.stop();
      await store.close();
    },
  };
}

/** Microseconds of processor time for each of many requests, some at a time. */
async function perRequest(count: number, send: () => Promise<unknown>): Promise<number> {
  let left = count;
  const begin = process.cpuUsage();
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      while (left-- > 0) await send();
    }),
  );
  const { user, system } = process.cpuUsage(begin);
  return (user + system) / count;
}

async function print(cases: readonly Case[]): Promise<void> {
  const [none] = cases;
  if (none === undefined) return;
  const cell = (own: readonly number[], base: readonly number[]): string =>
    `${median(own).toFixed(0)} µs (${(median(own) / median(base)).toFixed(2)}×)`;
  const report = new Report();
  report.say(`${machine()}, processor time, medians of ${ROUNDS} rounds, ${CLIENTS} requests at a time.\n`);
  report.head('', 'a lookup', 'a credential');
  for (const { name, lookupUs, issueUs } of cases)
    report.row(name, cell(lookupUs, none.lookupUs), cell(issueUs, none.issueUs));
  for (const { registry } of cases) {
    if (registry === undefined) continue;
    const begin = process.cpuUsage();
    const text = await registry.prometheus();
    const { user, system } = process.cpuUsage(begin);
    const ms = ((user + system) / 1000).toFixed(1);
    report.say(`\nTo look at them all: ${text?.length} bytes, ${ms} ms of processor time.`);
  }
  await report.end('metrics');
}
