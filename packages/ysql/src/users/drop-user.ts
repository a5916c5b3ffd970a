import { isCofferError, type Logger, withoutDeadline } from '@coffer/base';
import { Failure } from '@coffer/yb-connection';
import { retry } from '../ddl/retry.ts';
import { sparingOthers } from '../ddl/non-breaking-ddl.ts';
import { sendSteps, type Step } from '../ddl/steps.ts';
import { noProgress, runTransaction, untilLanded, useForDdl } from '../ddl/transaction.ts';
import type { YsqlSettings } from '../settings/settings.ts';
import { quoteIdentifier } from '../sql/render.ts';
import { type RenderedStatement, renderStatementsFor } from '../sql/statement-template.ts';
import { dealWithDependencies, findDependencies } from './dependencies.ts';
import { terminateSessions } from './end-sessions.ts';
import { findRole } from './find-role.ts';
import { noteLogin } from './look-for-login.ts';
import type { UserAccess } from './user-access.ts';

/** SQLSTATE dependent_objects_still_exist. */
const DEPENDENT_OBJECTS = '2BP01';
/** New dependencies can appear while the known ones are dealt with; not for long, because by then all sessions have ended. */
const ROUNDS = 4;
/** One that is forgotten is only tried in a batch once more. */
const MOST_LEFT = 1_000;

export interface DropOptions {
  readonly ownedObjects: YsqlSettings['ownedObjects'];
  /** False for a user that nobody was ever told about. */
  readonly endSessions: boolean;
}

/**
 * Drops a role with everything that depends on it, in every database, and ends its sessions on every node. A role that is
 * already gone is a success. Every step looks at the state first, so it can be run again after any failure.
 *
 * A role that nothing depends on costs at most one DROP ROLE, shared with all others that are waiting for theirs: every backend
 * of the cluster pays for each additional one.
 */
export async function dropRole(access: UserAccess, name: string, options: DropOptions): Promise<void> {
  let oid: string | undefined;
  const wasLeft = access.left.delete(name);
  if (options.endSessions && !wasLeft && (await mayShare(access, name, options))) {
    const outcome = await access.drops.submit(name);
    oid = outcome.oid;
    if (outcome.done) {
      if (oid !== undefined && !outcome.ended) await endSessions(access, name, oid);
      return;
    }
  }
  for (let round = 1; ; round++) {
    const role = await findDependencies(access, name);
    if (role === undefined) break;
    oid = role.oid;
    try {
      if (role.dependencies.length > 0) await dealWithDependencies(access, role, options.ownedObjects);
      await dropBareRole(access, name, oid);
      break;
    } catch (error) {
      if (!(error instanceof Failure) || error.sqlstate !== DEPENDENT_OBJECTS || round === ROUNDS) throw error;
    }
  }
  if (oid !== undefined && options.endSessions) await endSessions(access, name, oid);
}

/**
 * Drops roles together, and ends their sessions. Resolves with the names of those that are gone with all that was theirs; each of the
 * others is for {@link dropRole}.
 */
export async function dropRoles(access: UserAccess, names: readonly string[]): Promise<ReadonlySet<string>> {
  const gone = new Set<string>();
  // Each would have to be looked at by itself.
  if (access.settings.ownedObjects === 'fail') return gone;
  const dropOne = async (name: string): Promise<void> => {
    const { done, oid, ended } = await access.drops.submit(name);
    if (!done) {
      if (access.left.size < MOST_LEFT) access.left.add(name);
      return;
    }
    if (oid !== undefined && !ended) await endSessions(access, name, oid);
    if (access.owed.nodesOf(name).length === 0) gone.add(name);
  };
  await Promise.all(names.map(dropOne));
  return gone;
}

/** Even if the caller has given up: the role is gone, so the next attempt would no longer find its sessions. */
async function endSessions(access: UserAccess, name: string, oid: string): Promise<void> {
  await withoutDeadline(() => access.endings.submit(oid));
  access.owed.revoked(name, oid);
}

/** A batch takes privileges away from a role that can still log in, and `fail` must drop nothing it creates meanwhile. */
async function mayShare(access: UserAccess, name: string, { ownedObjects }: DropOptions): Promise<boolean> {
  if (ownedObjects !== 'fail') return true;
  return (await findDependencies(access, name))?.dependencies.length === 0;
}

async function dropBareRole(access: UserAccess, name: string, oid: string): Promise<void> {
  const ending: Step = { ...terminateSessions([oid]), what: 'ending sessions', mayFail: true };
  const drop: Step = { sql: `DROP ROLE IF EXISTS ${quoteIdentifier(name)}`, what: 'failed to execute query' };
  await retry('dropping a role', access, () =>
    untilLanded(
      access,
      () =>
        // Sessions on this node are ended first, where that is cheap, so that they hold no locks; the others follow afterwards.
        useForDdl(access, 'shared', (session) =>
          sparingOthers(session, (spare) => sendSteps(session, [ending, ...spare, drop])),
        ),
      'harmless',
    ),
  );
}

/**
 * The revocation statements to run; none for our own way. Those that can never run belong to a lease that was issued before
 * anybody looked at them. Nobody can mend them there, and they must not keep a login alive.
 */
export function revocationStatements(
  logger: Logger,
  name: string,
  given: readonly string[],
): readonly RenderedStatement[] {
  try {
    return renderStatementsFor('revocation', given, { name, username: name });
  } catch (error) {
    if (!isCofferError(error, 'invalid-request')) throw error;
    logger.warn(`${error.message}; dropping the user as if there were no revocation statements`, { username: name });
    return [];
  }
}

/**
 * Revokes a user with the role's own revocation statements, run as they are, then ends its sessions. These statements define
 * what revoked means, including whether the role still exists afterwards. A user that is already gone is a success. Resolves with
 * what the server warned of, and a warning of our own where the user can log in as before.
 */
export async function revokeUser(
  access: UserAccess,
  name: string,
  statements: readonly RenderedStatement[],
): Promise<readonly string[]> {
  const oid = await findRole(access, name);
  if (oid === undefined) return [];
  const warnings = await retry('revoking a user', access, async () => {
    const progress = noProgress();
    const note = (): unknown => progress.warnings.push('the role still exists and, according to pg_roles, may log in');
    try {
      await runTransaction(access, 'exclusive', statements, progress, noteLogin(name, note), 'harmless');
    } catch (error) {
      // On YugabyteDB, or when the answer to COMMIT was lost, the role may be gone although the transaction failed.
      if ((await findRole(access, name)) !== undefined) throw error;
    }
    return progress.warnings;
  });
  await endSessions(access, name, oid);
  return warnings;
}
