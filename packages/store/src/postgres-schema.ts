import { CofferError } from '@coffer/base';
import { type ConnectionSettings, ourSettings, type Session } from '@coffer/yb-connection';
import pg from 'pg';
import { MIGRATIONS } from './schema.ts';

/**
 * Every statement of the store finds its rows by an index. The planner chooses otherwise: without statistics, which YugabyteDB
 * has none of until somebody runs ANALYZE, and with those of tokens that mostly have no parent. It would read all tokens for
 * each generation of a family that is to be ended, and sort all leases below a prefix for one page of them.
 */
const PLANNER = ['hashjoin', 'mergejoin', 'seqscan', 'bitmapscan', 'material'].map(
  (kind) => `SET enable_${kind} = off`,
);

/** To compile a statement takes longer than to run one of ours, and it is done for what looks dear to a planner as above. */
const NO_COMPILING = 'SET jit = off';

/**
 * A process that is stopped in the midst of a transaction has rows locked that other nodes wait for, the one of the epoch above all. Ours
 * are silent for as long as a round trip takes. Shorter than what makes a node dead, so that whoever takes over finds no locks.
 */
const SILENCE = 'SET idle_in_transaction_session_timeout = 5000';

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
  readonly #settings: (searchPath: string | undefined) => string;
  #name: string | undefined;

  constructor({
    parameters,
    statementTimeoutSeconds,
  }: Pick<ConnectionSettings, 'parameters' | 'statementTimeoutSeconds'>) {
    this.#asked = parameters['search_path'] !== undefined;
    this.#settings = (searchPath) => ourSettings({ role: parameters['role'], statementTimeoutSeconds, searchPath });
  }

  /**
   * The message that makes the settings of a new session ours, before it is used.
   *
   * @throws Failure; CofferError `failed` when there is no schema to work in
   */
  async settingsFor(session: Session): Promise<string> {
    this.#name ??= await this.#find(session);
    return [this.#settings(`${pg.escapeIdentifier(this.#name)}, pg_temp`), SILENCE, NO_COMPILING, ...PLANNER].join(
      '; ',
    );
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

  async #find(session: Session): Promise<string> {
    await session.query(this.#settings(undefined));
    const { rows: paths } = await session.query(
      'SELECT pg_catalog.array_to_json(pg_catalog.current_schemas(false))::pg_catalog.text AS path',
    );
    const path = namesOf(paths[0]?.['path']);
    await session.query('SET search_path TO pg_catalog, pg_temp');
    const { rows } = await session.query(OUR_SCHEMAS);
    const ours = rows.map((row) => String(row['name']));
    const inPath = path.find((schema) => ours.includes(schema));
    // A search path set on the database or the role since then must not make us start over elsewhere; one in the URL may.
    const found = inPath ?? (this.#asked ? undefined : ours.length === 1 ? ours[0] : undefined) ?? path[0];
    if (found === undefined) {
      throw new CofferError(
        'failed',
        'the search path of the store names no existing schema: create one, or set search_path',
      );
    }
    return found;
  }
}

/** A list of strings in JSON. */
function namesOf(json: unknown): readonly string[] {
  const names: unknown = typeof json === 'string' ? JSON.parse(json) : [];
  return Array.isArray(names) ? names.map(String) : [];
}
