/**
 * `npm run bench -- memory`: resident memory of a server that was started anew and has issued one credential, after 100,000
 * requests of 64 clients (19 of 20 look up their token, one issues a credential), after a flood of bodies of 32 MiB by
 * strangers, and a minute after each. Of Coffer with a file and, where there is one, of OpenBao with its plugin.
 *
 * BENCH_REQUESTS is how many requests, BENCH_FLOOD_SECONDS how long the flood takes (15), BENCH_IDLE_SECONDS what is
 * called a minute (60). UPDATE_DOCS=1 writes it into docs/benchmarks.md. Ends with 1 when any request failed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Report } from '../report.ts';
import { about } from './about.ts';
import { flood } from './flood.ts';
import { FILE, PEER } from './host.ts';
import { httpRequest, Load } from './load.ts';
import { childrenOf, residentBytes } from './processes.ts';
import type { Bench } from './rows.ts';
import { startSubjects, type Subject } from './subjects.ts';
import { SHAPES, Target } from './target.ts';

const REQUESTS = Number(process.env['BENCH_REQUESTS'] ?? 100_000);
const FLOOD_SECONDS = Number(process.env['BENCH_FLOOD_SECONDS'] ?? 15);
const IDLE_SECONDS = Number(process.env['BENCH_IDLE_SECONDS'] ?? 60);
const CLIENTS = 64;
/** Turns of reads and credentials: the two take turns, and neither waits for the other. */
const TURNS = 20;
const LOOK_MS = 50;
const CREDENTIAL = `database/creds/${SHAPES['IN ROLE'].role}`;

function residentOf({ pid }: Subject): number {
  return residentBytes([pid, ...childrenOf(pid)]);
}

/** @returns errors */
async function serveMany({ load, target }: Bench, { place, access }: Subject): Promise<number> {
  const ask = async (path: string, count: number): Promise<number> => {
    const requests = [httpRequest('GET', path, access.token)];
    const { errors } = await load.run({ ...place, clients: CLIENTS, requests }, { count });
    for (const [what, { count, sample }] of Object.entries(errors)) console.error(`${count} × ${what}: ${sample}`);
    return Object.values(errors).reduce((sum, { count }) => sum + count, 0);
  };
  let failed = 0;
  for (let turn = 0; turn < TURNS; turn++) {
    failed += await ask('auth/token/lookup-self', Math.round((REQUESTS * 0.95) / TURNS));
    failed += await ask(CREDENTIAL, Math.round((REQUESTS * 0.05) / TURNS));
  }
  await target.clear();
  return failed;
}

/** @returns the most memory that the server had meanwhile */
async function refuseFlood(subject: Subject): Promise<number> {
  const strangers = flood(subject.place, CLIENTS);
  const end = performance.now() + FLOOD_SECONDS * 1000;
  let most = 0;
  while (performance.now() < end) {
    most = Math.max(most, residentOf(subject));
    await sleep(LOOK_MS);
  }
  const answers = Object.entries(strangers.stop()).map(([status, count]) => `${count} × ${status}`);
  console.log(`${subject.name} answered the flood: ${answers.join(', ')}`);
  return most;
}

/** Bytes: idle, then after each step. */
async function measure(bench: Bench, subject: Subject): Promise<{ readonly bytes: number[]; readonly errors: number }> {
  const wait = (): Promise<void> => sleep(IDLE_SECONDS * 1000);
  await subject.halt();
  await subject.start();
  await subject.client.read(CREDENTIAL);
  await wait();
  const bytes = [residentOf(subject)];
  const errors = await serveMany(bench, subject);
  bytes.push(residentOf(subject));
  await wait();
  bytes.push(residentOf(subject));
  bytes.push(await refuseFlood(subject));
  await wait();
  bytes.push(residentOf(subject));
  return { bytes, errors };
}

export async function benchMemory(): Promise<void> {
  const report = new Report();
  const target = await Target.start();
  const load = await Load.start();
  let subjects: Subject[] = [];
  try {
    await target.use('md5');
    subjects = await startSubjects(target, process.env['BENCH_SUBJECTS'] ?? `${FILE};${PEER}`);
    const measured = new Map<string, readonly number[]>();
    for (const subject of subjects) {
      const { bytes, errors } = await measure({ load, target }, subject);
      if (errors > 0) process.exitCode = 1;
      measured.set(subject.name, bytes);
    }
    report.say(`${await about()}; ${REQUESTS.toLocaleString('en-US')} requests; a flood of ${FLOOD_SECONDS} s.\n`);
    const later = IDLE_SECONDS === 60 ? 'a minute later' : `${IDLE_SECONDS} s later`;
    report.head('MB', 'idle', 'after the requests', later, 'most in the flood', `${later} than it`);
    for (const [name, bytes] of measured) {
      const [idle = Number.NaN] = bytes;
      report.row(name, ...bytes.map((each) => `${(each / 1e6).toFixed(0)} (${(each / idle).toFixed(2)} ×)`));
    }
    await report.end('memory');
  } finally {
    await load.stop();
    for (const subject of subjects) await subject.stop();
    await target.stop();
  }
}
