import { CofferError, errorText, isCofferError, isNothingDone, isOutcomeUnknown, withoutDeadline } from '@coffer/base';
import { Failure } from '@coffer/yb-connection';
import { retry } from '../ddl/retry.ts';
import { awaitBackendGone } from '../ddl/lost-backend.ts';
import { noProgress, type Progress, runTransaction } from '../ddl/transaction.ts';
import { type RenderedStatement, roleCreatedBy } from '../sql/statement-template.ts';
import { canShare, type Creation, lateEffect } from './create-batch.ts';
import { dropRole } from './drop-user.ts';
import { findRole } from './find-role.ts';
import { requireLogin } from './look-for-login.ts';
import type { UserAccess } from './user-access.ts';

export interface NewUser extends Creation {
  readonly rollbackStatements: readonly RenderedStatement[];
}

/**
 * Creates a user completely or not at all. What a failed attempt leaves behind (YugabyteDB keeps every DDL before the failure)
 * is dropped before the next attempt, and before giving up. A role that was already there is never touched. Statements that make
 * no login of that name have failed.
 *
 * Resolves with what the server warned of.
 *
 * @throws Failure or CofferError; its message says so if something is left behind
 */
export async function createUser(access: UserAccess, user: NewUser): Promise<readonly string[]> {
  const mode = user.statements.every((statement) => statement.kind === 'create-role') ? 'shared' : 'exclusive';
  const made: Made = { user: false, others: new Set() };
  const seen = async (progress: Progress, error: unknown): Promise<boolean> => {
    note(made, user, progress);
    return await committedAfterAll(access, user, progress, error);
  };
  try {
    return await retry('creating a user', access, async (attempt) => {
      if (attempt === 1 && canShare(user)) {
        const { kind, progress, error } = await access.creations.submit(user);
        if (kind === 'made') return progress.warnings;
        if (kind === 'existed') throw existsAlready(user);
        if (await seen(progress, error)) return progress.warnings;
        if (kind === 'failed' || mayLand(error)) throw error;
      }
      await clearTheWay(access, user, made);
      const progress = noProgress();
      try {
        await runTransaction(access, mode, user.statements, progress, requireLogin(user.name), lateEffect([user]));
      } catch (error) {
        if (!(await seen(progress, error))) throw error;
      }
      return progress.warnings;
    });
  } catch (error) {
    if (mayLand(error)) throw leftToLand(access, user, made, error);
    throw made.user || made.others.size > 0 ? await undone(access, user, made, error) : nothingMade(error);
  }
}

function mayLand(error: unknown): error is Failure {
  return error instanceof Failure && error.mayLand;
}

/**
 * The node that was asked to create the user has fallen silent, and may still do so. Whoever asked for it need not wait: what there
 * is then is dropped in the background, and by the engine if it keeps the lease.
 */
function leftToLand(access: UserAccess, user: NewUser, made: Made, error: Failure): CofferError {
  const settle = async (): Promise<void> => {
    await awaitBackendGone(access, error.backend);
    await undo(access, user, { ...made, user: true });
  };
  withoutDeadline(settle).catch((failure: unknown) => {
    access.logger.warn('failed to drop a user that an unresponsive node may have created', {
      username: user.name,
      error: errorText(failure),
    });
  });
  const text = `${error.message}; the role "${user.name}" may still be created; if so, it will be dropped`;
  return new CofferError('unavailable', text, { cause: error });
}

/** What attempts have left behind. */
interface Made {
  /** A role of the user's name is ours to drop. */
  user: boolean;
  /** Other roles that the statements created, such as one by a name that was meant to be the user's. */
  readonly others: Set<string>;
}

function note(made: Made, { name }: NewUser, { touchedUser, creations }: Progress): void {
  made.user ||= touchedUser;
  for (const { statement, session } of creations) {
    const created = session.transactionalDdl === false ? roleCreatedBy(statement) : undefined;
    if (created !== undefined && created !== name) made.others.add(created);
  }
}

async function clearTheWay(access: UserAccess, user: NewUser, made: Made): Promise<void> {
  if (!made.user && (await findRole(access, user.name)) !== undefined) throw existsAlready(user);
  await undo(access, user, made);
}

function existsAlready({ name }: NewUser): CofferError {
  return new CofferError('failed', `role "${name}" already exists and was not created by Coffer; it was left alone`);
}

/** COMMIT was sent, and its outcome is unknown. If the role is there, every statement took effect. */
async function committedAfterAll(
  access: UserAccess,
  user: NewUser,
  progress: Progress,
  error: unknown,
): Promise<boolean> {
  if (!isOutcomeUnknown(error) || mayLand(error) || !progress.commitSent) return false;
  return (await findRole(access, user.name)) !== undefined;
}

/** Nothing of ours exists. `unavailable` would make the engine delete a user of that name, which may not be ours. */
function nothingMade(error: unknown): unknown {
  if (isNothingDone(error)) return error;
  return isCofferError(error, 'unavailable') ? new CofferError('failed', error.message, { cause: error }) : error;
}

async function undone(access: UserAccess, user: NewUser, made: Made, error: unknown): Promise<unknown> {
  try {
    // Even if the caller has given up, because a role of ours is there.
    await withoutDeadline(() => undo(access, user, made));
    return nothingMade(error);
  } catch (failure) {
    access.logger.error('failed to drop a partly created user', { username: user.name, error: errorText(failure) });
    // The one code that tells the engine to keep the lease and revoke it (see the contract of newUser).
    return new CofferError(
      'unavailable',
      `${errorText(error)}; the role "${user.name}" may be left behind, dropping it failed: ${errorText(failure)}`,
    );
  }
}

/** Removes what was made: the user with the role's rollback statements first, then whatever is left by dropping it ourselves. */
async function undo(access: UserAccess, user: NewUser, made: Made): Promise<void> {
  if (made.user) await undoUser(access, user);
  for (const name of made.others) {
    await dropUnused(access, name);
    made.others.delete(name);
  }
}

async function undoUser(access: UserAccess, user: NewUser): Promise<void> {
  if ((await findRole(access, user.name)) === undefined) return;
  if (user.rollbackStatements.length > 0) {
    try {
      await retry('rolling back a user', access, () =>
        runTransaction(access, 'exclusive', user.rollbackStatements, undefined, undefined, 'harmless'),
      );
    } catch (error) {
      access.logger.warn(`rollback statements failed: ${errorText(error)}`, { username: user.name });
    }
  }
  await dropUnused(access, user.name);
}

async function dropUnused(access: UserAccess, name: string): Promise<void> {
  // Never `drop`: a creation statement may have made the user the owner of something that was there before.
  const ownedObjects = access.settings.ownedObjects === 'fail' ? 'fail' : 'reassign';
  await dropRole(access, name, { ownedObjects, endSessions: false });
}
