import { CofferError, type Logger, Secret } from '@coffer/base';
import type { ClaimedIntent } from '@coffer/framework';
import { changeDespiteLosses, changePassword, type PasswordOutcome } from './change-password.ts';
import { checkAllowed } from './config-entry.ts';
import type { EngineParts } from './engine-parts.ts';
import { failedAttempt, nextRetry, requireAlone, silentUntil, unknownAttempt } from './claimed-intent.ts';
import { resume, sessionMarkOf, unmarked } from './dead-rotation.ts';
import { nextRotation, withinWindow } from './rotation-time.ts';
import { credentialOf, type StaticRoleEntry } from './static-role-entry.ts';
import { counted } from './watched.ts';

export interface StaticRotation {
  readonly name: string;
  readonly role: StaticRoleEntry;
  readonly claimed: ClaimedIntent;
}

/**
 * Rotates the password of a static role, or finishes the rotation that is open, with the password it was begun with.
 * The row is open before the database is touched; one write closes it and makes the new password the one that is shown.
 * A failure is written to the row with the time of the next attempt.
 *
 * @throws CofferError when the store, or the claim, was lost on the way
 */
export function rotateStaticRole(parts: EngineParts, rotation: StaticRotation): Promise<PasswordOutcome> {
  const { name, role } = rotation;
  const credential = { connection: role.dbName, role: name };
  return counted(
    parts.context.metrics,
    'rotate',
    credential,
    () => rotate(parts, rotation),
    (result) => (result.outcome === 'changed' ? 'done' : result.error),
  );
}

async function rotate(parts: EngineParts, rotation: StaticRotation): Promise<PasswordOutcome> {
  const { name, role, claimed } = rotation;
  const begun = claimed.state === 'open' && credentialOf(claimed).pending !== '';
  let open: ClaimedIntent;
  try {
    open = await begin(parts, rotation);
  } catch (thrown) {
    // It is not known yet whether a change that was begun earlier was made.
    const failure = { outcome: begun ? 'unknown' : 'unchanged', error: CofferError.from(thrown) } as const;
    await recordFailure(parts, rotation, failure);
    return failure;
  }
  const { outcome, row } = await change(parts, role, open, begun);
  if (outcome.outcome !== 'changed') {
    await recordFailure(parts, { ...rotation, claimed: row }, outcome);
    return outcome;
  }
  const now = Date.now();
  const until = silentUntil(row);
  const silent = until === undefined ? {} : { silentUntil: until };
  await row.save({
    state: 'settled',
    attempts: 0,
    lastError: null,
    nextAttempt: nextRotation(role, now, now),
    value: { password: credentialOf(row).pending, pending: '', lastRotation: now, periodStart: now, ...silent },
  });
  if (outcome.answer === 'trusted') warnTrusted(parts.context.logger, name, role);
  return outcome;
}

/** Checks what can be checked without the database and writes down the password that is about to be set. */
async function begin(parts: EngineParts, { name, role, claimed }: StaticRotation): Promise<ClaimedIntent> {
  return await parts.connections.use(role.dbName, async (database, config) => {
    checkAllowed(config, name);
    const statements = role.rotationStatements;
    if (claimed.state === 'open' && credentialOf(claimed).pending !== '')
      return await resume(claimed, database, statements);
    requireAlone(claimed);
    const pending = await parts.generatePassword(role.passwordPolicy || config.passwordPolicy);
    const mark = await sessionMarkOf(database, statements);
    const value = { ...unmarked(claimed.value), pending, ...mark };
    return claimed.save({ state: 'open', nextAttempt: Date.now(), value });
  });
}

async function change(
  parts: EngineParts,
  role: StaticRoleEntry,
  open: ClaimedIntent,
  begun: boolean,
): ReturnType<typeof changeDespiteLosses> {
  const credential = credentialOf(open);
  return changeDespiteLosses(open, begun, (again, landed) =>
    parts.connections.use(role.dbName, (database) =>
      changePassword(database, {
        username: role.username,
        newPassword: new Secret(credential.pending),
        oldPassword: credential.password === '' ? undefined : new Secret(credential.password),
        statements: role.rotationStatements,
        begun: again,
        landed,
        mustLogIn: false,
        ask: async (password) => database.verifyUser?.(role.username, password),
      }),
    ),
  );
}

async function recordFailure(
  parts: EngineParts,
  { name, role, claimed }: StaticRotation,
  { outcome, error }: Exclude<PasswordOutcome, { outcome: 'changed' }>,
): Promise<void> {
  const credential = credentialOf(claimed);
  const failed = failedAttempt(claimed, error);
  const fields = { role: name, username: role.username, attempt: failed.attempts, error: failed.lastError };
  if (outcome === 'unknown') {
    await claimed.save(unknownAttempt(claimed, error));
    parts.context.logger.warn('the outcome of a rotation is not known yet; checking in the background', fields);
    return;
  }
  // Without a password that logs in there is nothing to show: the row stays open, and the next attempt uses a new
  // password.
  const state = credential.password === '' ? 'open' : 'settled';
  await claimed.save({
    ...failed,
    state,
    nextAttempt: retryTime(role, claimed, Date.now()),
    value: { ...credential, pending: '' },
  });
  parts.context.logger.error('rotation failed; the password has not changed', fields);
}

function retryTime(role: StaticRoleEntry, { attempts }: ClaimedIntent, now: number): number {
  const retry = nextRetry(attempts);
  return withinWindow(role, retry) ? retry : (nextRotation(role, now, retry) ?? retry);
}

export function warnTrusted(logger: Logger, name: string, { dbName, username }: StaticRoleEntry): void {
  logger.warn(
    'the database let a static role log in without a password: it trusts anyone who can connect (see pg_hba.conf)',
    { role: name, connection: dbName, username },
  );
}
