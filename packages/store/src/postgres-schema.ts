import { CofferError } from '@coffer/base';
import type pg from 'pg';
import { MIGRATIONS } from './schema.ts';

/**
 * Every statement of the store finds its rows by an index. The planner chooses otherwise: without statistics, which YugabyteDB
 * has none of until somebody runs ANALYZE, and with those of tokens that mostly have no parent. It would read all tokens for
 * each generation of a family that is to be ended, and sort all leases below a prefix for one page of them.
 */
const PLANNER = ['hashjoin', 'mergejoin', 'seqscan', 'bitmapscan', 'material'].map(
  (kind) => `SET enable_${kind} = off`,
);

/** What changes the meaning of SQL: defaults of the database or the role must not reach ours. */
const SETTINGS = [
  'SET ROLE NONE',
  "SET client_encoding = 'UTF8'",
  'SET standard_conforming_strings = on',
  'SET transform_null_equals = off',
  'SET row_security = on',
  "SET datestyle = 'ISO, MDY'",
  "SET timezone = 'UTC'",
  "SET default_transaction_isolation = 'read committed'",
  'SET default_transaction_read_only = off',
  'SET default_transaction_deferrable = off',
];

/** Tables and indexes. */
const OURS = ['migrations'].concat(
  MIGRATIONS.flat().flatMap((sql) => /^CREATE (?:TABLE|(?:UNIQUE )?INDEX) IF NOT EXISTS (\w+)/.exec(sql)?.[1] ?? []),
);

// With nothing but pg_catalog in the search path, for the operators.
const OUR_SCHEMAS = `SELECT n.nspname::pg_catalog.text AS name FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_roles r ON r.oid = c.relowner AND r.rolname = current_user
  WHERE c.relname = 'migrations' AND c.relkind = 'r'`;

/**
 * The one schema that a store's connections work in. It is looked up once, so a schema that somebody creates later and that comes
 * earlier in the search path changes nothing. Names that our SQL leaves to the search path are looked for in pg_catalog, then there: first in
 * pg_catalog since that is not named, and never in pg_temp, which is named last.
 */
export class StoreSchema {
  readonly #asked: boolean;
  #name: string | undefined;

  constructor(connectionUrl: string) {
    this.#asked = decodeURIComponent(connectionUrl).includes('search_path');
  }

  /** For each new connection, before it is used. @throws CofferError `failed` when there is no schema to work in */
  async prepare(client: pg.ClientBase): Promise<void> {
    await client.query([...SETTINGS, ...PLANNER].join('; '));
    this.#name ??= await this.#find(client);
    await client.query(`SET search_path TO ${quoted(this.#name)}, pg_temp`);
  }

  /**
   * Every table and index that has the name of one of ours belongs to us, or to a role that we are a member of: to write into
   * somebody else's is to run their triggers.
   *
   * @throws CofferError `failed`
   */
  async check(run: (sql: string) => Promise<readonly Readonly<Record<string, unknown>>[]>): Promise<void> {
    // Types are exact, so that no operator but those of pg_catalog fits: others may have made some in the schema.
    const [foreign] = await run(`SELECT c.relname::pg_catalog.text AS name, r.rolname::pg_catalog.text AS owner
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_roles r ON r.oid = c.relowner
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = pg_catalog.current_schema() AND c.relname IN (${OURS.map((name) => `'${name}'`).join(', ')})
        AND r.rolname <> current_user AND (NOT pg_catalog.pg_has_role(current_user, r.oid, 'USAGE')
          OR (SELECT me.rolsuper FROM pg_catalog.pg_roles me WHERE me.rolname = current_user))
      LIMIT 1`);
    if (foreign === undefined) return;
    throw new CofferError(
      'failed',
      `the store's schema "${this.#name ?? ''}" has a "${String(foreign['name'])}" that belongs to "${String(foreign['owner'])}": ` +
        'give the store a schema of its own in which nobody else may create, or make its user the owner',
    );
  }

  async #find(client: pg.ClientBase): Promise<string> {
    const { rows: paths } = await client.query<{ path: string }>(
      'SELECT pg_catalog.array_to_json(pg_catalog.current_schemas(false))::pg_catalog.text AS path',
    );
    const path = namesOf(paths[0]?.path ?? '[]');
    await client.query('SET search_path TO pg_catalog, pg_temp');
    const { rows } = await client.query<{ name: string }>(OUR_SCHEMAS);
    const ours = rows.map((row) => row.name);
    const inPath = path.find((schema) => ours.includes(schema));
    // A search path set on the database or the role since then must not make us start over elsewhere; one in the URL may.
    const found = inPath ?? (this.#asked ? undefined : ours.length === 1 ? ours[0] : undefined) ?? path[0];
    if (found === undefined) {
      throw new CofferError(
        'failed',
        'the search path of the store names no schema that exists: create one, or name it',
      );
    }
    return found;
  }
}

/** A list of strings in JSON. */
function namesOf(json: string): readonly string[] {
  const names: unknown = JSON.parse(json);
  return Array.isArray(names) ? names.map(String) : [];
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
