import { quoteIdentifier } from '../sql/render.ts';

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
export function ourSettings(role: string | undefined, statementTimeoutSeconds: number): string {
  const set = Object.entries(SETTINGS).map(([name, value]) => `SET ${name} = ${value}`);
  return [
    `SET ROLE ${role === undefined || role === 'none' ? 'NONE' : quoteIdentifier(role)}`,
    ...set,
    `SET statement_timeout = ${statementTimeoutSeconds * 1000}`,
  ].join('; ');
}
