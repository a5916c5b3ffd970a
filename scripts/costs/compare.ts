/** What a request costs now beside what it cost when it last landed. */

/** What was measured in one go. */
export interface Round {
  /** Processor time a request of each path, in microseconds. */
  readonly us: ReadonlyMap<string, number>;
  /** What the fixed work took before and after, in microseconds a turn. */
  readonly yardstick: number;
  /** How many processors were busy with something else. */
  readonly others: number;
}
/** What a request of one path costs. */
export interface Cost {
  readonly path: string;
  /** Multiples of the fixed work: what is compared, since machines differ. */
  readonly yardsticks: Spread;
  /** Microseconds. */
  readonly us: Spread;
}
/** Of several rounds. */
export interface Spread {
  readonly mean: number;
  readonly least: number;
  readonly most: number;
}
export interface Change {
  readonly path: string;
  readonly now: number;
  /** Undefined of a path that has not landed. */
  readonly landed: number | undefined;
  /** As a share of what landed: 0.14 is 14 % more. */
  readonly change: number | undefined;
}

/** More than that is said aloud. */
const WARN_ABOVE = 0.1;
/** Processors that are busy with something else: beside it requests cost more, those that write above all. */
const BUSY = 0.25;
/** With fewer quiet rounds all of them are taken. */
const LEAST_QUIET = 3;
export const LANDED_HEAD = ['path', 'yardsticks', 'least', 'most', 'µs', 'least µs', 'most µs'] as const;

export function isQuiet({ others }: Round): boolean {
  return others < BUSY;
}

/** Those to go by, the quiet ones where there are enough. */
export function countedRounds(rounds: readonly Round[]): readonly Round[] {
  const quiet = rounds.filter(isQuiet);
  return quiet.length < LEAST_QUIET ? rounds : quiet;
}

export function costsOf(rounds: readonly Round[]): Cost[] {
  const paths = [...(rounds[0]?.us.keys() ?? [])];
  return paths.map((path) => {
    const usOf = ({ us }: Round): number => us.get(path) ?? Number.NaN;
    return {
      path,
      yardsticks: spreadOf(rounds.map((round) => usOf(round) / round.yardstick)),
      us: spreadOf(rounds.map(usOf)),
    };
  });
}

export function spreadOf(values: readonly number[]): Spread {
  const sum = values.reduce((before, value) => before + value, 0);
  return { mean: sum / values.length, least: Math.min(...values), most: Math.max(...values) };
}

/** Cells of the table that lands, as {@link LANDED_HEAD} names them. */
export function landedRow({ path, yardsticks, us }: Cost): readonly string[] {
  const inOrder = ({ mean, least, most }: Spread): number[] => [mean, least, most];
  return [
    path,
    ...inOrder(yardsticks).map((each) => each.toPrecision(3)),
    ...inOrder(us).map((each) => each.toFixed(0)),
  ];
}

/**
 * Yardsticks of each path in a text with a table of {@link landedRow}; none when there is no table, as before the first one
 * has landed.
 *
 * @throws Error for a table that it cannot read: what has landed must not get lost unseen
 */
export function readLanded(text: string): ReadonlyMap<string, number> {
  const [head, , ...rows] = text.split('\n').filter((line) => line.startsWith('|'));
  if (head === undefined) return new Map();
  if (cellsOf(head).join() !== LANDED_HEAD.join()) throw new Error(`not the table of costs: ${head}`);
  return new Map(
    rows.map((row) => {
      const [path = '', yardsticks = ''] = cellsOf(row);
      if (path === '' || !(Number(yardsticks) > 0)) throw new Error(`not a cost: ${row}`);
      return [path, Number(yardsticks)];
    }),
  );
}

function cellsOf(row: string): string[] {
  return row
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}

export function changesOf(costs: readonly Cost[], landed: ReadonlyMap<string, number>): Change[] {
  return costs.map(({ path, yardsticks: { mean: now } }) => {
    const before = landed.get(path);
    return { path, now, landed: before, change: before === undefined ? undefined : now / before - 1 };
  });
}

/** One line for each path that costs notably more. */
export function warningsOf(changes: readonly Change[]): string[] {
  return changes.flatMap(({ path, change = 0 }) =>
    change > WARN_ABOVE ? [`warning: ${path} costs ${percent(change)} % more than when it last landed`] : [],
  );
}

/** Cells: path, now, landed, change. */
export function changeRow({ path, now, landed, change }: Change): readonly string[] {
  const sign = (change ?? 0) > 0 ? '+' : '';
  const difference = change === undefined ? '-' : `${sign}${percent(change)} %`;
  return [path, now.toPrecision(3), landed?.toPrecision(3) ?? '-', difference];
}

function percent(share: number): string {
  return (share * 100).toFixed(0);
}
