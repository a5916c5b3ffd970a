import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  isManualOnly,
  mergeRotationTime,
  nextRotation,
  type RotationTime,
  type RotationTimeFields,
  staysUntil,
  withinWindow,
} from './rotation-time.ts';

const NOTHING: RotationTimeFields = {
  rotation_period: undefined,
  rotation_schedule: undefined,
  rotation_window: undefined,
  disable_automated_rotation: undefined,
};
const at = (text: string): number => Date.parse(text);
const made = (fields: Partial<RotationTimeFields>) => mergeRotationTime(undefined, { ...NOTHING, ...fields });

describe('the time of rotations', () => {
  it('counts a period from the last rotation', () => {
    const time = made({ rotation_period: 3600 });
    assert.equal(
      nextRotation(time, at('2026-01-01T00:00:00Z'), at('2026-01-09T00:00:00Z')),
      at('2026-01-01T01:00:00Z'),
    );
    assert.equal(withinWindow(time, at('2026-01-09T00:00:00Z')), true);
  });
  it('reads a schedule in UTC, five fields, day or weekday', () => {
    const time = made({ rotation_schedule: '30 2 * * SAT' });
    assert.equal(nextRotation(time, 0, at('2026-11-24T21:00:00Z')), at('2026-11-28T02:30:00Z'));
    const either = made({ rotation_schedule: '0 0 13 * FRI' });
    assert.equal(nextRotation(either, 0, at('2026-11-24T21:00:00Z')), at('2026-11-27T00:00:00Z'));
    assert.equal(nextRotation(time, 0, at('2026-11-28T02:30:00Z')), at('2026-12-05T02:30:00Z'), 'the one after');
  });
  it('begins within the window only', () => {
    const time = made({ rotation_schedule: '0 2 * * *', rotation_window: 3600 });
    assert.equal(withinWindow(time, at('2026-11-24T02:00:00Z')), true);
    assert.equal(withinWindow(time, at('2026-11-24T02:59:59Z')), true);
    assert.equal(withinWindow(time, at('2026-11-24T03:00:01Z')), false);
    assert.equal(withinWindow(made({ rotation_schedule: '0 2 * * *' }), at('2026-11-24T03:00:01Z')), true);
  });
  it('is until when the password stays, unless a rotation is overdue', () => {
    const free = made({ rotation_schedule: '0 2 * * *' });
    const bounded = made({ rotation_schedule: '0 2 * * *', rotation_window: 3600 });
    const period = made({ rotation_period: 3600 });
    const [due, after, closed, next] = ['24T02:00:00', '24T02:00:01', '24T03:00:01', '25T02:00:00'].map((text) =>
      at(`2026-11-${text}Z`),
    ) as [number, number, number, number];
    const stays = (time: RotationTime, nextAttempt: number | null, now: number, attempts = 0) =>
      staysUntil(time, { nextAttempt, attempts }, now);
    for (const time of [free, bounded, period]) {
      assert.equal(stays(time, due, due - 1), due);
      assert.equal(stays(time, due, due), due);
      assert.equal(stays(time, due, after), after);
      assert.equal(stays(time, after + 500, after, 1), after, 'a retry');
    }
    assert.equal(stays(free, due, closed), closed);
    assert.equal(stays(period, due, next), next);
    assert.equal(stays(bounded, due, closed), next, 'the window was missed');
    assert.equal(stays(bounded, next, after, 3), next, 'no retry within the window');
    assert.equal(stays(free, null, after), after);
  });
  it('is never when rotation is by hand only', () => {
    const time = made({ disable_automated_rotation: true });
    assert.equal(isManualOnly(time), true);
    assert.equal(nextRotation(time, 0, Date.now()), null);
  });
  it('replaces one by the other in an update, and keeps what is not given', () => {
    const daily = made({ rotation_schedule: '0 2 * * *', rotation_window: 7200 });
    const update = (fields: Partial<RotationTimeFields>) => mergeRotationTime(daily, { ...NOTHING, ...fields });
    assert.deepEqual(update({}), daily);
    assert.deepEqual(update({ rotation_period: 60 }), { rotationPeriod: 60, rotationSchedule: '', rotationWindow: 0 });
    assert.equal(update({ rotation_schedule: '0 3 * * *' }).rotationWindow, 7200);
    assert.equal(update({ rotation_window: 3600 }).rotationSchedule, '0 2 * * *');
    assert.equal(isManualOnly(update({ disable_automated_rotation: true })), true);
  });

  const REFUSED: readonly [Partial<RotationTimeFields>, RegExp][] = [
    [{ rotation_period: 4 }, /^rotation_period must be 5 seconds or more$/],
    [{ rotation_period: 0 }, /^rotation_period must be 5 seconds or more$/],
    [{ rotation_period: 60, rotation_window: 3600 }, /^rotation_window is invalid with use of rotation_period$/],
    [{ rotation_schedule: '0 2 * * *', rotation_window: 3599 }, /^rotation_window must be 3600 seconds or more$/],
    [{ rotation_period: 60, rotation_schedule: '0 2 * * *' }, /^mutually exclusive fields/],
    [{}, /^one of rotation_schedule or rotation_period must be provided to create a static account/],
    [{ rotation_window: 3600 }, /^one of rotation_schedule or rotation_period must be provided/],
    [{ disable_automated_rotation: true, rotation_period: 60 }, /^disable_automated_rotation excludes/],
    [{ rotation_schedule: '0 0 2 * * *' }, /^could not parse rotation_schedule.*five cron fields/],
    [{ rotation_schedule: '61 * * * *' }, /^could not parse rotation_schedule/],
    [{ rotation_schedule: '@daily' }, /^could not parse rotation_schedule/],
    [
      { rotation_schedule: 'TZ=Europe/Berlin 0 3 * * *' },
      /schedules are in UTC, not in the time zone "Europe\/Berlin"$/,
    ],
    [{ rotation_schedule: 'CRON_TZ=Local 0 3 * * *' }, /not in the time zone "Local"$/],
    [{ rotation_schedule: '' }, /^could not parse rotation_schedule/],
    [{ rotation_schedule: '0 0 30 2 *' }, /^could not parse rotation_schedule.*never comes due/],
  ];
  for (const [fields, message] of REFUSED) {
    it(`refuses ${JSON.stringify(fields)}`, () => {
      assert.throws(() => made(fields), { code: 'invalid-request', message });
    });
  }
});
