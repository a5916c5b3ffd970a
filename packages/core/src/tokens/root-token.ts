import { currentDeadline, type Secret } from '@coffer/base';
import { ROOT_POLICY, type TokenStore } from '@coffer/framework';
import { ROOT_TOKEN_PATH } from './token-lease.ts';

/** A token that may do everything and never expires. `wanted`: the token itself, for development. Default: a random one. */
export async function createRootToken(tokens: TokenStore, wanted?: string): Promise<Secret> {
  const { token } = await tokens.create({
    ...(wanted !== undefined && { token: wanted }),
    parent: '',
    displayName: 'token',
    policies: [ROOT_POLICY],
    // Where Vault's tokens of the two kinds say that they come from.
    path: wanted === undefined ? ROOT_TOKEN_PATH : 'auth/token/create',
    meta: null,
    creationTime: Date.now(),
    creationTtl: 0,
    expireTime: null,
    explicitMaxTtl: 0,
    period: 0,
    numUses: 0,
    renewable: false,
    leased: false,
  });
  return token;
}

/** As {@link createRootToken}, but revokes it again if nobody waits for it. @throws CofferError `failed` in that case */
export async function createAwaitedRootToken(tokens: TokenStore): Promise<Secret> {
  const token = await createRootToken(tokens);
  const unawaited = currentDeadline()?.reason;
  if (unawaited === undefined) return token;
  await tokens.revoke(tokens.idOf(token.reveal()));
  throw unawaited;
}
