/** Measures what a request of each main path costs the built server. */
import { cofferOnFile } from '../bench/server/coffer.ts';
import { Load } from '../bench/server/load.ts';
import { cpuMs, familyCpuMs, machineCpuMs } from '../bench/server/processes.ts';
import { Subject } from '../bench/server/subjects.ts';
import { Target } from '../bench/server/target.ts';
import { isQuiet, type Round } from './compare.ts';
import { type CostPath, PATHS } from './paths.ts';
import { Yardstick } from './yardstick.ts';

const CLIENTS = 16;
/** Not counted: until then V8 still makes faster what runs often. */
const WARM_UP_ROUNDS = 3;
const QUIET_ROUNDS = 12;
/** Then it is done with the rounds that there are, on a busy machine, or a slow one. */
const ENOUGH_MS = 45_000;
/** Something hangs. */
const LATE_MS = 120_000;

interface Bench {
  readonly target: Target;
  readonly subject: Subject;
  readonly load: Load;
  readonly yardstick: Yardstick;
}

/** @throws Error when there is nothing to measure with, a request fails, or it takes too long */
export async function measureCosts(): Promise<readonly Round[]> {
  if (process.platform !== 'linux') throw new Error('processor time is read from /proc, which only Linux has');
  const closers: (() => Promise<void>)[] = [];
  let late: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, fail) => {
    late = setTimeout(() => fail(new Error(`it is not done after ${LATE_MS / 1000} s`)), LATE_MS);
  });
  try {
    return await Promise.race([open(closers).then(measureRounds), tooLate]);
  } finally {
    clearTimeout(late);
    for (const close of closers.reverse()) await close();
  }
}

async function open(closers: (() => Promise<void>)[]): Promise<Bench> {
  const target = await Target.start();
  closers.push(() => target.stop());
  await target.use('md5');
  const host = await cofferOnFile();
  // With SIGKILL, which ends a server that hangs too.
  closers.push(() => host.remove());
  const subject = await Subject.start(host, target);
  const load = await Load.start();
  closers.push(() => load.stop());
  const yardstick = await Yardstick.start();
  closers.push(() => yardstick.stop());
  return { target, subject, load, yardstick };
}

async function measureRounds(bench: Bench): Promise<readonly Round[]> {
  const begin = performance.now();
  let before = Number.NaN;
  for (let round = 0; round < WARM_UP_ROUNDS; round++) before = (await measureRound(bench, before)).after;
  const rounds: Round[] = [];
  do {
    const { round, after } = await measureRound(bench, before);
    rounds.push(round);
    before = after;
  } while (rounds.filter(isQuiet).length < QUIET_ROUNDS && performance.now() - begin < ENOUGH_MS);
  return rounds;
}

/** `before`: what a yardstick was before this round. */
async function measureRound(bench: Bench, before: number): Promise<{ readonly round: Round; readonly after: number }> {
  const others = watchOthers(bench);
  const us = new Map<string, number>();
  for (const path of PATHS) us.set(path.name, await costOf(bench, path));
  const after = await bench.yardstick.lay();
  return { round: { us, yardstick: (before + after) / 2, others: others() }, after };
}

/** Microseconds a request. */
async function costOf({ subject, load }: Bench, path: CostPath): Promise<number> {
  const { name, count } = path;
  const work = { ...subject.place, clients: CLIENTS, ...(await path.requests(subject)) };
  const before = cpuMs([subject.pid]);
  const { answered, errors } = await load.run(work, { count });
  const after = cpuMs([subject.pid]);
  const [error] = Object.entries(errors);
  if (error !== undefined) throw new Error(`${name}: ${error[1].count} × ${error[0]}: ${error[1].sample}`);
  if (answered !== count) throw new Error(`${name}: ${answered} requests of ${count}`);
  return ((after - before) * 1000) / answered;
}

/** @returns what says how many processors other processes have kept busy since */
function watchOthers({ target }: Bench): () => number {
  const { pid } = target.database;
  // The database's own process is among our children, but its sessions are not.
  const othersMs = (): number => machineCpuMs() - familyCpuMs(process.pid) - (familyCpuMs(pid) - cpuMs([pid]));
  const [begin, before] = [performance.now(), othersMs()];
  return () => Math.max(0, (othersMs() - before) / (performance.now() - begin));
}
