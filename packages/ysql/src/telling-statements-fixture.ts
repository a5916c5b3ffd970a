/** For tests: statements that PostgreSQL refuses with an error that repeats the password, or a part of it. */
export const TELLING_STATEMENTS: Readonly<Record<string, string>> = {
  'a name': `GRANT "{{password}}" TO pg_monitor`,
  'a name at a syntax error': `ALTER ROLE nobody_here PASSWORD "{{password}}"`,
  'a value of the wrong type': `SELECT '{{password}}'::int`,
  'a message': `DO $do$ BEGIN RAISE '%', '{{password}}'; END $do$`,
  'a message with detail and hint': `DO $do$ BEGIN RAISE 'no' USING DETAIL = '{{password}}', HINT = '{{password}}'; END $do$`,
  'a message with it as a literal': `DO $do$ BEGIN RAISE '%', quote_literal('{{password}}'); END $do$`,
  'a message with it as an identifier': `DO $do$ BEGIN RAISE '%', quote_ident('{{password}}'); END $do$`,
  'a message with it in JSON': `DO $do$ BEGIN RAISE '%', to_json('{{password}}'::text); END $do$`,
  'a query inside a query': `DO $do$ BEGIN EXECUTE format('SELEC %L', '{{password}}'); END $do$`,
  'a key that exists': `CREATE TEMPORARY TABLE told (id text PRIMARY KEY); INSERT INTO told VALUES ('{{password}}'), ('{{password}}')`,
  'an identifier with escapes': `GRANT U&"{{password}}" TO pg_monitor`,
  'a dollar quote': 'SELECT $x${{password}}$x$::int',
  'no quotes': `ALTER ROLE nobody_here PASSWORD {{password}}`,
};
