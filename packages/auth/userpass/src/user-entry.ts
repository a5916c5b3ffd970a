import { CofferError } from '@coffer/base';
import {
  type Condition,
  type Entries,
  type EntryStorage,
  STORED_TOKEN_PARAMETERS,
  stored,
  type TokenParameters,
} from '@coffer/framework';
import type { PasswordHash } from './password-hash.ts';

export interface UserEntry {
  readonly passwordHash: PasswordHash;
  readonly token: TokenParameters;
}

const { entry, integer, oneOf, string } = stored;
const USER = entry<UserEntry>({
  passwordHash: entry({
    algorithm: oneOf(['scrypt']),
    cost: integer(),
    blockSize: integer(),
    parallelization: integer(),
    salt: string(),
    key: string(),
  }),
  token: STORED_TOKEN_PARAMETERS,
});

export function usersOf(storage: EntryStorage): Entries<UserEntry> {
  return storage.kept('users/', USER);
}

/** User names do not distinguish case, as in Vault: the paths fold them. */
export async function readUser(storage: EntryStorage, name: string): Promise<UserEntry | undefined> {
  return usersOf(storage).get(name);
}

/** The user with the condition that it is still as it was read: for a login. */
export async function findUser(
  storage: EntryStorage,
  name: string,
): Promise<{ readonly user: UserEntry; readonly unchanged: Condition } | undefined> {
  const found = await usersOf(storage).read(name);
  return found && { user: found.value, unchanged: found.unchanged };
}

export async function writeUser(storage: EntryStorage, name: string, user: UserEntry): Promise<void> {
  await usersOf(storage).put(name, user);
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
  const changed = await usersOf(storage).update(name, change);
  if (changed === undefined) throw new CofferError('invalid-request', 'username does not exist');
}
