import { CofferError } from '@coffer/base';
import { KEY_BYTES } from '../barrier/sealed-value.ts';

export interface StaticKey {
  /** Names the key in the store, so that the right one is asked for. */
  readonly id: string;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

/** A seal that opens by itself with a key from outside the store (OpenBao's `seal "static"`). */
export interface StaticSeal {
  readonly type: 'static';
  readonly current: StaticKey;
  /** The previous key: a store sealed under it is resealed under the current one at the next start. */
  readonly previous?: StaticKey;
}

/** A copy with its own keys. */
export function copyStaticSeal({ type, current, previous }: StaticSeal): StaticSeal {
  const copy = ({ id, key }: StaticKey): StaticKey => ({ id, key: Uint8Array.from(key) });
  return { type, current: copy(current), ...(previous && { previous: copy(previous) }) };
}

export function wipeStaticSeal({ current, previous }: StaticSeal): void {
  current.key.fill(0);
  previous?.key.fill(0);
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
    'it must hold 32 bytes, as they are, in hexadecimal or in base64: make one with "openssl rand -hex 32"',
  );
}
