import { CofferError } from '@coffer/base';
import { Failure, type Row } from '@coffer/yb-connection';
import type { Step } from '../ddl/steps.ts';
import { quoteList } from '../sql/render.ts';

/**
 * A look at a role in the session of somebody else's statements, whatever search path they have set: at most one row, with
 * `rolcanlogin`, whether the password is `expired`, and whether the role may have no connection at all (`closed`).
 */
function lookAtLogin(name: string, see: (role: Row | undefined) => void): Step {
  return {
    sql: `SELECT rolcanlogin, rolvaliduntil OPERATOR(pg_catalog.<=) pg_catalog.now() AS expired,
                 rolconnlimit OPERATOR(pg_catalog.=) 0 AND NOT rolsuper AS closed
          FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) ${quoteList([name])}`,
    what: 'looking for the login',
    see: (answer) => {
      if (!(answer instanceof Failure)) see(answer.rows[0]);
    },
  };
}

/** Throws a CofferError `failed` where statements have made no login of that name. */
export function requireLogin(name: string): Step {
  return lookAtLogin(name, (role) => {
    if (role === undefined) {
      throw new CofferError(
        'failed',
        `the creation statements ran, but there is no role "${name}": make sure that they create "{{name}}"`,
      );
    }
    const bar = barOf(role);
    if (bar === undefined) return;
    throw new CofferError(
      'failed',
      `the creation statements created the role "${name}", but it may not log in: ${bar}`,
    );
  });
}

/** Why a role cannot log in, as far as pg_roles tells. */
function barOf(role: Row): string | undefined {
  if (role['rolcanlogin'] !== true) return 'make sure that they say LOGIN';
  if (role['expired'] === true) return 'its VALID UNTIL has already passed';
  return role['closed'] === true ? 'its CONNECTION LIMIT is 0' : undefined;
}

/** Calls back where statements have left a login of that name that works as before, as far as pg_roles tells. */
export function noteLogin(name: string, note: () => unknown): Step {
  return lookAtLogin(name, (role) => {
    if (role !== undefined && barOf(role) === undefined) note();
  });
}
