import { CofferError } from '@coffer/base';
import type { TokenEntry } from '@coffer/framework';

/** In Vault's words, though here there is nothing to revoke (hashicorp/vault:vault/request_handling.go handleRequest). */
const LAST_USE = 'Secret cannot be returned; token had one use left, so leased credentials were immediately revoked.';

/** @throws CofferError `invalid-request` when this is the last use of the token, with which its leases end */
export function refuseLastUse({ usesLeft }: Pick<TokenEntry, 'usesLeft'>): void {
  if (usesLeft === 1) throw new CofferError('invalid-request', LAST_USE);
}
