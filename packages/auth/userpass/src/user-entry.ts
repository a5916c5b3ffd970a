import { CofferError, type JsonObject } from '@coffer/base';
import type { Condition, EntryStorage, TokenParameters } from '@coffer/framework';
import type { PasswordHash } from './password-hash.ts';

export interface UserEntry {
  readonly passwordHash: PasswordHash;
  readonly token: TokenParameters;
}

/** User names do not distinguish case, as in Vault: the paths fold them. */
export async function readUser(storage: EntryStorage, name: string): Promise<UserEntry | undefined> {
  return (await findUser(storage, name))?.user;
}

/** The user with the condition that it is still as it was read: for a login. */
export async function findUser(
  storage: EntryStorage,
  name: string,
): Promise<{ readonly user: UserEntry; readonly unchanged: Condition } | undefined> {
  const found = await storage.read(`users/${name}`);
  return found && { user: found.value as unknown as UserEntry, unchanged: found.unchanged };
}

export async function writeUser(storage: EntryStorage, name: string, user: UserEntry): Promise<void> {
  await storage.put(`users/${name}`, jsonOf(user));
}

/**
 * Changes a user as it is when the change is written: one that was deleted stays deleted, and a password or policies that
 * somebody changed meanwhile stay changed. `change` may be asked more than once.
 * @throws CofferError `invalid-request` when there is no such user
 */
export async function changeUser(
  storage: EntryStorage,
  name: string,
  change: (user: UserEntry) => UserEntry,
): Promise<void> {
  const changed = await storage.update(`users/${name}`, (value) => jsonOf(change(value as unknown as UserEntry)));
  if (changed === undefined) throw new CofferError('invalid-request', 'username does not exist');
}

function jsonOf({ passwordHash, token }: UserEntry): JsonObject {
  return { passwordHash: { ...passwordHash }, token: { ...token } };
}
