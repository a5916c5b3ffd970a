/**
 * `npm run bench -- plugin`: users made and dropped a second through HashiCorp's own host code (tests/interop/host), by
 * our plugin and by the Go plugin that BENCH_GO_PLUGIN names, in alternation against one PostgreSQL, and the same SQL by
 * pgbench as the limit; and the first 200 users that a plugin makes after its start, which V8 has compiled nothing for.
 * BENCH_ROUNDS sets how often (default 3), BENCH_CASES a part of a case's name to run only those. UPDATE_DOCS=1 writes it into
 * docs/benchmarks.md.
 */
import type { JsonObject, JsonValue } from '@coffer/base';
import { type TestPostgres, startPostgres } from '@coffer/testkit';
import { GoHost } from '../../tests/interop/go-host.ts';
import { buildGoPrograms } from '../../tests/interop/go-programs.ts';
import { machine, median, type PluginFile, pluginFiles } from './measurement.ts';
import { pgbenchRate } from './pgbench.ts';
import { Report } from './report.ts';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 3);
const ONLY = process.env['BENCH_CASES'] ?? '';
const PASSWORD = 'Bench-1234-word';
const ROLE = `CREATE ROLE "{{name}}" WITH PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'`;
const SHAPES: Readonly<Record<string, readonly string[]>> = {
  seed: [`${ROLE} NOINHERIT LOGIN`, 'GRANT ALL ON DATABASE "yugabyte" TO "{{name}}"'],
  'IN ROLE': [`${ROLE} LOGIN IN ROLE app`],
};
/** Calls after a start that an operator waits for. */
const FIRST_CALLS = 200;
/** Calls of each kind before anything is measured, for each shape. */
const WARM_UP = { count: 1000, drops: 800 };
const METHODS = ['scram-sha-256', 'md5'] as const;
type Method = (typeof METHODS)[number];

interface Case {
  readonly name: string;
  readonly method: Method;
  readonly statements: readonly string[];
  readonly clients: number;
  /** Users made in one round. The same for all: the more users live, the slower a GRANT. */
  readonly count: number;
  /** How many of them are dropped through the plugin. */
  readonly drops: number;
}

function cases(method: Method): readonly Case[] {
  return Object.entries(SHAPES)
    .flatMap(([shape, statements]) =>
      [1, 16].map((clients) => ({
        name: `${method}, ${shape}, ${clients} ${clients === 1 ? 'client' : 'clients'}`,
        method,
        statements,
        clients,
        count: (method === 'md5' ? 3 : 1) * (clients === 1 ? 100 : 400),
        drops: clients === 1 ? 60 : 96,
      })),
    )
    .filter(({ name }) => name.includes(ONLY));
}

/** Work a second, as the Go host sees it, and what the operations answered. */
async function rate(host: GoHost, operation: string, clients: number, requests: readonly JsonObject[]) {
  const answer = await host.call('load', { operation, clients, requests: [...requests] });
  const { seconds, results } = answer as { readonly seconds: number; readonly results: readonly JsonValue[] };
  return { rate: requests.length / seconds, results };
}

interface Rates {
  readonly issue: number;
  readonly revoke: number;
}

async function measure(host: GoHost, database: string, { statements, clients, count, drops }: Case): Promise<Rates> {
  const expiration = new Date(Date.now() + 3_600_000).toISOString();
  const user = { database, displayName: 'token', roleName: 'bench', password: PASSWORD, expiration };
  const issues = Array.from({ length: count }, () => ({ ...user, statements: [...statements] }));
  const issue = await rate(host, 'newUser', clients, issues);
  const names = issue.results.slice(0, drops);
  const revocations = names.map((username) => ({ database, username, statements: [] }));
  const revoke = await rate(host, 'deleteUser', clients, revocations);
  return { issue: issue.rate, revoke: revoke.rate };
}

/** Ours first, then the Go plugin, where there is one. */
function files(): readonly PluginFile[] {
  const { ours, go } = pluginFiles();
  return [...ours.filter(({ name }) => name === 'executable'), ...(go === undefined ? [] : [go])];
}

async function open(host: GoHost, database: TestPostgres, plugins: readonly PluginFile[]): Promise<readonly string[]> {
  const { host: address, port, user: username, password, database: db } = database;
  for (const [at, { file }] of plugins.entries()) {
    const plugin = `plugin-${at}-${port}`;
    await host.call('register', { plugin, file, protocols: [5, 6] });
    await host.open(plugin, plugin);
    const config = { host: address, port, username, password, db };
    await host.call('initialize', { database: plugin, config, verify: true });
  }
  return plugins.map((_, at) => `plugin-${at}-${port}`);
}

/** In a host, plugins have been running for a while: their code is compiled and their connections are open. */
async function warmUp(host: GoHost, database: TestPostgres, plugins: readonly string[]): Promise<void> {
  for (const plugin of plugins) {
    for (const statements of Object.values(SHAPES)) {
      await measure(host, plugin, { name: 'warm-up', method: 'md5', statements, clients: 1, ...WARM_UP });
      await clear(database);
    }
  }
}

/** Of issuing only: the lowest cost of revoking depends on how many names share a DROP. */
async function limit(database: TestPostgres, { statements, clients, count }: Case): Promise<number | undefined> {
  const expiration = new Date(Date.now() + 3_600_000).toISOString();
  const sql = statements.map((statement) =>
    statement.replace('{{password}}', PASSWORD).replace('{{expiration}}', expiration),
  );
  const load = { clients, count: count * 2 };
  const rate = await pgbenchRate(database, sql.length > 1 ? ['BEGIN', ...sql, 'COMMIT'] : sql, load);
  await clear(database);
  return rate;
}

/** What is left of a round, so that the next one starts alike. */
async function clear(database: TestPostgres): Promise<void> {
  const rows = await database.query(`SELECT rolname FROM pg_roles WHERE rolname LIKE 'limit-%' OR rolname LIKE 'v-%'`);
  const names = rows.map((row) => `"${String(row['rolname'])}"`);
  if (names.length > 0) await database.query(`DROP OWNED BY ${names.join(', ')}`);
  if (names.length > 0) await database.query(`DROP ROLE ${names.join(', ')}`);
}

/** Each time in a host of its own, with a plugin that has just been started. */
async function firstCalls(report: Report, program: string, database: TestPostgres, method: Method): Promise<void> {
  for (const [shape, statements] of Object.entries(SHAPES)) {
    const name = `${method}, ${shape}, first ${FIRST_CALLS}`;
    if (!name.includes(ONLY)) continue;
    const rates: number[][] = files().map(() => []);
    for (let round = 0; round < ROUNDS; round++) {
      for (const [at, file] of files().entries()) {
        const host = newHost(program);
        try {
          const [plugin = ''] = await open(host, database, [file]);
          const one = { name, method, statements, clients: 1, count: FIRST_CALLS, drops: 0 };
          rates[at]?.push((await measure(host, plugin, one)).issue);
        } finally {
          await host.stop();
        }
        await clear(database);
      }
    }
    const [ours, go] = rates.map(median);
    print(report, `issue, ${name}`, Number.NaN, [ours ?? Number.NaN, go ?? Number.NaN]);
  }
}

/** Without the trace that the host writes of each call. */
function newHost(program: string): GoHost {
  return new GoHost(program, { ...process.env, HOST_LOG_LEVEL: 'warn' });
}

async function runCase(
  report: Report,
  host: GoHost,
  database: TestPostgres,
  plugins: readonly string[],
  one: Case,
): Promise<void> {
  const limits: number[] = [];
  const rates: Rates[][] = plugins.map(() => []);
  // The first round makes both alike: what the database keeps in its caches is the case's own.
  for (let round = 0; round <= ROUNDS; round++) {
    const top = await limit(database, one);
    if (round > 0 && top !== undefined) limits.push(top);
    for (const [at, plugin] of plugins.entries()) {
      const measured = await measure(host, plugin, round === 0 ? { ...one, drops: 16 } : one);
      await clear(database);
      if (round > 0) rates[at]?.push(measured);
    }
  }
  print(
    report,
    `issue, ${one.name}`,
    median(limits),
    rates.map((list) => median(list.map(({ issue }) => issue))),
  );
  print(
    report,
    `revoke, ${one.name}`,
    Number.NaN,
    rates.map((list) => median(list.map(({ revoke }) => revoke))),
  );
}

function print(
  report: Report,
  name: string,
  top: number,
  [ours = Number.NaN, go = Number.NaN]: readonly number[],
): void {
  const rate = (value: number): string => (Number.isNaN(value) ? '-' : value.toFixed(0));
  const ratio = (value: number): string => (Number.isNaN(value) ? '-' : value.toFixed(2));
  report.row(name, rate(top), rate(go), rate(ours), ratio(ours / go), ratio(ours / top));
}

export async function benchPlugin(): Promise<void> {
  const programs = buildGoPrograms();
  if ('missing' in programs) throw new Error(programs.missing);
  const report = new Report();
  report.say(`${machine()}; median of ${ROUNDS} rounds; users a second; PostgreSQL 15 with fsync on.\n`);
  report.head('case', 'limit', 'Go', 'ours', 'ours / Go', 'ours / limit');
  for (const method of METHODS) {
    const durable = { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on', shared_buffers: '128MB' };
    const database = await startPostgres({ admin: 'superuser', authMethod: method, settings: durable });
    try {
      await database.query('CREATE ROLE app');
      await firstCalls(report, programs.host, database, method);
      if (cases(method).length > 0) await runCases(report, programs.host, database, method);
    } finally {
      await database.stop();
    }
  }
  await report.end('plugin');
}

async function runCases(report: Report, program: string, database: TestPostgres, method: Method): Promise<void> {
  const host = newHost(program);
  try {
    const plugins = await open(host, database, files());
    await warmUp(host, database, plugins);
    for (const one of cases(method)) await runCase(report, host, database, plugins, one);
    for (const plugin of plugins) await host.call('close', { database: plugin });
  } finally {
    await host.stop();
  }
}
