import { Failure } from '../connection/failure.ts';
import type { Session } from '../connection/session.ts';
import type { RenderedStatement } from '../sql/statement-template.ts';
import type { Step } from './steps.ts';

// To the path that the session would have without us: by the connection's URL, else the role's default, the database's.
const DEFAULT_PATH = { sql: 'SET search_path TO DEFAULT', what: 'setting the search path' };

/** To be sent before statements of a role, which see the admin's own search path and else our settings. */
export function lendPath(statements: readonly RenderedStatement[]): readonly Step[] {
  return statements.some(isLent) ? [DEFAULT_PATH] : [];
}

/** {@link lendPath} up to the end of the transaction block, for statements that leave the session as it was. */
export function lendPathLocally(statements: readonly RenderedStatement[]): readonly Step[] {
  return statements.some(isLent) ? [{ ...DEFAULT_PATH, sql: 'SET LOCAL search_path TO DEFAULT' }] : [];
}

/**
 * To be sent after the statements, outside of a transaction block: nothing that they have set, prepared or made is left to
 * ours. A session on which that fails is used by nobody any more.
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

/** Anything but DDL of roles and privileges: SET, PREPARE, LISTEN, CREATE TEMPORARY, or a function or block that does so. */
function mayChangeSession({ kind }: RenderedStatement): boolean {
  return kind === 'other';
}
