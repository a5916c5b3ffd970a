import { Failure, type Session } from '@coffer/yb-connection';
import type { Access } from '../ddl/access.ts';
import { sparingOthers } from '../ddl/non-breaking-ddl.ts';
import { asBlock, BEGIN, COMMIT, sendSteps, type Step } from '../ddl/steps.ts';
import { rollBack, untilLanded, useForDdl } from '../ddl/transaction.ts';
import { quoteIdentifier } from '../sql/render.ts';
import { refuseOwners } from './dependencies.ts';
import { terminateSessions } from './end-sessions.ts';
import { lookAtRoles, type SeenRole } from './role-look.ts';

export interface DropOutcome {
  /** The role is gone. If not, it is to be dropped alone. */
  readonly done: boolean;
  /** The oid of the role, if it was seen. */
  readonly oid: string | undefined;
  /** Its sessions on this node are known to be gone, and there is no other node. */
  readonly ended: boolean;
}

/**
 * Drops roles together in two round trips: the first looks at what depends on them; the second is one REVOKE or DROP OWNED for
 * those with privileges and one DROP ROLE for all, since a cluster pays per statement and not per role. Roles that own something,
 * or have privileges in another database, are left for later; if anything goes wrong, all of them are.
 *
 * @throws CofferError if no connection became free
 */
export async function dropTogether(access: Access, names: readonly string[]): Promise<readonly DropOutcome[]> {
  let roles: readonly SeenRole[] | undefined;
  let dropped: readonly SeenRole[] = [];
  const work = async (session: Session): Promise<readonly string[]> => {
    roles = await lookAtRoles(session, names);
    const bare = roles.filter((role) => role.dependencies !== 'more');
    if (bare.length === 0) return [];
    const alive = await dropAll(access, session, bare);
    dropped = bare;
    const elsewhere = (await access.cluster.nodes(session)).length > 1 || access.cluster.missing().length > 0;
    return elsewhere ? bare.map((role) => role.oid) : alive;
  };
  // Until we know better, every role has sessions.
  let alive: readonly string[] | undefined;
  try {
    // The role is to be dropped one way or the other, so it may just as well be dropped late.
    alive = await untilLanded(access, () => useForDdl(access, 'shared', work), 'harmless');
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
  }
  const oids = new Map(roles?.map(({ name, oid }) => [name, oid]));
  const done = new Set(dropped.map(({ oid }) => oid));
  const left = alive && new Set(alive);
  return names.map((name): DropOutcome => {
    const oid = oids.get(name);
    if (oid === undefined) return { done: roles !== undefined, oid, ended: true };
    return { done: done.has(oid), oid, ended: left?.has(oid) === false };
  });
}

/** Returns the oids of the roles that still had sessions on this node, or may have had. */
async function dropAll(access: Access, session: Session, roles: readonly SeenRole[]): Promise<readonly string[]> {
  const oids = roles.map((role) => role.oid);
  const withPrivileges = roles.filter((role) => role.dependencies !== 'none');
  let left: readonly string[] = oids;
  // Sessions are ended first, so that they hold no locks, and once more when nobody can log in any longer.
  const before: Step = { ...terminateSessions(oids), what: 'ending sessions', mayFail: true };
  const after: Step = {
    ...before,
    see: (answer) => {
      if (!(answer instanceof Failure)) left = answer.rows.map((row) => String(row['oid']));
    },
  };
  const drop = execute(`DROP ROLE IF EXISTS ${namesOf(roles)}`);
  // The block also ends sessions. If it is one message and we may not end any, each role is dropped alone.
  if (withPrivileges.length === 0) {
    await sparingOthers(session, (spare) => {
      // The statement that spares others must be outside of a transaction block.
      const steps = spare.length > 0 ? [before, ...spare, drop] : asBlock(session, [before, drop]);
      return sendSteps(session, [...steps, after]);
    });
    return left;
  }
  // Nobody is spared here: REVOKE and DROP OWNED take privileges away, so they must break running transactions, and a refused
  // SET would fail the whole block.
  await access.queue.withPrivileges(async () => {
    const { advisoryLock } = access;
    // No need to check for ROLLBACK as the answer to this COMMIT: it means that an earlier step has failed.
    const block = [BEGIN, ...advisoryLock.take(session), ...takePrivileges(session, withPrivileges), drop, COMMIT];
    const steps = [...advisoryLock.probe(session), ...asBlock(session, [before, ...block]), after];
    await sendSteps(session, steps).catch(async (error: unknown) => {
      await rollBack(session);
      throw error;
    });
  });
  return left;
}

function takePrivileges(session: Session, roles: readonly SeenRole[]): readonly Step[] {
  // Touches nothing that a user has created since we looked. What anybody but the admin has granted stays, and makes DROP ROLE
  // fail; then each role is dropped alone.
  if (roles.every((role) => role.dependencies === 'database')) {
    const database = quoteIdentifier(session.identity.database);
    return [execute(`REVOKE ALL ON DATABASE ${database} FROM ${namesOf(roles)}`)];
  }
  const strangers = roles.filter((role) => !role.member);
  return [
    // DROP OWNED must not drop what a user has created since we looked. If there is any, all of them are left for later.
    { sql: refuseOwners(roles.map((role) => role.oid)), what: 'looking for owned objects' },
    // DROP OWNED is for members of the role, which a superuser always is.
    ...(strangers.length > 0 ? [execute(`GRANT ${namesOf(strangers)} TO CURRENT_USER`)] : []),
    execute(`DROP OWNED BY ${namesOf(roles)}`),
  ];
}

function execute(sql: string): Step {
  return { sql, what: 'failed to execute query' };
}

function namesOf(roles: readonly SeenRole[]): string {
  return roles.map((role) => quoteIdentifier(role.name)).join(', ');
}
