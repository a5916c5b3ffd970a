import { CofferError, isAscii, looksLikeVerifier, scramVerifier, type Secret } from '@coffer/base';
import type { UserAccess } from './user-access.ts';

/** What SQL contains for a password: the password itself, or only its verifier. */
export async function storedPassword(access: UserAccess, password: Secret): Promise<string> {
  const plain = password.reveal();
  // We could compute a verifier for it, but nobody could log in with it.
  if (plain.includes('\0'))
    throw new CofferError('invalid-request', 'password: it contains a NUL character, which PostgreSQL does not accept');
  const byVerifier =
    access.settings.passwordAuthentication === 'scram-sha-256' ||
    looksLikeVerifier(plain) ||
    (!isAscii(plain) && (await convertsText(access)));
  return byVerifier ? await scramVerifier(plain) : plain;
}

/**
 * Whether the database converts what we send into another encoding. Then a login is compared with other bytes than the UTF-8
 * that clients send.
 */
export async function convertsText(access: UserAccess): Promise<boolean> {
  return await access.pool.use(async ({ serverEncoding }) => !['UTF8', 'SQL_ASCII'].includes(serverEncoding));
}
