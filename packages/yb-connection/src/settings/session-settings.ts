import pg from 'pg';

/**
 * The settings that change what SQL means. We set them on every connection, so that the defaults of a database or a role
 * (ALTER ROLE ... SET) cannot affect our statements. All of them exist since PostgreSQL 11, which older YugabyteDB is built from.
 */
const SETTINGS: Readonly<Record<string, string>> = {
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
export const OUR_SETTINGS: ReadonlySet<string> = new Set([...Object.keys(SETTINGS), 'statement_timeout']);

export interface OurSettings {
  /** Default: as which user the session logged in. A default role of the database or the user is not adopted. */
  readonly role?: string | undefined;
  readonly statementTimeoutSeconds: number;
  /** Where names are looked for that our SQL writes without a schema, as SQL; undefined: as it was. */
  readonly searchPath: string | undefined;
}

/** The message that makes all settings of a session ours. */
export function ourSettings({ role, statementTimeoutSeconds, searchPath }: OurSettings): string {
  return [
    // The default may be so short that the rest would be cancelled.
    `SET statement_timeout = ${statementTimeoutSeconds * 1000}`,
    `SET ROLE ${role === undefined || role === 'none' ? 'NONE' : pg.escapeIdentifier(role)}`,
    ...(searchPath === undefined ? [] : [`SET search_path = ${searchPath}`]),
    ...Object.entries(SETTINGS).map(([name, value]) => `SET ${name} = ${value}`),
  ].join('; ');
}
