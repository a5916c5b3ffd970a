import { CofferError } from '@coffer/base';
import { type EngineContext, grantLoginRenewal, type TokenEntry, type TtlAnswer } from '@coffer/framework';
import { readRole } from './role-entry.ts';

/** A token cannot be renewed once the role is gone. */
export async function renewLogin(context: EngineContext, token: TokenEntry, increment: number): Promise<TtlAnswer> {
  const name = token.meta?.['role_name'] ?? '';
  const role = await readRole(context.storage, name);
  if (role === undefined) {
    throw new CofferError('invalid-request', `role ${JSON.stringify(name)} does not exist during renewal`);
  }
  return grantLoginRenewal(token, role.token, context, increment);
}
