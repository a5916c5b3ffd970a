/**
 * A server killed with SIGKILL at every await of what it does: the next start finishes or undoes what was begun, no login
 * is left that nothing names, and every stored password logs in (DESIGN, invariants 1 and 2).
 *
 * Here after each call of the store and each statement that changes something; with CRASH=all
 * (`npm run test:crash`) at every point, in both modes of the database, with the real time of an unfinished creation.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CASES } from './cases.ts';
import { bounded, everyPoint, type FaultPoint } from './fault-point.ts';
import { CrashHarness } from './harness.ts';
import { lanes } from './lanes.ts';

const ALL = process.env['CRASH'] === 'all';
/** Processes side by side: more would only be slower. */
const KILLS = 2;
/** Waiting for time to pass costs little. */
const RECOVERIES = ALL ? 60 : 6;

for (const mode of ALL ? (['yugabytedb', 'postgresql'] as const) : (['yugabytedb'] as const)) {
  describe(`a server killed at any point, ${mode} mode`, () => {
    let harness: CrashHarness;
    before(async () => (harness = await CrashHarness.start({ mode, wholeTime: ALL })));
    after(() => harness.stop());

    for (const crashCase of CASES) {
      it(crashCase.title, { timeout: 1_800_000 }, async (test) => {
        const points = everyPoint(await harness.rehearse(crashCase));
        const chosen = ALL ? points : bounded(points, crashCase);
        const [kills, recoveries] = [lanes(KILLS), lanes(RECOVERIES)];
        const outcomes = await Promise.allSettled(
          chosen.map(async (point) => {
            await using prepared = await kills(async () => {
              const made = await harness.prepare(crashCase);
              await harness.kill(made, crashCase, point);
              return made;
            });
            await recoveries(() => harness.recover(prepared, point));
          }),
        );
        test.diagnostic(
          `${crashCase.title}: killed at ${chosen.length} of ${points.length} points (${census(chosen)})`,
        );
        assert.ok(chosen.length > 0);
        for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
      });
    }
  });
}

function census(points: readonly FaultPoint[]): string {
  const counts = new Map<string, number>();
  for (const { at } of points) counts.set(at, (counts.get(at) ?? 0) + 1);
  return [...counts].map(([at, count]) => `${at} ${count}`).join(', ');
}
