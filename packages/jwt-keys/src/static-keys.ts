import type { KeyObject } from 'node:crypto';
import { CofferError } from '@coffer/base';
import type { Claims } from './claims.ts';
import type { KeySet } from './key-set.ts';
import { readHeader, verified } from './verify.ts';

/** What a token may be signed with: everything that a public key verifies (hashicorp/cap:jwt/algs.go). */
export const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'ES256',
  'ES384',
  'ES512',
  'PS256',
  'PS384',
  'PS512',
  'EdDSA',
] as const;

/** Public keys that somebody has written down. All are tried: they have no names. */
export class StaticKeys implements KeySet {
  readonly #keys: readonly KeyObject[];

  constructor(keys: readonly KeyObject[]) {
    this.#keys = keys;
  }

  async verify(token: string, algorithms: readonly string[]): Promise<Claims> {
    readHeader(token, algorithms);
    for (const key of this.#keys) {
      const claims = await verified(token, key, algorithms);
      if (claims !== undefined) return claims;
    }
    throw new CofferError('invalid-request', 'no known key successfully validated the token signature');
  }
}
