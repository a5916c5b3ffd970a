/**
 * `npm run bench -- start`: how long a host waits for a plugin, and what it holds while it is idle.
 *
 * Start: reading and hashing the file, as a host does before every start, then starting the process, until its handshake
 * line; with automatic mTLS. Idle: resident memory a second after a host has connected and made its first calls
 * (launched), and a second after it has configured a database and verified the connection (configured). UPDATE_DOCS=1 writes it into
 * docs/benchmarks.md.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { basename, delimiter, dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { silentLogger } from '@coffer/base';
import { DATABASE_COOKIE, PluginProcess } from '@coffer/database-plugin';
import { createCertificateAuthority, startPostgres, type TestPostgres } from '@coffer/testkit';
import { machine, median, type PluginFile, pluginFiles } from './measurement.ts';
import { Report } from './report.ts';

const ROUNDS = 15;
const IDLE_ROUNDS = 3;
const IDLE_MS = 1000;

interface Start {
  readonly hashMs: number;
  readonly handshakeMs: number;
}
/** Everything resident, in MB: the file's pages are shared with other processes, and how many there are is the kernel's choice. */
interface Memory {
  readonly launchedMb: number;
  readonly configuredMb: number;
}

async function start(file: string, env: NodeJS.ProcessEnv): Promise<Start> {
  const begin = performance.now();
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), createHash('sha256'));
  const hashed = performance.now();
  const child = spawn(file, { env, stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = new Promise<void>((done) => child.once('close', () => done()));
  await new Promise<void>((done, fail) => {
    child.once('error', fail);
    child.once('exit', () => fail(new Error(`${file} ended before its handshake`)));
    child.stdout.once('data', () => done());
  });
  const shaken = performance.now();
  child.kill('SIGKILL');
  await ended;
  return { hashMs: hashed - begin, handshakeMs: shaken - hashed };
}

async function idle(
  file: string,
  { host, port, user: username, password, database: db }: TestPostgres,
): Promise<Memory> {
  const plugin = await PluginProcess.launch({ directory: dirname(file), path: basename(file), logger: silentLogger });
  const residentMb = async () => {
    await delay(IDLE_MS);
    const status = readFileSync(`/proc/${plugin.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1000;
  };
  try {
    await plugin.version();
    const database = plugin.open();
    await database.type();
    const launchedMb = await residentMb();
    await database.initialize({ config: { host, port, username, password, db }, verifyConnection: true });
    return { launchedMb, configuredMb: await residentMb() };
  } finally {
    await plugin.kill();
  }
}

async function idleInTurn(files: readonly PluginFile[]) {
  if (process.platform !== 'linux') return new Map<PluginFile, Memory[]>();
  const postgres = await startPostgres({ admin: 'superuser' });
  try {
    return await inTurn(IDLE_ROUNDS, files, (file) => idle(file, postgres));
  } finally {
    await postgres.stop();
  }
}

/** In alternation, so that a busy moment of the machine meets all alike. */
async function inTurn<T>(rounds: number, files: readonly PluginFile[], run: (file: string) => Promise<T>) {
  const results = new Map<PluginFile, T[]>(files.map((file) => [file, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [plugin, values] of results) values.push(await run(plugin.file));
  }
  return results;
}

export async function benchStart(): Promise<void> {
  const { ours, go } = pluginFiles();
  const files = go === undefined ? ours : [go, ...ours];
  // The script's first line asks for "node": the one that runs this.
  const path = [dirname(process.execPath), process.env['PATH']].join(delimiter);
  process.env['PATH'] = path;
  delete process.env['NODE_EXTRA_CA_CERTS'];
  const { certificatePem } = await createCertificateAuthority();
  const env = {
    ...process.env,
    [DATABASE_COOKIE.key]: DATABASE_COOKIE.value,
    PLUGIN_PROTOCOL_VERSIONS: '5,6',
    PLUGIN_CLIENT_CERT: certificatePem,
  };
  const starts = await inTurn(ROUNDS, files, (file) => start(file, env));
  const memories = await idleInTurn(files);

  const report = new Report();
  report.say(`${machine()}; medians of ${ROUNDS} starts and ${IDLE_ROUNDS} idle processes, in alternation.\n`);
  report.head('plugin', 'sha256 ms', 'handshake ms', 'together ms', 'launched MB', 'configured MB');
  const rows = files.map((file) => ({ file, ...summary(starts.get(file) ?? [], memories.get(file) ?? []) }));
  const base = rows.find(({ file }) => file === go);
  for (const { file, hashMs, handshakeMs, togetherMs, launchedMb, configuredMb } of rows) {
    report.row(
      ...[file.name, hashMs.toFixed(0), handshakeMs.toFixed(0)],
      `${togetherMs.toFixed(0)} (${ratio(togetherMs, base?.togetherMs)} ×)`,
      `${launchedMb.toFixed(1)} (${ratio(launchedMb, base?.launchedMb)} ×)`,
      `${configuredMb.toFixed(1)} (${ratio(configuredMb, base?.configuredMb)} ×)`,
    );
  }
  await report.end('start');
}

function summary(starts: readonly Start[], memories: readonly Memory[]) {
  return {
    hashMs: median(starts.map(({ hashMs }) => hashMs)),
    handshakeMs: median(starts.map(({ handshakeMs }) => handshakeMs)),
    togetherMs: median(starts.map(({ hashMs, handshakeMs }) => hashMs + handshakeMs)),
    launchedMb: median(memories.map(({ launchedMb }) => launchedMb)),
    configuredMb: median(memories.map(({ configuredMb }) => configuredMb)),
  };
}

function ratio(value: number, base: number | undefined): string {
  return base === undefined ? '-' : (value / base).toFixed(2);
}
