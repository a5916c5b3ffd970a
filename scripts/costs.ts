/**
 * `npm run costs`: the processor time that a request of each main path costs the built server, beside what it cost when it
 * last landed, with a warning where that is more than 10 % more. `npm test` ends with it. UPDATE_DOCS=1 writes what it
 * costs now into docs/benchmarks.md, to be compared with from then on. Ends with 1 only when it cannot measure.
 */
import { existsSync } from 'node:fs';
import { errorText } from '@coffer/base';
import { COFFER } from '../tests/coffer-process.ts';
import { readMeasured, Report } from './bench/report.ts';
import { about } from './bench/server/about.ts';
import {
  changeRow,
  changesOf,
  type Cost,
  costsOf,
  countedRounds,
  isQuiet,
  LANDED_HEAD,
  landedRow,
  readLanded,
  type Round,
  spreadOf,
  warningsOf,
} from './costs/compare.ts';
import { measureCosts } from './costs/measure.ts';

const PAGE = 'benchmarks.md';
const PLACE = 'costs';

function roundsText(rounds: readonly Round[]): string {
  const others = spreadOf(rounds.map((round) => round.others)).mean.toFixed(1);
  const yardstick = spreadOf(rounds.map((round) => round.yardstick));
  return (
    `${rounds.length} rounds, other work kept ${others} processors busy; ` +
    `a yardstick was ${yardstick.least.toFixed(1)} to ${yardstick.most.toFixed(1)} µs`
  );
}

function compare(rounds: readonly Round[], costs: readonly Cost[], landed: ReadonlyMap<string, number>): void {
  const changes = changesOf(costs, landed);
  const report = new Report();
  report.say(`What a request costs in processor time, in yardsticks (docs/${PAGE}): ${roundsText(rounds)}.\n`);
  report.head('path', 'now', 'landed', 'change', 'now, µs');
  for (const [at, change] of changes.entries()) report.row(...changeRow(change), costs[at]?.us.mean.toFixed(0) ?? '-');
  const warnings = warningsOf(changes);
  for (const warning of warnings) console.log(warning);
  if (warnings.length > 0 && !rounds.every(isQuiet))
    console.log('The machine was busy with other work, beside which a request costs more: measure again without it.');
}

async function land(rounds: readonly Round[], costs: readonly Cost[]): Promise<void> {
  const report = new Report();
  report.say(`${await about()}; ${roundsText(rounds)}.\n`);
  report.head(...LANDED_HEAD);
  for (const cost of costs) report.row(...landedRow(cost));
  await report.end(PLACE);
}

try {
  if (!existsSync(COFFER)) throw new Error(`${COFFER} is missing: run "npm run build" first`);
  const landed = readLanded(await readMeasured(PAGE, PLACE));
  const rounds = countedRounds(await measureCosts());
  const costs = costsOf(rounds);
  compare(rounds, costs, landed);
  if (process.env['UPDATE_DOCS'] === '1') await land(rounds, costs);
} catch (error) {
  console.error(`What a request costs could not be measured: ${errorText(error)}`);
  process.exitCode = 1;
}
