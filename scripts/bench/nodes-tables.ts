/** The cells of the bench of nodes, as lines while it runs and as tables for the documentation. */
import type { Bound } from './nodes-bound.ts';
import type { Pools } from './nodes-cluster.ts';
import type { Measured } from './nodes-load.ts';
import { writeMeasured } from './report.ts';

export interface Cell {
  readonly pools: Pools;
  readonly nodes: number;
  readonly delayMs: number;
  readonly work: string;
  readonly clients: number;
  readonly measured: Measured;
  readonly bound: Bound | undefined;
}

const COLUMNS: readonly (readonly [head: string, width: number, value: (cell: Cell) => string])[] = [
  ['work', -15, ({ work }) => work],
  ['nodes', 5, ({ nodes }) => String(nodes)],
  ['pools', 7, ({ pools }) => `${pools.store}/${pools.target}`],
  ['delay', 6, ({ delayMs }) => `${delayMs} ms`],
  ['clients', 8, ({ clients }) => String(clients)],
  ['a second', 9, ({ measured }) => measured.rate.toFixed(0)],
  ['p50 ms', 8, ({ measured }) => measured.p50.toFixed(1)],
  ['p99 ms', 8, ({ measured }) => measured.p99.toFixed(1)],
  ['CPU ms', 16, ({ measured }) => measured.cpuMs.map((ms) => ms.toFixed(2)).join(' ')],
  ['trips', 10, ({ measured }) => measured.trips.map((trips) => trips.toFixed(1)).join(' + ')],
  ['bound', 8, ({ bound }) => bound?.rate.toFixed(0) ?? '-'],
  ['cap', 12, ({ bound }) => bound?.cap ?? '-'],
  ['reached', 8, ({ measured, bound }) => reached(measured, bound)],
];

function reached({ rate }: Measured, bound: Bound | undefined): string {
  return bound === undefined ? '-' : `${((100 * rate) / bound.rate).toFixed(0)} %`;
}

function line(texts: readonly string[]): string {
  return texts
    .map((text, at) => {
      const width = COLUMNS[at]?.[1] ?? 0;
      return width < 0 ? text.padEnd(-width) : text.padStart(width);
    })
    .join(' ');
}

export function printHead(): void {
  console.log(line(COLUMNS.map(([head]) => head)));
}

export function printCell(cell: Cell): void {
  console.log(line(COLUMNS.map(([, , value]) => value(cell))));
}

function table(columns: typeof COLUMNS, cells: readonly Cell[]): string {
  const row = (texts: readonly string[]): string => `| ${texts.join(' | ')} |`;
  return [
    row(columns.map(([head]) => head)),
    row(columns.map(([, width]) => (width < 0 ? '---' : '---:'))),
    ...cells.map((cell) => row(columns.map(([, , value]) => value(cell)))),
  ].join('\n');
}

/** Every cell to docs/benchmarks.md. */
export async function writeTables(about: string, cells: readonly Cell[]): Promise<void> {
  await writeMeasured('benchmarks.md', 'nodes', `${about}.\n\n${table(COLUMNS, cells)}`);
}
