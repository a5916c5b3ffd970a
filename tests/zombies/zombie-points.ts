/** Where a node is stopped in what it does, and what goes on in the target meanwhile. */
import { CASES, type CrashCase } from '../crash/cases.ts';
import type { Cut } from '../crash/child.ts';
import { describePoint, type FaultPoint, type StatementMoment } from '../crash/fault-point.ts';

export interface ZombiePoint {
  readonly title: string;
  readonly crashCase: CrashCase;
  readonly at: StopPoint;
}

export type StopPoint =
  | { readonly at: 'store'; readonly call: Cut['call']; readonly moment: Cut['moment'] }
  /** The one with this index among those of the node, or the first like this. */
  | { readonly at: 'statement'; readonly which: number | RegExp; readonly moment: StatementMoment }
  | { readonly at: 'login'; readonly index: number };

export function zombiePoint(crashCase: CrashCase, point: FaultPoint): ZombiePoint {
  const title = `${crashCase.title}, ${describePoint(point)}`;
  if (point.at !== 'statement') return { title, crashCase, at: point };
  const { at, index: which, moment } = point;
  return { title, crashCase, at: { at, which, moment } };
}

function caseOf(title: string): CrashCase {
  const found = CASES.find((each) => each.title === title);
  if (found === undefined) throw new Error(`there is no case ${title}`);
  return found;
}

type Call = readonly [moment: Cut['moment'], call: number | string];
const before = (call: number | string): Call => ['before', call];
const during = (call: number | string): Call => ['during', call];
const after = (call: number | string): Call => ['after', call];

/**
 * The writes that a request makes, by their number: what each says is behind or before it. In the background, the first that begins
 * like this.
 */
const CALLS: readonly (readonly [string, readonly Call[]])[] = [
  ['issue', [after(1), before(2)]],
  ['renew', [after(1), before(2)]],
  ['revoke', [after(1), before(2)]],
  ['revoke-prefix of several', [after(1), before(2)]],
  ['revoke in the background', [after('UPDATE leases SET claim ='), before('DELETE FROM leases')]],
  ['rotate-role', [after(1), after(2), before(3)]],
  ['rotate-root', [after(2), before(3), before(4)]],
  // The second has the epoch's row locked.
  ['static role creation', [after(1), during(2), after(2), before(4)]],
  ['static role creation, password kept', [after(1), before(2), before(3)]],
];

const STATEMENTS: readonly (readonly [string, RegExp])[] = [
  ['issue', /CREATE ROLE/],
  ['revoke', /DROP ROLE/],
  ['revoke-prefix of several', /DROP ROLE/],
  ['rotate-role', /ALTER ROLE/],
  ['rotate-root', /ALTER ROLE/],
];

/** Those that say something different from the ones around them. */
export const CHOSEN_POINTS: readonly ZombiePoint[] = [
  ...CALLS.flatMap(([title, calls]) =>
    calls.map(
      ([moment, call]): ZombiePoint => ({
        title: `${title}, ${moment} write ${call}`,
        crashCase: caseOf(title),
        at: { at: 'store', moment, call: typeof call === 'number' ? { write: call } : { sql: call, occurrence: 1 } },
      }),
    ),
  ),
  ...STATEMENTS.flatMap(([title, which]) =>
    (['before', 'after'] as const).map(
      (moment): ZombiePoint => ({
        title: `${title}, ${moment} ${which.source}`,
        crashCase: caseOf(title),
        at: { at: 'statement', which, moment },
      }),
    ),
  ),
];
