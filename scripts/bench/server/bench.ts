/**
 * `npm run bench -- server`: Coffer (`dist/coffer`, durable, with a file and with PostgreSQL as its store), the same SQL by
 * pgbench or psql as the limit and, where BENCH_OPENBAO and BENCH_GO_PLUGIN name binaries, OpenBao with the Go plugin on
 * raft: the same configuration, against one PostgreSQL with fsync on. All of them run all the time, and are measured in turn.
 *
 * BENCH_CASES and BENCH_SUBJECTS are parts of the names of rows and servers to measure only those, several with `;`.
 * BENCH_SECONDS is how long each measurement takes (default 4), BENCH_MIXED_SECONDS the mixed one (60), BENCH_ROUNDS how
 * often they are made (3), BENCH_REVOKED and BENCH_PEER_REVOKED how many leases are revoked together (2000, and 300 by the
 * peer). UPDATE_DOCS=1 writes it into docs/benchmarks.md. Ends with 1 when any request failed.
 */
import { median } from '../measurement.ts';
import { Report } from '../report.ts';
import { type Cell, medianCell } from './cell.ts';
import { Load } from './load.ts';
import { about } from './about.ts';
import { childrenOf, residentBytes } from './processes.ts';
import { type Bench, PEER_REVOKED, REVOKED, ROUNDS, type Row, rows, SECONDS } from './rows.ts';
import { PEER } from './host.ts';
import { startSubjects, type Subject } from './subjects.ts';
import { Target } from './target.ts';
import { reportTargets, type RowResult } from './targets.ts';

const HEADS = ['work', 'who', 'a second', 'p50 ms', 'p99 ms', 'errors', 'CPU ms: server', 'plugin', 'PostgreSQL'];

async function measureRow(bench: Bench, subjects: readonly Subject[], row: Row): Promise<RowResult> {
  await bench.target.use(row.method);
  const cells = new Map<string, Cell[]>(subjects.map(({ name }) => [name, []]));
  const limits: number[] = [];
  for (let round = 0; round < row.rounds; round++) {
    if (row.limit !== undefined) limits.push(await row.limit(bench));
    for (const subject of subjects) cells.get(subject.name)?.push(await row.measure(bench, subject));
  }
  const limit = limits.length > 0 ? median(limits) : undefined;
  return { limit, cells: new Map([...cells].map(([name, list]) => [name, medianCell(list)])) };
}

function digits(value: number, count: number): string {
  return Number.isFinite(value) ? value.toFixed(count) : '-';
}

function reportRow(report: Report, name: string, { limit, cells }: RowResult): void {
  const peer = cells.get(PEER)?.rate ?? Number.NaN;
  const top = limit ?? Number.NaN;
  const ratios = (rate: number): string[] => [digits(rate / top, 2), digits(rate / peer, 2)];
  if (limit !== undefined)
    report.row(name, 'limit', digits(limit, 0), ...Array.from({ length: 6 }, () => '-'), ...ratios(limit));
  for (const [who, { rate, p50, p99, errors, cpu }] of cells) {
    const costs = [cpu.server, cpu.plugin, cpu.postgres].map((ms) => digits(ms, 2));
    report.row(name, who, digits(rate, 0), digits(p50, 1), digits(p99, 1), errors, ...costs, ...ratios(rate));
  }
}

function reportMemory(report: Report, memory: ReadonlyMap<string, number>): void {
  report.say('\nResident memory after all of this, of the server and its plugin:\n');
  report.head('who', 'MB');
  for (const [who, bytes] of memory) report.row(who, (bytes / 1e6).toFixed(0));
}

function reportErrors(results: ReadonlyMap<string, RowResult>): void {
  for (const [name, { cells }] of results) {
    for (const [who, { errors, samples }] of cells) {
      if (errors === 0) continue;
      process.exitCode = 1;
      console.error(`${name}, ${who}: ${errors} errors\n  ${samples.join('\n  ')}`);
    }
  }
}

export async function benchServer(): Promise<void> {
  const report = new Report();
  const target = await Target.start();
  let subjects: Subject[] = [];
  const load = await Load.start();
  try {
    await target.use('scram');
    subjects = await startSubjects(target);
    report.say(
      `${await about()}; PostgreSQL 15 with fsync on; medians of ${ROUNDS} rounds of ${SECONDS} s, in turn; ` +
        `${REVOKED} leases revoked together, by the peer ${PEER_REVOKED}.\n`,
    );
    report.head(...HEADS, '× limit', '× peer');
    const results = new Map<string, RowResult>();
    for (const row of rows()) {
      const result = await measureRow({ load, target }, subjects, row);
      results.set(row.name, result);
      reportRow(report, row.name, result);
    }
    const memory = new Map(subjects.map(({ name, pid }) => [name, residentBytes([pid, ...childrenOf(pid)])]));
    reportMemory(report, memory);
    reportTargets(report, { rows: results, memory });
    reportErrors(results);
    await report.end('server');
  } finally {
    await load.stop();
    for (const subject of subjects) await subject.stop();
    await target.stop();
  }
}
