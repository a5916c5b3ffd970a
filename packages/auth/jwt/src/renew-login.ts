import { type EngineContext, renewByRole, type TokenEntry, type TtlAnswer } from '@coffer/framework';
import { rolesOf } from './role-entry.ts';

/** A token cannot be renewed once the role is gone. */
export function renewLogin(context: EngineContext, token: TokenEntry, increment: number): Promise<TtlAnswer> {
  return renewByRole(context, rolesOf(context.storage), token, increment);
}
