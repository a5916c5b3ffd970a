import { CofferError } from '@coffer/base';
import {
  type EngineContext,
  grantLoginRenewal,
  loginPolicies,
  type TokenEntry,
  type TtlAnswer,
} from '@coffer/framework';
import { readUser } from './user-entry.ts';

/** A token cannot be renewed once the user is gone, or has other policies than the token. */
export async function renewLogin(context: EngineContext, token: TokenEntry, increment: number): Promise<TtlAnswer> {
  const user = await readUser(context.storage, token.meta?.['username'] ?? '');
  if (user === undefined) throw new CofferError('invalid-request', 'user no longer exists, not renewing');
  if (loginPolicies(user.token).join() !== token.policies.join()) {
    throw new CofferError('invalid-request', 'policies have changed, not renewing');
  }
  return grantLoginRenewal(token, user.token, context, increment);
}
