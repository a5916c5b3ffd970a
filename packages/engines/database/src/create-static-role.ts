import { CofferError, requireTime, Secret } from '@coffer/base';
import type { ClaimedIntent, EntryStorage, NewIntent } from '@coffer/framework';
import { checkAllowed, requireConfig } from './config-entry.ts';
import { finishOrRotate } from './due-rotation.ts';
import type { EngineParts } from './engine-parts.ts';
import { readRole } from './role-entry.ts';
import { rotateStaticRole, warnTrusted } from './rotate-static-role.ts';
import { nextRotation } from './rotation-time.ts';
import {
  deleteStaticRole,
  loginOf,
  nameTaken,
  readStaticRole,
  type StaticCredential,
  type StaticRoleEntry,
  staticSubject,
  writeStaticRole,
} from './static-role-entry.ts';

export interface NewStaticRole {
  readonly name: string;
  readonly role: StaticRoleEntry;
  /** The login's present password; empty when it was not given. */
  readonly password: string;
  /** False: the password given is kept until the first rotation is due. */
  readonly rotateNow: boolean;
  /** When the password given was set, in milliseconds since 1970, where it is kept and that is known. */
  readonly passwordSet: number | undefined;
}

/**
 * Takes a login over: its row, then the role, then the first rotation, unless the password that was given is kept.
 * Answers what the database warned of.
 *
 * @throws CofferError `invalid-request` for what cannot be, `failed` when the rotation failed (nothing is left),
 *   `unavailable` when nobody knows what came of it (the role is kept and the rotation finished in the background)
 */
export async function createStaticRole(parts: EngineParts, wanted: NewStaticRole): Promise<readonly string[]> {
  await check(parts.context.storage, wanted);
  const { name, role, password, rotateNow, passwordSet } = wanted;
  const credential: StaticCredential = {
    password,
    pending: '',
    lastRotation: passwordSet ?? 0,
    periodStart: passwordSet ?? Date.now(),
  };
  const row: NewIntent = {
    subject: staticSubject(name),
    login: loginOf(role.dbName, role.username),
    state: 'open',
    value: { ...credential },
  };
  const work = (claimed: ClaimedIntent): Promise<readonly string[]> =>
    rotateNow ? takeOver(parts, wanted, claimed) : keepPassword(parts, wanted, claimed);
  const made = await parts.context.intents.create(row, work);
  if (made !== undefined) return made.result;
  await refuseTaken(parts, wanted);
  const madeNow = await parts.context.intents.create(row, work);
  if (madeNow !== undefined) return madeNow.result;
  throw new CofferError('unavailable', `the static role ${JSON.stringify(name)} is being created or deleted`);
}

async function check(storage: EntryStorage, { name, role, password, rotateNow }: NewStaticRole): Promise<void> {
  if ((await readRole(storage, name)) !== undefined) throw nameTaken();
  const config = await requireConfig(storage, role.dbName);
  checkAllowed(config, name);
  if (config.connectionDetails['username'] === role.username) {
    throw new CofferError(
      'invalid-request',
      `field "username": the connection itself logs in as ${JSON.stringify(role.username)}; rotate it with rotate-root/${role.dbName}`,
    );
  }
  if (!rotateNow && password === '') {
    throw new CofferError(
      'invalid-request',
      'field "skip_import_rotation" needs "password": the current password of the login',
    );
  }
}

/** Two roles for one login would each change the password that the other one relies on. */
async function refuseTaken(parts: EngineParts, { name, role }: NewStaticRole): Promise<void> {
  const { intents, storage } = parts.context;
  const other = await intents.ofLogin(loginOf(role.dbName, role.username));
  const subject = other?.subject ?? staticSubject(name);
  const owner = subject.slice(staticSubject('').length);
  if ((await readStaticRole(storage, owner)) === undefined) {
    // What is left of a creation that was cut off before it touched the database.
    await finishOrRotate(parts, subject);
    return;
  }
  throw new CofferError(
    'invalid-request',
    `field "username": ${JSON.stringify(role.username)} is the login of the static role ${JSON.stringify(owner)} already; ` +
      'a login can have one static role only',
  );
}

async function takeOver(
  parts: EngineParts,
  { name, role }: NewStaticRole,
  claimed: ClaimedIntent,
): Promise<readonly string[]> {
  await writeStaticRole(parts.context.storage, name, role, claimed);
  const outcome = await rotateStaticRole(parts, { name, role, claimed });
  switch (outcome.outcome) {
    case 'changed':
      return outcome.warnings;
    case 'unchanged':
      await deleteStaticRole(parts.context.storage, name, claimed.held);
      await claimed.remove();
      throw new CofferError(
        outcome.error.code === 'internal' ? 'failed' : outcome.error.code,
        `error setting credentials: ${outcome.error.message}`,
        { cause: outcome.error },
      );
    case 'unknown':
      throw new CofferError(
        'unavailable',
        `error setting credentials: ${outcome.error.message}; the static role is kept, and its rotation continues in ` +
          `the background: delete the role to stop it`,
      );
  }
}

async function keepPassword(
  parts: EngineParts,
  { name, role, password, passwordSet }: NewStaticRole,
  claimed: ClaimedIntent,
): Promise<readonly string[]> {
  try {
    const answer = await parts.connections.use(role.dbName, async (database) =>
      database.verifyUser?.(role.username, new Secret(password)),
    );
    if (answer === 'refused') {
      throw new CofferError(
        'invalid-request',
        `field "password": the database does not let ${JSON.stringify(role.username)} in with it`,
      );
    }
    if (answer === 'trusted') warnTrusted(parts.context.logger, name, role);
    requireTime();
    await writeStaticRole(parts.context.storage, name, role, claimed);
    const now = Date.now();
    await claimed.save({ state: 'settled', nextAttempt: nextRotation(role, passwordSet ?? now, now) });
    return [];
  } catch (error) {
    await deleteStaticRole(parts.context.storage, name, claimed.held);
    await claimed.remove();
    throw error;
  }
}
