import { CofferError } from '@coffer/base';
import { sealed } from '../barrier/sealed.ts';
import { KEY_BYTES } from '../barrier/sealed-value.ts';
import type { AutoSeal } from './auto-seal.ts';

export interface StaticKey {
  /** Names the key in the store, so that the right one is asked for. */
  readonly id: string;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

export interface StaticKeys {
  readonly current: StaticKey;
  /** The previous key: a store sealed under it is resealed under the current one at the next start. */
  readonly previous?: StaticKey;
}

/** A seal that opens by itself with a key from outside the store (OpenBao's `seal "static"`). The keys are copied: wipe yours. */
export function createStaticSeal({ current, previous }: StaticKeys): AutoSeal {
  const copies = [current, ...(previous ? [previous] : [])].map(({ id, key }) => ({ id, key: Uint8Array.from(key) }));
  let isForgotten = false;
  const find = (keyId: string | undefined): StaticKey => {
    if (isForgotten) throw sealed();
    const found = copies.find(({ id }) => id === keyId);
    if (found !== undefined) return found;
    const text = `the store is sealed under the key "${keyId}", which is neither current_key_id nor previous_key_id`;
    throw new CofferError(
      'failed',
      `seal "static": ${text}: configure the key that the other nodes of this store have`,
    );
  };
  return {
    type: 'static',
    requireSealOf: ({ keyId }) => void find(keyId),
    sealingKey: async () => ({ keyId: current.id, key: Uint8Array.from(find(current.id).key) }),
    keyOf: async ({ keyId }) => Uint8Array.from(find(keyId).key),
    forget() {
      isForgotten = true;
      for (const { key } of copies) key.fill(0);
    },
  };
}

/**
 * 32 bytes, as they are, in hexadecimal or in base64.
 * @throws CofferError `invalid-request`, without the key
 */
export function parseStaticKey(content: Uint8Array): Uint8Array {
  if (content.length === KEY_BYTES) return content;
  const text = Buffer.from(content).toString('latin1').trim();
  if (/^[0-9a-f]{64}$/i.test(text)) return Uint8Array.from(Buffer.from(text, 'hex'));
  if (/^[A-Za-z0-9+/]{43}=$/.test(text)) return Uint8Array.from(Buffer.from(text, 'base64'));
  throw new CofferError(
    'invalid-request',
    'it must contain 32 bytes, raw, in hexadecimal or in base64: create one with "openssl rand -hex 32"',
  );
}
