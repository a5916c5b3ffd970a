/**
 * Nodes that share a store are stopped with SIGSTOP in the midst of what they do. After 10 s they are dead, and another node
 * finishes or undoes what they had begun; then they are woken. Whatever they do then, no login is left that nothing names, every
 * stored password logs in, and what they answer is true (DESIGN, invariants 1 and 2).
 *
 * Here at some points; with ZOMBIES=all (`npm run test:zombies`) at every one at which tests/crash kills, in both modes of the
 * database. Those of a case stand still together.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import { CASES } from '../crash/cases.ts';
import { everyPoint } from '../crash/fault-point.ts';
import { lanes } from '../crash/lanes.ts';
import { type Woken, type Zombie, ZombieHarness } from './harness.ts';
import { CHOSEN_POINTS, type ZombiePoint, zombiePoint } from './zombie-points.ts';

const ALL = process.env['ZOMBIES'] === 'all';
/** Children that start side by side. */
const STARTS = 3;
/** That stand still side by side: about 90 MB and ten connections each. */
const AT_ONCE = 25;
/** What is due in the background anybody may take, and whoever comes later reads more: then it is tried again. */
const TRIES = 5;
/** What came of a request may not be known any more to the node that slept; it says so. */
const ANSWERS = ['ok', 'unavailable'];

for (const mode of ALL ? (['yugabytedb', 'postgresql'] as const) : (['yugabytedb'] as const)) {
  describe(`a node that is stopped, taken for dead and woken, ${mode} mode`, () => {
    let harness: ZombieHarness;
    before(async () => (harness = await ZombieHarness.start(mode)));
    after(() => harness.stop());

    if (!ALL) it('has nothing left to do harm with', { timeout: 240_000 }, (test) => stopAndWake(test, CHOSEN_POINTS));
    for (const crashCase of ALL ? CASES : []) {
      it(crashCase.title, { timeout: 1_800_000 }, async (test) => {
        const points = everyPoint(await harness.rehearse(crashCase)).map((point) => zombiePoint(crashCase, point));
        assert.ok(points.length > 0);
        const atOnce = Math.ceil(points.length / Math.ceil(points.length / AT_ONCE));
        for (let at = 0; at < points.length; at += atOnce) await stopAndWake(test, points.slice(at, at + atOnce));
      });
    }

    async function stopAndWake(test: TestContext, points: readonly ZombiePoint[]): Promise<void> {
      const starts = lanes(STARTS);
      const stopped = await Promise.allSettled(points.map((point) => starts(() => untilStopped(test, point))));
      const zombies = stopped.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      const woken = await harness.wakeAll(zombies);
      test.diagnostic(`${zombies.length} nodes were stopped and woken (${census(woken)})`);
      for (const { title, broken } of woken) if (broken !== undefined) test.diagnostic(`does not hold: ${title}`);
      for (const one of stopped) if (one.status === 'rejected') throw one.reason;
      for (const { broken } of woken) if (broken !== undefined) throw broken;
      const wrong = woken.filter(({ outcome }) => !ANSWERS.includes(outcome));
      assert.deepEqual(wrong, []);
    }

    async function untilStopped(test: TestContext, point: ZombiePoint): Promise<Zombie> {
      for (let tries = 1; tries <= TRIES; tries++) {
        const zombie = await harness.stopAt(point);
        if (zombie !== undefined) return zombie;
        test.diagnostic(`not reached, tried again: ${point.title}`);
      }
      return assert.fail(`the point was not reached: ${point.title}`);
    }
  });
}

function census(woken: readonly Woken[]): string {
  const counts = new Map<string, number>();
  for (const { outcome } of woken) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  return [...counts].map(([outcome, count]) => `${outcome} ${count}`).join(', ');
}
