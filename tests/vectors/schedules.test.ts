/**
 * Schedules as robfig/cron reads them, with Vault's options. On purpose: a time zone other than UTC in front is refused, where
 * Vault takes it and ignores it (rotation-time.test.ts). No vector has one.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CronSchedule } from '../../packages/engines/database/src/cron-schedule.ts';
import { mergeRotationTime, nextRotation } from '../../packages/engines/database/src/rotation-time.ts';
import { vectorsOf } from './vectors.ts';

interface Vector {
  readonly schedule: string;
  /** Milliseconds since 1970. */
  readonly starts?: readonly number[];
  /** After each start, one after the other; -1 is never. */
  readonly next?: readonly (readonly number[])[];
  readonly refused?: boolean;
}

const NEVER = -1;

function timesAfter(start: number, count: number, next: (now: number) => number | null): number[] {
  const times: number[] = [];
  for (let at = start; times.length < count; at = times.at(-1) ?? NEVER) {
    const time = next(at) ?? NEVER;
    times.push(time);
    if (time === NEVER) break;
  }
  return times;
}

describe('schedules', () => {
  const vectors = vectorsOf<Vector>('schedules');
  const neverComes = ({ next = [] }: Vector): boolean => next.length > 0 && next.every(([first]) => first === NEVER);
  const made = (rotation_schedule: string) =>
    mergeRotationTime(undefined, {
      rotation_schedule,
      rotation_period: undefined,
      rotation_window: undefined,
      disable_automated_rotation: undefined,
    });

  it(`come when the reference's do, or are refused as by it (${vectors.length} times)`, () => {
    for (const vector of vectors) {
      const { schedule, starts = [], next = [], refused } = vector;
      if (refused === true) {
        assert.throws(() => made(schedule), { code: 'invalid-request' }, JSON.stringify(schedule));
        continue;
      }
      const parsed = new CronSchedule(schedule);
      const time = neverComes(vector) ? undefined : made(schedule);
      for (const [at, start] of starts.entries()) {
        const after = (now: number) => (time ? nextRotation(time, 0, now) : (parsed.next(now) ?? null));
        assert.deepEqual(timesAfter(start, 6, after), next[at], `${schedule} after ${start}`);
      }
    }
  });

  // On purpose: the reference takes 30 February. A password that is believed to change, and never does, helps nobody.
  it('that never come are refused when they are written', () => {
    const never = vectors.filter(neverComes);
    assert.ok(never.length > 0);
    for (const { schedule } of never) {
      assert.throws(() => made(schedule), { code: 'invalid-request', message: /never comes due/ }, schedule);
    }
  });
});
