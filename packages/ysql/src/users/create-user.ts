import { CofferError, errorText, isCofferError, isOutcomeUnknown, withoutDeadline } from '@coffer/base';
import { retry } from '../connection/retry.ts';
import { type Progress, runTransaction } from '../ddl/transaction.ts';
import type { RenderedStatement } from '../sql/statement-template.ts';
import { canShare, type Creation } from './create-batch.ts';
import { dropRole } from './drop-user.ts';
import { findRole } from './find-role.ts';
import type { UserAccess } from './user-access.ts';

export interface NewUser extends Creation {
  readonly rollbackStatements: readonly RenderedStatement[];
}

/**
 * Creates a user completely or not at all. What a failed attempt leaves behind (YugabyteDB keeps every DDL before the failure)
 * is dropped before the next attempt, and before giving up. A role that was already there is never touched.
 *
 * @throws Failure or CofferError; its message says so if something is left behind
 */
export async function createUser(access: UserAccess, user: NewUser): Promise<void> {
  const mode = user.statements.every((statement) => statement.kind === 'create-role') ? 'shared' : 'exclusive';
  // Once true, a role of this name is ours to drop.
  let ours = false;
  const seen = async (progress: Progress, error: unknown): Promise<boolean> => {
    ours ||= progress.touchedUser;
    return await committedAfterAll(access, user, progress, error);
  };
  try {
    await retry('creating a user', access.logger, async (attempt) => {
      if (attempt === 1 && canShare(user)) {
        const { kind, progress, error } = await access.creations.submit(user);
        if (kind === 'made') return;
        if (kind === 'existed') throw existsAlready(user);
        if (await seen(progress, error)) return;
        if (kind === 'failed') throw error;
      }
      await clearTheWay(access, user, ours);
      const progress: Progress = { touchedUser: false, commitSent: false };
      try {
        await runTransaction(access, mode, user.statements, progress);
      } catch (error) {
        if (await seen(progress, error)) return;
        throw error;
      }
    });
  } catch (error) {
    throw ours ? await undone(access, user, error) : nothingMade(error);
  }
}

async function clearTheWay(access: UserAccess, user: NewUser, ours: boolean): Promise<void> {
  if ((await findRole(access, user.name)) === undefined) return;
  if (!ours) throw existsAlready(user);
  await undo(access, user);
}

function existsAlready({ name }: NewUser): CofferError {
  return new CofferError('failed', `role "${name}" exists already and is not of our making; it was left as it is`);
}

/** COMMIT was sent, and its outcome is unknown. If the role is there, every statement took effect. */
async function committedAfterAll(
  access: UserAccess,
  user: NewUser,
  progress: Progress,
  error: unknown,
): Promise<boolean> {
  if (!isOutcomeUnknown(error) || !progress.commitSent) return false;
  return (await findRole(access, user.name)) !== undefined;
}

/** Nothing of ours exists. `unavailable` would make the engine delete a user of that name, which may not be ours. */
function nothingMade(error: unknown): unknown {
  return isCofferError(error, 'unavailable') ? new CofferError('failed', error.message, { cause: error }) : error;
}

async function undone(access: UserAccess, user: NewUser, error: unknown): Promise<unknown> {
  try {
    // Even if the caller has given up, because a role of ours is there.
    await withoutDeadline(() => undo(access, user));
    return nothingMade(error);
  } catch (failure) {
    access.logger.error('a half made user could not be dropped', { username: user.name, error: errorText(failure) });
    // The one code that tells the engine to keep the lease and revoke it (see the contract of newUser).
    return new CofferError(
      'unavailable',
      `${errorText(error)}; the role "${user.name}" may be left behind, dropping it failed: ${errorText(failure)}`,
    );
  }
}

/** Removes what there is of the user: with the role's rollback statements first, then by dropping it ourselves. */
async function undo(access: UserAccess, user: NewUser): Promise<void> {
  if ((await findRole(access, user.name)) === undefined) return;
  if (user.rollbackStatements.length > 0) {
    try {
      await retry('rolling back a user', access.logger, () =>
        runTransaction(access, 'exclusive', user.rollbackStatements),
      );
    } catch (error) {
      access.logger.warn(`rollback statements failed: ${errorText(error)}`, { username: user.name });
    }
  }
  // Never `drop`: a creation statement may have made the user the owner of something that was there before.
  const ownedObjects = access.settings.ownedObjects === 'fail' ? 'fail' : 'reassign';
  await dropRole(access, user.name, { ownedObjects, endSessions: false });
}
