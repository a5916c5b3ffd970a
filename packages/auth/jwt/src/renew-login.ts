import { CofferError } from '@coffer/base';
import { type EngineContext, grantLoginRenewal, type TokenEntry, type TtlAnswer } from '@coffer/framework';
import { rolesOf } from './role-entry.ts';

/** A token cannot be renewed once the role is gone. */
export async function renewLogin(context: EngineContext, token: TokenEntry, increment: number): Promise<TtlAnswer> {
  const name = token.meta?.['role'] ?? '';
  const role = await rolesOf(context.storage).get(name);
  if (role === undefined) throw new CofferError('invalid-request', `role ${name} does not exist during renewal`);
  return grantLoginRenewal(token, role.token, context, increment);
}
