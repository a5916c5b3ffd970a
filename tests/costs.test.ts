/** What `npm run costs` makes of what it has measured. How much that is, no test asks: none goes by time. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readMeasured } from '../scripts/bench/report.ts';
import {
  changeRow,
  changesOf,
  type Cost,
  costsOf,
  countedRounds,
  LANDED_HEAD,
  landedRow,
  readLanded,
  type Round,
  warningsOf,
} from '../scripts/costs/compare.ts';
import { PATHS } from '../scripts/costs/paths.ts';

function round(us: Readonly<Record<string, number>>, { yardstick = 50, others = 0 } = {}): Round {
  return { us: new Map(Object.entries(us)), yardstick, others };
}

/** Of one round, in yardsticks. */
function costs(yardsticks: Readonly<Record<string, number>>): Cost[] {
  return costsOf([round(yardsticks, { yardstick: 1 })]);
}

function table(all: readonly Cost[]): string {
  const rows = [LANDED_HEAD, LANDED_HEAD.map(() => '---'), ...all.map(landedRow)];
  return ['Measured some day.', '', ...rows.map((cells) => `| ${cells.join(' | ')} |`)].join('\n');
}

describe('what a request costs', () => {
  it('is the mean of the rounds, each by what a yardstick was in it', () => {
    const rounds = [round({ issue: 400 }, { yardstick: 50 }), round({ issue: 720 }, { yardstick: 80 })];
    assert.deepEqual(costsOf(rounds), [
      { path: 'issue', yardsticks: { mean: 8.5, least: 8, most: 9 }, us: { mean: 560, least: 400, most: 720 } },
    ]);
  });

  it('is taken of the rounds without other work, where there are enough', () => {
    const busy = Array.from({ length: 9 }, () => round({}, { others: 0.9 }));
    const quiet = Array.from({ length: 3 }, () => round({}));
    assert.deepEqual(countedRounds([...busy, ...quiet]), quiet);
    const mixed = [...busy, ...quiet.slice(1)];
    assert.deepEqual(countedRounds(mixed), mixed);
  });

  it('is read as it has landed', () => {
    const landed = [
      { path: 'issue', yardsticks: { mean: 7.5, least: 7, most: 8 }, us: { mean: 1, least: 1, most: 1 } },
    ];
    assert.deepEqual(
      [...readLanded(table([...landed, ...costs({ 'sys/health': 0.4804 })]))],
      [
        ['issue', 7.5],
        ['sys/health', 0.48],
      ],
    );
  });

  it('is nothing before it has landed', () => {
    const changes = changesOf(costs({ issue: 8 }), readLanded('\nNot measured yet.\n'));
    assert.deepEqual(changes, [{ path: 'issue', now: 8, landed: undefined, change: undefined }]);
    assert.deepEqual(warningsOf(changes), []);
    assert.deepEqual(changes.map(changeRow), [['issue', '8.00', '-', '-']]);
  });

  it('is read from its table only', () => {
    assert.throws(() => readLanded('| work | who |\n| --- | --- |\n| issue | 7 |'), /not the table of costs/);
    assert.throws(() => readLanded(table(costs({ issue: 7 })).replace('7.00', '-')), /not a cost: \| issue \| - /);
  });

  it('is compared in per cent of what has landed', () => {
    const landed = new Map([
      ['issue', 7.5],
      ['renew', 0.48],
      ['gone', 3],
    ]);
    const changes = changesOf(costs({ issue: 8.55, renew: 0.432, fresh: 2 }), landed);
    assert.deepEqual(changes.map(changeRow), [
      ['issue', '8.55', '7.50', '+14 %'],
      ['renew', '0.432', '0.480', '-10 %'],
      ['fresh', '2.00', '-', '-'],
    ]);
  });

  it('makes a warning where it is more than 10 % more', () => {
    const landed = new Map([
      ['issue', 7.5],
      ['renew', 8],
    ]);
    const warnings = (issue: number): string[] => warningsOf(changesOf(costs({ issue, renew: 8 }), landed));
    assert.deepEqual(warnings(8.55), ['warning: issue costs 14 % more than when it last landed']);
    assert.deepEqual(warnings(8.24), []);
    assert.deepEqual(warnings(4), []);
  });

  it('stands in docs/benchmarks.md, for every path that is measured', async () => {
    const landed = readLanded(await readMeasured('benchmarks.md', 'costs'));
    assert.deepEqual(
      [...landed.keys()],
      PATHS.map(({ name }) => name),
    );
  });
});
