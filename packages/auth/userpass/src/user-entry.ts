import type { Condition, EntryStorage, TokenParameters } from '@coffer/core';
import type { PasswordHash } from './password-hash.ts';

export interface UserEntry {
  readonly passwordHash: PasswordHash;
  readonly token: TokenParameters;
}

/** User names do not distinguish case, as in Vault: the paths fold them. */
export async function readUser(storage: EntryStorage, name: string): Promise<UserEntry | undefined> {
  return (await storage.get(`users/${name}`)) as unknown as UserEntry | undefined;
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
  await storage.put(`users/${name}`, {
    passwordHash: { ...user.passwordHash },
    token: { ...user.token },
  });
}
