/** What the server is to reach, as ratios of one run. */
import type { Report } from '../report.ts';
import type { Cell } from './cell.ts';
import { FILE, PEER } from './host.ts';

export interface RowResult {
  readonly limit: number | undefined;
  readonly cells: ReadonlyMap<string, Cell>;
}
export interface Results {
  readonly rows: ReadonlyMap<string, RowResult>;
  /** Resident bytes after all rows. */
  readonly memory: ReadonlyMap<string, number>;
}

type Figure = (results: Results) => number;
interface Aim {
  readonly work: string;
  /** At least so much; with `most`, at most. */
  readonly aim: number;
  readonly most?: boolean;
  readonly unit: string;
  readonly figure: Figure;
}

/** The rate of Coffer with a file, as a multiple of the same without a server. */
function ofLimit(work: string, aim: number): Aim {
  const figure: Figure = ({ rows }) => {
    const row = rows.get(work);
    return (row?.cells.get(FILE)?.rate ?? Number.NaN) / (row?.limit ?? Number.NaN);
  };
  return { work, aim, unit: '× limit', figure };
}

function ofPeer(work: string, aim: number): Aim {
  const figure: Figure = ({ rows }) => {
    const cells = rows.get(work)?.cells;
    return (cells?.get(FILE)?.rate ?? Number.NaN) / (cells?.get(PEER)?.rate ?? Number.NaN);
  };
  return { work, aim, unit: '× peer', figure };
}

function p99OfPeersP50(work: string): Aim {
  const figure: Figure = ({ rows }) => {
    const cells = rows.get(work)?.cells;
    return (cells?.get(FILE)?.p99 ?? Number.NaN) / (cells?.get(PEER)?.p50 ?? Number.NaN);
  };
  return { work: `${work}: p99`, aim: 1, most: true, unit: '× the peer’s p50', figure };
}

const REVOKE = 'lease revoke -prefix -sync';

const AIMS: readonly Aim[] = [
  ofLimit('issue, seed, scram, 1 client', 0.92),
  ofLimit('issue, IN ROLE, scram, 16 clients', 0.95),
  ofLimit('issue, IN ROLE, scram, 64 clients', 0.95),
  p99OfPeersP50('issue, IN ROLE, scram, 64 clients'),
  ofPeer('issue, seed, scram, 16 clients', 3),
  ofPeer('issue, IN ROLE, md5, 1 client', 5),
  ofPeer('issue, IN ROLE, md5, 16 clients', 10),
  ofPeer('issue, seed, md5, 16 clients', 4),
  ofPeer(REVOKE, 40),
  ofLimit(REVOKE, 0.5),
  ofPeer('token/lookup-self, 64 clients', 3),
  ofPeer('database/roles/NAME, 64 clients', 1.5),
  ofPeer('sys/health, 64 clients', 1.2),
  {
    ...{ work: 'resident memory after this table', aim: 1, most: true, unit: '× peer' },
    figure: ({ memory }) => (memory.get(FILE) ?? Number.NaN) / (memory.get(PEER) ?? Number.NaN),
  },
];

/** Those that were measured. */
export function reportTargets(report: Report, results: Results): void {
  const measured = AIMS.map((one) => ({ ...one, reached: one.figure(results) })).filter(({ reached }) => reached > 0);
  if (measured.length === 0) return;
  report.say(`\nTargets, of ${FILE}:\n`);
  report.head('work', 'target', 'reached', '');
  for (const { work, aim, most = false, unit, reached } of measured) {
    const holds = most ? reached <= aim : reached >= aim;
    report.row(work, `${most ? '≤' : '≥'} ${aim} ${unit}`, `${reached.toFixed(2)} ${unit}`, holds ? 'yes' : 'no');
  }
}
