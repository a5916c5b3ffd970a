import { quoteIdentifier } from '../sql/render.ts';

/**
 * The settings that change what SQL means. We set them on every connection, so that the defaults of a database or a role
 * (ALTER ROLE ... SET) cannot affect our statements. All of them exist since PostgreSQL 11, which older YugabyteDB is built from.
 *
 * Our SQL names every function, table and type with its schema. The search path is for operators, and for those that IN and
 * CASE stand for. pg_temp is in it, and last, because it would otherwise be searched first.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  search_path: 'pg_catalog, pg_temp',
  client_encoding: "'UTF8'",
  standard_conforming_strings: 'on',
  backslash_quote: 'safe_encoding',
  quote_all_identifiers: 'off',
  transform_null_equals: 'off',
  array_nulls: 'on',
  // A grant that grants nothing is a warning, and that is told to whoever asked.
  client_min_messages: 'warning',
  row_security: 'on',
  datestyle: 'ISO, MDY',
  intervalstyle: 'postgres',
  timezone: "'UTC'",
  default_transaction_isolation: "'read committed'",
  default_transaction_read_only: 'off',
  default_transaction_deferrable: 'off',
};

/** The settings that nobody else may change, not even the connection's own URL. */
export const OUR_SETTINGS: ReadonlySet<string> = new Set(
  [...Object.keys(SETTINGS), 'statement_timeout'].filter((name) => name !== 'search_path'),
);

/**
 * The message that makes all settings of a session ours. The session acts as the user that logged in, or as `role` when the
 * connection's URL names one; a default role of the database or the user is not adopted.
 */
export function ourSettings(role: string | undefined, statementTimeoutSeconds: number): string {
  const set = Object.entries(SETTINGS).map(([name, value]) => `SET ${name} = ${value}`);
  return [
    // The default may be so short that the rest would be cancelled.
    `SET statement_timeout = ${statementTimeoutSeconds * 1000}`,
    `SET ROLE ${role === undefined || role === 'none' ? 'NONE' : quoteIdentifier(role)}`,
    ...set,
  ].join('; ');
}
