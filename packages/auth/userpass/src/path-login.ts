import { CofferError, Secret } from '@coffer/base';
import {
  cidrsAllow,
  type CoreServices,
  definePath,
  type EngineContext,
  grantLoginRenewal,
  issueLoginToken,
  loginPolicies,
  type Path,
  type TokenEntry,
  type TtlAnswer,
} from '@coffer/core';
import type { PasswordHasher } from './password-hash.ts';
import { readUser } from './user-entry.ts';

/** `login/:username`: a token for a user's password. */
export function loginPaths({ tokens }: CoreServices, context: EngineContext, hasher: PasswordHasher): Path[] {
  return [
    definePath({
      pattern: 'login/:username',
      fields: {
        username: { type: 'string', required: true, description: 'The user.' },
        password: { type: 'string', default: '', description: 'The password.' },
      },
      unauthenticated: true,
      synopsis: 'Logs in with a user name and a password.',
      write: async ({ fields, mountPath, path, remoteAddress }) => {
        if (fields.password === '') throw new CofferError('invalid-request', 'missing password');
        const password = new Secret(fields.password);
        const username = fields.username.toLowerCase();
        const user = await readUser(context.storage, username);
        const verified = user
          ? await hasher.verify(user.passwordHash, password, remoteAddress)
          : await hasher.verifyNobody(password, remoteAddress);
        if (user === undefined || !verified) {
          throw new CofferError('invalid-request', 'invalid username or password');
        }
        if (!cidrsAllow(user.token.boundCidrs, remoteAddress)) {
          throw new CofferError('permission-denied', 'login request originated from invalid CIDR');
        }
        return issueLoginToken(tokens, context, {
          displayName: username,
          metadata: { username },
          parameters: user.token,
          path: `${mountPath}${path.replace(/\/$/, '')}`,
          remoteAddress,
        });
      },
    }),
  ];
}

/** A renewal ends with the user, and when the user's policies are others than the token's. */
export async function renewLogin(context: EngineContext, token: TokenEntry, increment: number): Promise<TtlAnswer> {
  const user = await readUser(context.storage, token.meta?.['username'] ?? '');
  if (user === undefined) throw new CofferError('invalid-request', 'user no longer exists, not renewing');
  if (loginPolicies(user.token).join() !== token.policies.join()) {
    throw new CofferError('invalid-request', 'policies have changed, not renewing');
  }
  return grantLoginRenewal(token, user.token, context, increment);
}
