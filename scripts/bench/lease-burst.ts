/** Thousands of leases that end at one instant: how fast their logins go, and what other clients notice. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@coffer/client';
import type { TestPostgres } from '@coffer/testkit';
import pg from 'pg';
import { issue } from '../../tests/dev-server.ts';
import { addLeases, endAt, issueMany, type LeaseServer, PROBE_ROLE, start } from './lease-server.ts';
import { pgbenchRate } from './pgbench.ts';

/** From the start of the server to the instant: requests are measured without the burst meanwhile. */
const QUIET_MS = 6_000;
const POLL_MS = 20;
/** Of a probe, between an answer and its next request. */
const PAUSE_MS = 5;
/** A verifier in the right form; nobody logs in with it. */
const VERIFIER = `SCRAM-SHA-256$4096:${'A'.repeat(22)}==$${'A'.repeat(43)}=:${'A'.repeat(43)}=`;

export interface Latencies {
  readonly answered: number[];
  failed: number;
}
export interface Burst {
  /** Logins dropped a second, from the instant to the last. */
  readonly rate: number;
  readonly quiet: Readonly<Record<Probe, Latencies>>;
  readonly during: Readonly<Record<Probe, Latencies>>;
}
type Probe = 'creds' | 'lookup';

export async function burst(
  server: LeaseServer,
  database: TestPostgres,
  count: number,
  others: number,
): Promise<Burst> {
  const { home, rootToken } = server;
  const issuing = await start(home);
  const issued = await issueMany(issuing, rootToken, count);
  const kept = await issue(issuing.client(rootToken), PROBE_ROLE);
  await issuing.stop('SIGTERM');
  if (others > 0) await addLeases(server, others, kept);
  const watcher = new pg.Client({ connectionString: database.url });
  watcher.on('error', () => undefined);
  await watcher.connect();
  const ask = async (what: string): Promise<unknown> => {
    const { rows } = await watcher.query<{ answer: unknown }>(
      `SELECT ${what} AS answer FROM pg_roles WHERE rolname LIKE 'v-%-my-first-%' LIMIT 1`,
    );
    return rows[0]?.answer;
  };
  try {
    if (Number(await ask('count(*)')) !== count) throw new Error('the logins that are to end are not there');
    const instant = Date.now() + QUIET_MS;
    endAt(server, issued, instant);
    const running = await start(home);
    const client = running.client(rootToken);
    const probing = new AbortController();
    const phase = { quiet: noLatencies(), during: noLatencies() };
    const at = (): Readonly<Record<Probe, Latencies>> => (Date.now() < instant ? phase.quiet : phase.during);
    const probes = [
      probe(
        probing.signal,
        () => at().creds,
        () => issue(client, PROBE_ROLE),
      ),
      probe(
        probing.signal,
        () => at().lookup,
        () => client.write('sys/leases/lookup', { lease_id: kept.leaseId }),
      ),
    ];
    await sleep(instant - Date.now());
    // Cheap while there are many: counting them each time would be a load of its own.
    while ((await ask('true')) === true) await sleep(POLL_MS);
    const seconds = (Date.now() - instant) / 1000;
    probing.abort();
    await Promise.all(probes);
    await endProbes(client);
    await running.stop('SIGTERM');
    return { rate: count / seconds, ...phase };
  } finally {
    await watcher.end();
  }
}

function noLatencies(): Record<Probe, Latencies> {
  return { creds: { answered: [], failed: 0 }, lookup: { answered: [], failed: 0 } };
}

async function endProbes(client: Client): Promise<void> {
  await client.request('PUT', `sys/leases/revoke-prefix/database/creds/${PROBE_ROLE}`, { body: { sync: false } });
}

/** Sends one request after the other until told to stop. A request counts to the phase in which its answer arrives. */
async function probe(signal: AbortSignal, results: () => Latencies, request: () => Promise<unknown>): Promise<void> {
  while (!signal.aborted) {
    const begin = performance.now();
    try {
      await request();
      results().answered.push(performance.now() - begin);
    } catch {
      results().failed++;
    }
    await sleep(PAUSE_MS);
  }
}

/** Ways to drop the same logins without Coffer, in logins a second. */
export async function dropDirectly(database: TestPostgres, count: number): Promise<Readonly<Record<string, number>>> {
  return {
    'psql, one connection, one role a statement': await dropTogether(database, count, 1),
    'pgbench, 4 connections, one role a statement': await timePgbench(database, count),
    'psql, one connection, 64 roles a statement': await dropTogether(database, count, 64),
  };
}

/** By psql over one connection, so many roles a statement. */
export async function dropTogether(database: TestPostgres, count: number, size: number): Promise<number> {
  const names = Array.from({ length: count }, (_, n) => `"limit-${n}"`);
  const statements = names
    .filter((_, n) => n % size === 0)
    .map((_, statement) => `DROP ROLE ${names.slice(statement * size, (statement + 1) * size).join(', ')};`);
  return timePsql(database, count, statements.join('\n'));
}

async function makeLogins(database: TestPostgres, count: number): Promise<void> {
  await database.query(`DO $do$ BEGIN FOR n IN 0..${count - 1} LOOP
    EXECUTE format('CREATE ROLE %I WITH PASSWORD %L VALID UNTIL ''2099-01-01'' LOGIN IN ROLE app', 'limit-' || n, '${VERIFIER}');
  END LOOP; END $do$`);
}

async function timePsql(database: TestPostgres, count: number, sql: string): Promise<number> {
  await makeLogins(database, count);
  const begin = performance.now();
  const child = spawn('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', database.url], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(sql);
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`psql ended with ${code}`);
  return count / ((performance.now() - begin) / 1000);
}

async function timePgbench(database: TestPostgres, count: number): Promise<number> {
  await makeLogins(database, count);
  await database.query('CREATE SEQUENCE limit_number MINVALUE 0');
  const drop = [`DO $do$ BEGIN EXECUTE format('DROP ROLE %I', 'limit-' || nextval('limit_number')); END $do$`];
  try {
    return (await pgbenchRate(database, drop, { clients: 4, count })) ?? Number.NaN;
  } finally {
    await database.query('DROP SEQUENCE limit_number');
  }
}
