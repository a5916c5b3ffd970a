/**
 * `npm run bench -- growth`: servers with no, 10,000 and 100,000 live leases (Coffer, store in a file), measured in turn:
 * credentials, reads, and how long after a start the first credential is there. Beside it the start of OpenBao with as many
 * leases, where there is one.
 *
 * The leases of Coffer are written by the core's own lease issuer while the server is down; only their logins do not exist.
 * Those of OpenBao are issued, which takes minutes. BENCH_LEASES is the list of sizes, BENCH_PEER_LEASES how many OpenBao has
 * (100,000); BENCH_SECONDS and BENCH_ROUNDS are as of `server`. UPDATE_DOCS=1 writes it into docs/benchmarks.md. Ends with 1
 * when any request failed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { addLeases } from '../lease-server.ts';
import { median } from '../measurement.ts';
import { Report } from '../report.ts';
import { about } from './about.ts';
import { type Cell, medianCell } from './cell.ts';
import { cofferOnFile } from './coffer.ts';
import { httpRequest, Load } from './load.ts';
import { startOpenBao } from './peer.ts';
import { cpuMs } from './processes.ts';
import { type Bench, ROUNDS, rows, SECONDS } from './rows.ts';
import { Subject } from './subjects.ts';
import { REVOKED_ROLE, SHAPES, Target } from './target.ts';

const SIZES = (process.env['BENCH_LEASES'] ?? '0,10000,100000').split(',').map(Number);
const PEER_LEASES = Number(process.env['BENCH_PEER_LEASES'] ?? 100_000);
const WORK = 'issue, IN ROLE, md5, 16 clients;token/lookup-self, 64;sys/leases/lookup, 64';
const CREDENTIAL = `database/creds/${SHAPES['IN ROLE'].role}`;
const AGAIN_MS = 2;

interface Sized {
  readonly subject: Subject;
  readonly leases: number;
}

/** A server that cannot be given its leases is stopped. */
async function filled(subject: Subject, fill: () => Promise<number>): Promise<Sized> {
  try {
    return { subject, leases: await fill() };
  } catch (error) {
    await subject.stop();
    throw error;
  }
}

async function cofferWith(target: Target, leases: number): Promise<Sized> {
  const subject = await Subject.start(await cofferOnFile(), target);
  return filled(subject, async () => {
    await write(subject, leases);
    return leases;
  });
}

/** While it is down, but for the first. */
async function write(subject: Subject, leases: number): Promise<void> {
  const { host } = subject;
  // Whoever writes leases has the database engine and nothing else.
  for (const method of ['userpass', 'approle']) await subject.client.delete(`sys/auth/${method}`);
  if (leases > 0 && host.file !== undefined) {
    const like = await subject.client.read(`database/creds/${REVOKED_ROLE}`);
    await subject.halt();
    const { rootToken } = subject.access;
    await addLeases({ ...host.file, rootToken }, leases, { leaseId: like?.leaseId ?? '', username: '', password: '' });
    await subject.start();
  }
}

async function peerWith({ target, load }: Bench, count: number): Promise<Sized | undefined> {
  const host = await startOpenBao();
  if (host === undefined) return undefined;
  const subject = await Subject.start(host, target);
  return filled(subject, async () => {
    const requests = [httpRequest('GET', CREDENTIAL, subject.access.token)];
    const { answered } = await load.run({ ...subject.place, clients: 16, requests }, { count });
    await target.clear();
    return answered;
  });
}

async function measureWork(report: Report, bench: Bench, servers: readonly Sized[]): Promise<number> {
  let errors = 0;
  report.head('work', 'leases', 'a second', 'p50 ms', 'p99 ms', 'errors', 'CPU ms of the server', '× the first');
  for (const row of rows(WORK)) {
    const cells = servers.map((): Cell[] => []);
    for (let round = 0; round < ROUNDS; round++) {
      for (const [at, { subject }] of servers.entries()) {
        cells[at]?.push(await row.measure(bench, subject));
        // Of the logins that are gone already; the leases that were written are of another role.
        await subject.client.request('PUT', `sys/leases/revoke-force/${CREDENTIAL}`);
      }
    }
    const medians = cells.map(medianCell);
    for (const [at, { rate, p50, p99, errors: failed, samples, cpu }] of medians.entries()) {
      errors += failed;
      for (const sample of samples) console.error(sample);
      const figures = [rate.toFixed(0), p50.toFixed(1), p99.toFixed(1), failed, cpu.server.toFixed(2)];
      const share = (rate / (medians[0]?.rate ?? Number.NaN)).toFixed(2);
      report.row(row.name, countText(servers[at]?.leases), ...figures, share);
    }
  }
  return errors;
}

interface Start {
  readonly ms: number;
  readonly cpu: number;
}

/** From the start of the process until a credential is there. */
async function firstCredential(subject: Subject): Promise<Start> {
  await subject.halt();
  const begin = performance.now();
  await subject.start();
  for (;;) {
    const issued = await subject.client.read(CREDENTIAL).catch(() => undefined);
    if (issued !== undefined) return { ms: performance.now() - begin, cpu: cpuMs([subject.pid]) };
    await sleep(AGAIN_MS);
  }
}

async function measureStarts(report: Report, servers: readonly Sized[]): Promise<void> {
  const starts = servers.map((): Start[] => []);
  for (let round = 0; round < ROUNDS; round++)
    for (const [at, { subject }] of servers.entries()) starts[at]?.push(await firstCredential(subject));
  report.say('\nFrom the start of the process to the first credential:\n');
  report.head('who', 'leases', 'ms', 'CPU ms of the server');
  for (const [at, { subject, leases }] of servers.entries()) {
    const of = (figure: keyof Start): string => median((starts[at] ?? []).map((start) => start[figure])).toFixed(0);
    report.row(subject.name, countText(leases), of('ms'), of('cpu'));
  }
}

function countText(count = 0): string {
  return count.toLocaleString('en-US');
}

export async function benchGrowth(): Promise<void> {
  const report = new Report();
  const target = await Target.start();
  const load = await Load.start();
  const servers: Sized[] = [];
  try {
    await target.use('md5');
    report.say(
      `${await about()}; PostgreSQL 15 with fsync on; medians of ${ROUNDS} rounds of ${SECONDS} s, in turn.\n`,
    );
    for (const leases of SIZES) servers.push(await cofferWith(target, leases));
    if ((await measureWork(report, { load, target }, servers)) > 0) process.exitCode = 1;
    const peer = await peerWith({ load, target }, PEER_LEASES);
    if (peer !== undefined) servers.push(peer);
    await measureStarts(report, servers);
    await report.end('growth');
  } finally {
    await load.stop();
    for (const { subject } of servers) await subject.stop();
    await target.stop();
  }
}
