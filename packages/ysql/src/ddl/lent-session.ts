import { Failure, type Session } from '@coffer/yb-connection';
import type { RenderedStatement } from '../sql/statement-template.ts';
import type { Step } from './steps.ts';

// The path that the session would have without us: that of the connection's URL, else the role's or database's default.
const DEFAULT_PATH = { sql: 'SET search_path TO DEFAULT', what: 'setting the search path' };

/** To be sent before the statements of a role: they see the admin's own search path, but otherwise our settings. */
export function lendPath(statements: readonly RenderedStatement[]): readonly Step[] {
  return statements.some(isLent) ? [DEFAULT_PATH] : [];
}

/** {@link lendPath}, but only until the end of the transaction block: for statements that do not change the session. */
export function lendPathLocally(statements: readonly RenderedStatement[]): readonly Step[] {
  return statements.some(isLent) ? [{ ...DEFAULT_PATH, sql: 'SET LOCAL search_path TO DEFAULT' }] : [];
}

/**
 * To be sent after the statements, outside of a transaction block, so that nothing they have set, prepared or created is there
 * when ours run. If that fails, the session is not used again.
 */
export function takeBack(session: Session, statements: readonly RenderedStatement[]): readonly Step[] {
  if (!statements.some(isLent)) return [];
  const sql = statements.some(mayChangeSession) ? ['DISCARD ALL', session.ourSettings] : [session.ourSettings];
  return sql.map((text) => ({
    sql: text,
    what: 'taking the session back',
    mayFail: 'always',
    see: (answer) => {
      if (answer instanceof Failure) session.destroy();
    },
  }));
}

function isLent(statement: RenderedStatement): boolean {
  return statement.usesPath || mayChangeSession(statement);
}

/** Anything but DDL for roles and privileges: SET, PREPARE, LISTEN, CREATE TEMPORARY, or code that runs one of these. */
function mayChangeSession({ kind }: RenderedStatement): boolean {
  return kind === 'other';
}
