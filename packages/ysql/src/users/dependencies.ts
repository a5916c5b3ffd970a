import { CofferError } from '@coffer/base';
import { Failure, type Session } from '@coffer/yb-connection';
import { retry } from '../ddl/retry.ts';
import type { Access } from '../ddl/access.ts';
import { runOurs } from '../ddl/transaction.ts';
import { DEFAULT_REASSIGN_ROLE } from '../settings/fields.ts';
import type { YsqlSettings } from '../settings/settings.ts';
import { quoteIdentifier, quoteList } from '../sql/render.ts';
import { endRoleSessions } from './end-sessions.ts';
import { NOBODYS_CATALOGS, OWNER } from './role-look.ts';

/** How much depends on a role in one database. */
export interface Dependency {
  /** Undefined for shared objects (databases, tablespaces), which can be dealt with from any database. */
  readonly database: string | undefined;
  /** How many objects the role owns. */
  readonly owned: number;
  /** How many privileges, default privileges and row policies it has. DROP OWNED takes them away without any loss. */
  readonly granted: number;
}

export interface DependentRole {
  readonly name: string;
  readonly oid: string;
  readonly dependencies: readonly Dependency[];
}

const ROLES = `'pg_catalog.pg_authid'::pg_catalog.regclass`;
// Shared objects come first: once a database that the role owned is ours, it lets us in, whatever the role has done to it.
// LATERAL uses the index of pg_shdepend for each role; a plain join would read everything that depends on any role.
const OWNED = `d.deptype = '${OWNER}' AND d.classid NOT IN (${NOBODYS_CATALOGS.join(', ')})`;
const DEPENDENCIES = `
  SELECT r.oid::pg_catalog.text AS oid, d.dbid::pg_catalog.text AS dbid, b.datname::pg_catalog.text AS datname,
         d.owned, d.granted
  FROM pg_catalog.pg_roles r
  LEFT JOIN LATERAL (
    SELECT d.dbid, pg_catalog.count(*) FILTER (WHERE ${OWNED})::pg_catalog.int4 AS owned,
           pg_catalog.count(*) FILTER (WHERE NOT (${OWNED}))::pg_catalog.int4 AS granted
    FROM pg_catalog.pg_shdepend d WHERE d.refclassid = ${ROLES} AND d.refobjid = r.oid GROUP BY d.dbid
  ) d ON true
  LEFT JOIN pg_catalog.pg_database b ON b.oid = d.dbid
  WHERE r.rolname = $1 ORDER BY d.dbid`;

/** A query that fails if one of the roles, by oid, owns something. */
export function refuseOwners(oids: readonly string[]): string {
  return `SELECT 1 / CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_shdepend d WHERE d.refclassid = ${ROLES}
          AND d.refobjid IN (${quoteList(oids)}) AND ${OWNED}) THEN 0 ELSE 1 END AS nothing_owned`;
}

/** The role, and what depends on it in the whole cluster; undefined if there is no such role. */
export async function findDependencies(access: Access, name: string): Promise<DependentRole | undefined> {
  const rows = await retry('looking for dependencies', access, () =>
    access.pool.use(async (session) => (await session.query(DEPENDENCIES, [name])).rows),
  );
  const [first] = rows;
  if (first === undefined) return undefined;
  const dependencies: Dependency[] = [];
  for (const row of rows) {
    const database = typeof row['datname'] === 'string' ? row['datname'] : undefined;
    // No dbid: nothing depends on the role at all. A dbid without a database: it has been dropped in the meantime.
    if (row['dbid'] === null || (row['dbid'] !== '0' && database === undefined)) continue;
    dependencies.push({ database, owned: Number(row['owned']), granted: Number(row['granted']) });
  }
  return { name, oid: String(first['oid']), dependencies };
}

/**
 * Takes away everything that depends on a role, in each database concerned. A role that owns something first loses its login and
 * its sessions, so that it creates nothing new in the meantime. If `policy` is `fail`, so does any other role, because the
 * DROP OWNED that takes its privileges away would also drop what it has created since we looked.
 *
 * @throws CofferError `failed` with the list of owned objects, if `policy` is `fail` and there are any
 */
export async function dealWithDependencies(
  access: Access,
  role: DependentRole,
  policy: YsqlSettings['ownedObjects'],
): Promise<void> {
  let current: DependentRole | undefined = role;
  if (ownsAnything(role) || policy === 'fail') {
    await execute(access, `ALTER ROLE ${quoteIdentifier(role.name)} NOLOGIN`);
    await endRoleSessions(access, [role.oid]);
    // Temporary tables are gone with the sessions.
    current = await findDependencies(access, role.name);
  }
  if (current === undefined || current.dependencies.length === 0) return;
  const owned = ownsAnything(current);
  if (owned && policy === 'fail') throw await ownedObjectsError(access, current);
  await becomeMember(access, role.name);
  const reassignTo = owned && policy === 'reassign' ? await reassignRole(access) : undefined;
  for (const database of databasesOf(access, current)) {
    if (reassignTo !== undefined) {
      await execute(
        access,
        `REASSIGN OWNED BY ${quoteIdentifier(role.name)} TO ${quoteIdentifier(reassignTo)}`,
        database,
      );
    }
    await execute(access, `DROP OWNED BY ${quoteIdentifier(role.name)}`, database);
  }
}

function ownsAnything(role: DependentRole): boolean {
  return role.dependencies.some((dependency) => dependency.owned > 0);
}

function databasesOf(access: Access, role: DependentRole): readonly string[] {
  return [...new Set(role.dependencies.map((dependency) => dependency.database ?? access.settings.database))];
}

async function execute(access: Access, sql: string, database?: string): Promise<void> {
  await retry('dealing with dependencies', access, () => runOurs(access, 'exclusive', sql, database));
}

/** DROP OWNED and REASSIGN OWNED are for members of the role, which a superuser always is. */
async function becomeMember(access: Access, name: string): Promise<void> {
  const isMember = await retry('looking for a membership', access, () =>
    access.pool.use(async (session) => {
      const { rows } = await session.query(
        `SELECT pg_catalog.pg_has_role(current_user, $1::pg_catalog.name, 'USAGE') AS member`,
        [name],
      );
      return rows[0]?.['member'] === true;
    }),
  );
  if (!isMember) await execute(access, `GRANT ${quoteIdentifier(name)} TO CURRENT_USER`);
}

/**
 * The role that takes over. The default one is created when it is first needed, without a login and without any rights.
 *
 * @throws CofferError `failed` if the role named in the settings does not exist, or has rights that a revoked user could then
 *   make use of: a function with SECURITY DEFINER runs with the rights of its owner
 */
async function reassignRole(access: Access): Promise<string> {
  const name = access.settings.reassignOwnedTo;
  const refuse = (problem: string): CofferError => new CofferError('failed', `field "reassign_owned_to": ${problem}`);
  const found = await findTarget(access, name);
  const powers: Readonly<Record<string, string>> = {
    superuser: `"${name}" is a superuser`,
    ourselves: `the connection logs in as "${name}"`,
    powerful: `"${name}" has CREATEROLE, REPLICATION or BYPASSRLS`,
    heir: `"${name}" has the rights of a superuser, of the admin or of a role that comes with the server`,
  };
  const power = powers[found ?? ''];
  if (power !== undefined) {
    throw refuse(`${power}, so objects of a revoked user would run with its rights; use a role without such rights`);
  }
  if (found === undefined) {
    if (name !== DEFAULT_REASSIGN_ROLE) throw refuse(`there is no role "${name}"; create it or name another`);
    try {
      await execute(access, `CREATE ROLE ${quoteIdentifier(name)} NOLOGIN`);
    } catch (error) {
      // Somebody else was faster, or the answer was lost and the role is there.
      if (!(error instanceof Failure) || error.sqlstate !== '42710') throw error;
    }
  }
  await becomeMember(access, name);
  return name;
}

/** Lower OIDs belong to roles that come with the server (postgres:src/include/access/transam.h, FirstNormalObjectId). */
const FIRST_OWN_OID = '16384';
/** Every database's owner is a member of this one, and gains no rights by it. */
const NO_POWER = 'pg_database_owner';
const TARGET = `
  SELECT CASE
    WHEN r.rolsuper THEN 'superuser'
    WHEN r.rolname = current_user THEN 'ourselves'
    WHEN r.rolcreaterole OR r.rolreplication OR r.rolbypassrls THEN 'powerful'
    WHEN EXISTS (
      SELECT FROM pg_catalog.pg_roles h
      WHERE (h.rolsuper OR h.rolname = current_user OR h.oid < '${FIRST_OWN_OID}') AND h.rolname <> '${NO_POWER}'
        AND pg_catalog.pg_has_role(r.oid, h.oid, 'USAGE')
    ) THEN 'heir'
    ELSE 'fit' END AS found
  FROM pg_catalog.pg_roles r WHERE r.rolname = $1`;

/** What speaks against a role as the new owner; `fit` if nothing does, undefined if there is no such role. */
async function findTarget(access: Access, name: string): Promise<string | undefined> {
  return await retry('looking for the role that takes over', access, () =>
    access.pool.use(async (session) => {
      const [role] = (await session.query(TARGET, [name])).rows;
      return role === undefined ? undefined : String(role['found']);
    }),
  );
}

const LISTED = 10;

async function ownedObjectsError(access: Access, role: DependentRole): Promise<CofferError> {
  const lists: string[] = [];
  for (const { database, owned } of role.dependencies) {
    if (owned === 0) continue;
    const names = await retry('listing owned objects', access, () =>
      access.pool.use((session) => describeOwned(session, role.oid, database === undefined), { database }),
    );
    const more = owned > names.length ? ` and ${owned - names.length} more` : '';
    lists.push(`${database === undefined ? 'shared' : `in database "${database}"`}: ${names.join(', ')}${more}`);
  }
  return new CofferError(
    'failed',
    `user "${role.name}" can no longer log in, but it owns objects and owned_objects is "fail": ${lists.join('; ')}. Change their owner or drop them, then revoke again`,
  );
}

async function describeOwned(session: Session, oid: string, shared: boolean): Promise<readonly string[]> {
  const place = shared ? '0' : '(SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())';
  const { rows } = await session.query(
    `SELECT pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid) AS object FROM pg_catalog.pg_shdepend d
     WHERE d.refclassid = ${ROLES} AND d.refobjid = $1::pg_catalog.oid AND d.dbid = ${place} AND ${OWNED}
     ORDER BY 1 LIMIT ${LISTED}`,
    [oid],
  );
  return rows.map((row) => String(row['object']));
}
