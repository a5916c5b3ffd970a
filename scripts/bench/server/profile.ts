/**
 * `npm run bench -- profile`: where the time of a request goes, in the thread that serves and in that of the store. Coffer from its
 * sources with a durable file, started under V8's profiler for each kind of work, with the clients of the bench of the server.
 * BENCH_SECONDS and BENCH_CASES as there. UPDATE_DOCS=1 writes it into docs/benchmarks.md.
 */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Report } from '../report.ts';
import { about } from './about.ts';
import { cofferOnFile } from './coffer.ts';
import { Load } from './load.ts';
import { type Places, placesIn } from './profile-places.ts';
import { REVOKED, type Row, rows, SECONDS } from './rows.ts';
import { Subject } from './subjects.ts';
import { Target } from './target.ts';

const MAIN = resolve(import.meta.dirname, '..', '..', '..', 'apps', 'coffer', 'src', 'main.ts');
const WORKS = [
  'issue, IN ROLE, md5, 16 clients',
  'renew, 16 clients',
  'lease revoke -prefix -sync',
  'token/lookup-self, 64 clients',
];
/** By the number that Node.js gives a thread: the store's is the first that is started. */
const THREADS = { 'the thread that serves': 0, 'the thread of the store': 1 };
/** What takes less than that of a thread's time is left out. */
const LEAST_SHARE = 0.01;

interface Profiled {
  readonly name: string;
  readonly requests: number;
  readonly threads: Readonly<Record<string, Places>>;
}

export async function benchProfile(): Promise<void> {
  const target = await Target.start();
  const load = await Load.start();
  const profiled: Profiled[] = [];
  try {
    for (const row of rows(WORKS.join(';'))) {
      if (WORKS.includes(row.name)) profiled.push(await profileOf(row, load, target));
    }
  } finally {
    await load.stop();
    await target.stop();
  }
  const report = new Report();
  report.say(`${await about()}. Busy is who computes or waits for the disk; the profiler is in it too.`);
  for (const thread of Object.keys(THREADS)) print(report, thread, profiled);
  await report.end('profile');
}

async function profileOf(row: Row, load: Load, target: Target): Promise<Profiled> {
  const directory = await mkdtemp(join(tmpdir(), 'coffer-bench-profile-'));
  try {
    await target.use(row.method);
    const profiler = ['--cpu-prof', '--cpu-prof-interval=250', `--cpu-prof-dir=${directory}`];
    const subject = await Subject.start(await cofferOnFile([process.execPath, ...profiler, MAIN]), target);
    let seconds = SECONDS;
    let end = 0;
    let requests = 0;
    try {
      const { rate } = await row.measure({ load, target }, subject);
      end = monotonicUs();
      if (!row.name.includes('clients')) seconds = REVOKED / rate;
      requests = rate * seconds;
    } finally {
      await subject.stop();
    }
    const span = { from: end - seconds * 1e6, to: end };
    const files = await readdir(directory);
    const threads = Object.entries(THREADS).map(([name, number]) => {
      const file = files.find((each) => each.split('.')[4] === String(number)) ?? '';
      return [name, placesIn(join(directory, file), span)] as const;
    });
    return { name: row.name, requests, threads: Object.fromEntries(threads) };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** The clock of V8's profiles. */
function monotonicUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

function print(report: Report, thread: string, profiled: readonly Profiled[]): void {
  report.say('');
  report.head(thread, ...profiled.map(({ name }) => name));
  const busyOf = ({ threads }: Profiled): number => threads[thread]?.busyUs ?? 0;
  report.row(
    '**busy for each request**',
    ...profiled.map((one) => `**${(busyOf(one) / Math.max(1, one.requests)).toFixed(0)} µs**`),
  );
  const shareOf = (one: Profiled, place: string): number =>
    (one.threads[thread]?.places.get(place) ?? 0) / Math.max(1, busyOf(one));
  const places = new Set(profiled.flatMap((one) => [...(one.threads[thread]?.places.keys() ?? [])]));
  const most = (place: string): number => Math.max(...profiled.map((one) => shareOf(one, place)));
  for (const place of [...places].sort((a, b) => most(b) - most(a))) {
    if (most(place) < LEAST_SHARE) continue;
    report.row(place, ...profiled.map((one) => `${(100 * shareOf(one, place)).toFixed(0)} %`));
  }
}
