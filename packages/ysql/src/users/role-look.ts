import { CofferError } from '@coffer/base';
import { Failure, type Session } from '@coffer/yb-connection';
import { sendSteps, type Step } from '../ddl/steps.ts';
import { textArray } from '../sql/render.ts';

/** What a quick look shows of a role: enough to know whether it can be dropped together with others. */
export interface SeenRole {
  readonly name: string;
  readonly oid: string;
  /** Whether we have its privileges, which DROP OWNED requires. */
  readonly member: boolean;
  /**
   * `database`: only privileges on the connection's database itself, such as the seed's GRANT gives. `privileges`: only
   * privileges, all of which can be taken away from within the connection's database.
   */
  readonly dependencies: 'none' | 'database' | 'privileges' | 'more';
}

/** A role with more than that is not looked at any further here. */
const MAX_DEPENDENCIES = 100;
const NO_DATABASE = '0';
/** OID of pg_database. The OIDs of catalogs never change. */
const DATABASES = '1262';
/** The type of dependency that pg_shdepend has for what a role owns. */
export const OWNER = 'o';
/**
 * OIDs of pg_default_acl and pg_user_mapping. Their entries count as owned, but belong to nobody once the role is gone:
 * REASSIGN OWNED skips them and DROP OWNED removes them.
 */
export const NOBODYS_CATALOGS: readonly string[] = ['826', '1418'];

/**
 * Which of the roles exist, and what depends on them in the whole cluster. One short statement: a revocation costs the server
 * little else, so planning a join, or parsing each name by itself, would be most of it. (A subquery per role uses the index of
 * pg_shdepend; a join would read everything that depends on any role. OFFSET keeps each name from being looked up once more
 * wherever its oid is used.)
 */
const LOOK = `
  SELECT r.name, r.oid::pg_catalog.text AS oid, pg_catalog.pg_has_role(current_user, r.oid, 'USAGE') AS member,
         ARRAY(SELECT pg_catalog.concat_ws(' ', d.dbid, d.classid, d.objid, d.deptype) FROM pg_catalog.pg_shdepend d
               WHERE d.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND d.refobjid = r.oid
               LIMIT ${MAX_DEPENDENCIES + 1}) AS dependencies
  FROM (SELECT role AS name, pg_catalog.to_regrole(pg_catalog.quote_ident(role))::pg_catalog.oid AS oid
        FROM pg_catalog.unnest($1::pg_catalog.text[]) AS role OFFSET 0) AS r WHERE r.oid IS NOT NULL`;

export async function lookAtRoles(session: Session, names: readonly string[]): Promise<readonly SeenRole[]> {
  const look: Step = {
    sql: LOOK,
    params: [textArray(names)],
    what: 'looking for dependencies',
  };
  const answers = await sendSteps(session, [...databaseOid(session), look]);
  return (answers.at(-1)?.rows ?? []).map((row) => {
    const dependencies = summary(session, listOf(row['dependencies']));
    return { name: String(row['name']), oid: String(row['oid']), member: row['member'] === true, dependencies };
  });
}

/** An answer that is no list says nothing, and not that there is nothing. */
function listOf(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.map(String);
  throw new CofferError('failed', 'looking for dependencies: the server answered with something else');
}

function databaseOid(session: Session): readonly Step[] {
  if (session.databaseOid !== undefined) return [];
  return [
    {
      sql: 'SELECT oid::pg_catalog.text AS oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()',
      what: 'looking for the database',
      see: (answer) => {
        if (!(answer instanceof Failure)) session.databaseOid = String(answer.rows[0]?.['oid']);
      },
    },
  ];
}

function summary(session: Session, dependencies: readonly string[]): SeenRole['dependencies'] {
  if (dependencies.length === 0) return 'none';
  if (dependencies.length > MAX_DEPENDENCIES) return 'more';
  const all = dependencies.map((dependency) => {
    const [database, catalog = '', object, kind] = dependency.split(' ');
    return { database, catalog, object, kind };
  });
  const onDatabase = all.every(
    ({ catalog, object, kind }) => catalog === DATABASES && object === session.databaseOid && kind !== OWNER,
  );
  if (onDatabase) return 'database';
  const here = [NO_DATABASE, session.databaseOid];
  const onlyPrivileges = all.every(
    ({ database, catalog, kind }) => here.includes(database) && (kind !== OWNER || NOBODYS_CATALOGS.includes(catalog)),
  );
  return onlyPrivileges ? 'privileges' : 'more';
}
