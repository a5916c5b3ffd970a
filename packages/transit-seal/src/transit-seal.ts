import { randomBytes } from 'node:crypto';
import { CofferError, type Logger } from '@coffer/base';
import type { AutoSeal, SealConfig } from '@coffer/core';
import { TokenRenewal } from './token-renewal.ts';
import { TransitApi, type TransitServer } from './transit-api.ts';

const KEY_BYTES = 32;

export interface TransitSealOptions extends TransitServer {
  /** In front of what the store calls the key. */
  readonly keyIdPrefix?: string;
  /** Default: false. */
  readonly disableRenewal?: boolean;
  readonly logger: Logger;
}

/**
 * The root key is sealed under a key that is made for that, which the other server encrypts and only it can decrypt. The root key
 * itself never leaves this one.
 *
 * @throws CofferError `invalid-request` for an address or a token that cannot be used
 */
export function createTransitSeal(options: TransitSealOptions): AutoSeal {
  const { keyName, keyIdPrefix = '', disableRenewal = false, logger } = options;
  const api = new TransitApi(options);
  const renewal = disableRenewal ? undefined : new TokenRenewal(() => api.renew(), logger);
  let isForgotten = false;
  const ask = async <T>(request: () => Promise<T>): Promise<T> => {
    if (isForgotten) throw new CofferError('sealed', 'Vault is sealed');
    const answer = await request();
    if (!isForgotten) renewal?.begin();
    return answer;
  };
  const wrapped = ({ wrappedKey }: SealConfig): string => {
    if (wrappedKey !== undefined) return wrappedKey;
    throw new CofferError('failed', 'seal "transit": the store has no wrapped key');
  };
  return {
    type: 'transit',
    requireSealOf: (config) => void wrapped(config),
    sealingKey: () =>
      ask(async () => {
        const key = randomBytes(KEY_BYTES);
        const { ciphertext, version } = await api.encrypt(key);
        return { keyId: `${keyIdPrefix}${keyName}:${version}`, wrappedKey: ciphertext, key };
      }),
    keyOf: (config) => ask(() => api.decrypt(wrapped(config))),
    forget() {
      isForgotten = true;
      renewal?.end();
    },
  };
}
