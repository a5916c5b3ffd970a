/** Where a node is stopped in what it does, and what goes on in the target meanwhile. */
import { CASES, type CrashCase } from '../crash/cases.ts';
import type { ZombiePlan } from './child.ts';

export interface ZombiePoint {
  readonly title: string;
  readonly crashCase: CrashCase;
  readonly store?: NonNullable<ZombiePlan['stop']>;
  /**
   * The first statement like this. `after`: the server has done it, and its answer waits. `late`: it reaches the server only when the
   * node is awake again, should its session still be there.
   */
  readonly statement?: { readonly sql: RegExp; readonly moment: 'after' | 'late' };
}

function caseOf(title: string): CrashCase {
  const found = CASES.find((each) => each.title === title);
  if (found === undefined) throw new Error(`there is no case ${title}`);
  return found;
}

const after = (write: number | string) => ({ write, moment: 'after' }) as const;
const before = (write: number | string) => ({ write, moment: 'before' }) as const;

/** The writes that a request makes: what each says is behind or before it. */
const STORE_POINTS: readonly (readonly [string, readonly NonNullable<ZombiePlan['stop']>[]])[] = [
  ['issue', [after(1), before(2)]],
  ['renew', [after(1), before(2)]],
  ['revoke', [after(1), before(2)]],
  ['revoke in the background', [after('UPDATE leases SET claim ='), before('DELETE FROM leases')]],
  ['rotate-role', [after(1), after(2), before(3)]],
  ['rotate-root', [after(2), before(3), before(4)]],
  ['static role creation', [after(1), after(2), before(4)]],
  ['static role creation, password kept', [after(1), before(2), before(3)]],
];

const STATEMENT_POINTS: readonly (readonly [string, RegExp])[] = [
  ['issue', /CREATE ROLE/],
  ['revoke', /DROP ROLE/],
  ['rotate-role', /ALTER ROLE/],
  ['rotate-root', /ALTER ROLE/],
];

export const ZOMBIE_POINTS: readonly ZombiePoint[] = [
  ...STORE_POINTS.flatMap(([title, stops]) =>
    stops.map((store) => ({
      title: `${title}, ${store.moment} write ${store.write}`,
      crashCase: caseOf(title),
      store,
    })),
  ),
  ...STATEMENT_POINTS.flatMap(([title, sql]) =>
    (['after', 'late'] as const).map((moment) => ({
      title: `${title}, ${moment} ${sql.source}`,
      crashCase: caseOf(title),
      statement: { sql, moment },
    })),
  ),
];
