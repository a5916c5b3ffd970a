import { CofferError, errorText } from '@coffer/base';
import { CronSchedule } from './cron-schedule.ts';
import type { Intent } from '@coffer/framework';
import type { StaticRoleEntry } from './static-role-entry.ts';

/** Seconds. Vault's limits (hashicorp/vault:builtin/logical/database/path_roles.go). */
const SHORTEST_PERIOD = 5;
const SHORTEST_WINDOW = 3600;

/** When a static role is rotated by itself: by period, by schedule, or never. */
export type RotationTime = Pick<StaticRoleEntry, 'rotationPeriod' | 'rotationSchedule' | 'rotationWindow'>;

/** As given in a request; undefined where it is absent. */
export interface RotationTimeFields {
  readonly rotation_period: number | undefined;
  readonly rotation_schedule: string | undefined;
  readonly rotation_window: number | undefined;
  readonly disable_automated_rotation: boolean | undefined;
}

/**
 * The rotation time after a write. Period and schedule replace each other.
 *
 * @throws CofferError `invalid-request` with Vault's texts for what cannot go together or is too short
 */
export function mergeRotationTime(previous: RotationTime | undefined, fields: RotationTimeFields): RotationTime {
  const { rotation_period: period, rotation_schedule: schedule, rotation_window: window } = fields;
  if (period !== undefined && schedule !== undefined) {
    throw refused(
      'mutually exclusive fields rotation_period and rotation_schedule were both specified; only one of them can be provided',
    );
  }
  if (fields.disable_automated_rotation === true) return manualOnly(period ?? schedule ?? window);
  if (period !== undefined) return byPeriod(period, window);
  if (schedule !== undefined) return bySchedule(schedule, window ?? previous?.rotationWindow ?? 0);
  if (previous === undefined) {
    throw refused(
      'one of rotation_schedule or rotation_period must be provided to create a static account, ' +
        'or disable_automated_rotation=true to rotate by rotate-role only',
    );
  }
  if (fields.disable_automated_rotation === false && isManualOnly(previous)) {
    throw refused('one of rotation_schedule or rotation_period must be provided to rotate automatically again');
  }
  if (window === undefined) {
    const { rotationPeriod, rotationSchedule, rotationWindow } = previous;
    return { rotationPeriod, rotationSchedule, rotationWindow };
  }
  if (previous.rotationSchedule === '') throw refused('rotation_window is invalid without rotation_schedule');
  return bySchedule(previous.rotationSchedule, window);
}

export function isManualOnly({ rotationPeriod, rotationSchedule }: RotationTime): boolean {
  return rotationPeriod === 0 && rotationSchedule === '';
}

export function sameRotationTime(one: RotationTime, other: RotationTime): boolean {
  return (
    one.rotationPeriod === other.rotationPeriod &&
    one.rotationSchedule === other.rotationSchedule &&
    one.rotationWindow === other.rotationWindow
  );
}

/** The first time from `now` on that a rotation is due, in milliseconds since 1970; null for never. */
export function nextRotation(time: RotationTime, periodStart: number, now: number): number | null {
  if (time.rotationPeriod > 0) return periodStart + time.rotationPeriod * 1000;
  if (time.rotationSchedule === '') return null;
  return cronOf(time.rotationSchedule).next(now) ?? null;
}

/** Whether a rotation that is due may begin now. Outside of the window it waits for the next scheduled time. */
export function withinWindow(time: RotationTime, now: number): boolean {
  if (time.rotationSchedule === '' || time.rotationWindow === 0) return true;
  const scheduled = cronOf(time.rotationSchedule).next(now - time.rotationWindow * 1000);
  return scheduled !== undefined && scheduled <= now;
}

/**
 * Until when the password stays for certain, in milliseconds since 1970: until the next attempt when that is a regular one,
 * no longer than `now` when a rotation is overdue, which includes one that has failed and is tried again. `settled` is the
 * row of the role's login.
 */
export function staysUntil(time: RotationTime, settled: Pick<Intent, 'nextAttempt' | 'attempts'>, now: number): number {
  const { nextAttempt, attempts } = settled;
  if (nextAttempt === null) return now;
  if (nextAttempt <= now) return withinWindow(time, now) ? now : (nextRotation(time, now, now) ?? now);
  // After a failure in a window that is over, or about to be, the next attempt is at a scheduled time again.
  return attempts === 0 || isScheduled(time, nextAttempt) ? nextAttempt : now;
}

function isScheduled({ rotationSchedule }: RotationTime, at: number): boolean {
  return rotationSchedule !== '' && cronOf(rotationSchedule).next(at - 1) === at;
}

function manualOnly(other: unknown): RotationTime {
  if (other !== undefined) {
    throw refused('disable_automated_rotation excludes rotation_period, rotation_schedule and rotation_window');
  }
  return { rotationPeriod: 0, rotationSchedule: '', rotationWindow: 0 };
}

function byPeriod(rotationPeriod: number, window: number | undefined): RotationTime {
  if (rotationPeriod < SHORTEST_PERIOD) throw refused(`rotation_period must be ${SHORTEST_PERIOD} seconds or more`);
  if (window !== undefined) throw refused('rotation_window is invalid with use of rotation_period');
  return { rotationPeriod, rotationSchedule: '', rotationWindow: 0 };
}

function bySchedule(rotationSchedule: string, rotationWindow: number): RotationTime {
  if (rotationWindow !== 0 && rotationWindow < SHORTEST_WINDOW) {
    throw refused(`rotation_window must be ${SHORTEST_WINDOW} seconds or more`);
  }
  if (cronOf(rotationSchedule).next(Date.now()) === undefined) {
    throw refused(`could not parse rotation_schedule: ${JSON.stringify(rotationSchedule)} never comes due`);
  }
  return { rotationPeriod: 0, rotationSchedule, rotationWindow };
}

/** In UTC, as Vault's schedules. */
function cronOf(schedule: string): CronSchedule {
  try {
    return new CronSchedule(schedule);
  } catch (error) {
    throw refused(
      `could not parse rotation_schedule: ${JSON.stringify(schedule.slice(0, 100))} is not five cron fields (minute hour day month weekday): ${errorText(error)}`,
    );
  }
}

function refused(message: string): CofferError {
  return new CofferError('invalid-request', message);
}
