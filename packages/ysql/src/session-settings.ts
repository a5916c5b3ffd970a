import { Failure } from './failure.ts';
import { quoteIdentifier } from './render.ts';
import type { Session } from './session.ts';
import type { YsqlSettings } from './settings.ts';
import type { RenderedStatement } from './statement-template.ts';
import type { Step } from './steps.ts';

/**
 * What changes the meaning of SQL, and is ours on every connection: defaults of the database or the role (ALTER ROLE ... SET)
 * must not reach our statements. All of them exist from PostgreSQL 11 on, which older YugabyteDB is built from.
 *
 * Every function, table and type that our SQL names has its schema; for operators, and for what IN and CASE make of them, there
 * is this search path. pg_temp is named, and last, since it would come first otherwise.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  search_path: 'pg_catalog, pg_temp',
  client_encoding: "'UTF8'",
  standard_conforming_strings: 'on',
  backslash_quote: 'safe_encoding',
  quote_all_identifiers: 'off',
  transform_null_equals: 'off',
  array_nulls: 'on',
  row_security: 'on',
  datestyle: 'ISO, MDY',
  intervalstyle: 'postgres',
  timezone: "'UTC'",
  default_transaction_isolation: "'read committed'",
  default_transaction_read_only: 'off',
  default_transaction_deferrable: 'off',
};

/** Names of the settings that nobody else has a say in, not even the connection's own URL. */
export const OUR_SETTINGS: ReadonlySet<string> = new Set(
  [...Object.keys(SETTINGS), 'statement_timeout'].filter((name) => name !== 'search_path'),
);

/**
 * One message that makes a session ours. The session acts as the user that logged in, or as the role that the connection's URL
 * names; a role that the database or the user has as a default is not taken.
 */
export function ourSettings({ parameters, statementTimeoutSeconds }: YsqlSettings): string {
  const role = parameters['role'];
  const set = Object.entries(SETTINGS).map(([name, value]) => `SET ${name} = ${value}`);
  return [
    `SET ROLE ${role === undefined || role === 'none' ? 'NONE' : quoteIdentifier(role)}`,
    ...set,
    `SET statement_timeout = ${statementTimeoutSeconds * 1000}`,
  ].join('; ');
}

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
