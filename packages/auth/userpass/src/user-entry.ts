import type { EntryStorage, TokenParameters } from '@coffer/core';
import type { PasswordHash } from './password-hash.ts';

export interface UserEntry {
  readonly passwordHash: PasswordHash;
  readonly token: TokenParameters;
}

/** User names do not distinguish case, as in Vault: the paths fold them. */
export async function readUser(storage: EntryStorage, name: string): Promise<UserEntry | undefined> {
  return (await storage.get(`users/${name}`)) as unknown as UserEntry | undefined;
}

export async function writeUser(storage: EntryStorage, name: string, user: UserEntry): Promise<void> {
  await storage.put(`users/${name}`, {
    passwordHash: { ...user.passwordHash },
    token: { ...user.token },
  });
}
