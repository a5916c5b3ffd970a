/** What a run did, as a table. */
import type { RunOptions, RunResult } from './run.ts';

export function summary(options: RunOptions, { findings, seconds, histories }: RunResult): string {
  const requests = findings.below('requests/');
  const all = histories.all;
  const total = requests.reduce((sum, [, count]) => sum + count, 0);
  const rows: [name: string, value: string | number][] = [
    ['seed', options.seed],
    ['seconds', seconds.toFixed(0)],
    ['requests', total],
    ...requests.map(([kind, count]): [string, number] => [`  ${kind}`, count]),
    ['retried elsewhere', findings.counted('retried elsewhere')],
    ...findings.below('retried/').map(([reason, count]): [string, number] => [`  ${reason}`, count]),
    ['longest until an answer, ms', Math.max(0, ...findings.below('longest/').map(([, ms]) => ms))],
    ...findings.below('longest/').map(([kind, ms]): [string, number] => [`  ${kind}`, ms]),
    ['surfaced errors', findings.counted('surfaced errors')],
    ...Object.keys(options.nemesis.rates).map((kind): [string, number] => [kind, findings.counted(`faults/${kind}`)]),
    ...['leases issued', 'leases renewed', 'leases revoked', 'prefixes revoked', 'static roles rotated'].map(
      (name): [string, number] => [name, findings.counted(name)],
    ),
    ['static passwords checked', findings.counted('static passwords checked')],
    ['histories checked', all.length],
    ['  answers explained', all.reduce((sum, { checked }) => sum + checked, 0)],
    ['  undecided', all.filter(({ undecided }) => undecided).length],
    ['violations', findings.violations.length],
  ];
  const width = 27;
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${String(value).padStart(9)}`).join('\n');
}
