import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto';
import { fewRandomBytes } from '@coffer/base';
import { stored } from '@coffer/framework';

const FORMAT = 1;
const HEADER_BYTES = 5;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export const KEY_BYTES = 32;

/**
 * Encrypts with AES-256-GCM. The additional data is the header and the row's place, so that a value that was altered or
 * moved to another row does not open.
 * Sealed form: format (1 byte), term (4 bytes, big endian), nonce (12), ciphertext, tag (16).
 */
export function sealValue(key: Uint8Array | KeyObject, term: number, row: string, plain: Uint8Array): Uint8Array {
  // In memory of its own: a slice would take the whole of Node's pool along, 64 KiB, whenever it goes to another thread.
  const sealed = Buffer.allocUnsafeSlow(HEADER_BYTES + NONCE_BYTES + plain.length + TAG_BYTES);
  sealed.writeUInt8(FORMAT, 0);
  sealed.writeUInt32BE(term, 1);
  const nonce = fewRandomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(boundTo(sealed.subarray(0, HEADER_BYTES), row));
  nonce.copy(sealed, HEADER_BYTES);
  // GCM gives everything at once.
  cipher.update(plain).copy(sealed, HEADER_BYTES + NONCE_BYTES);
  cipher.final();
  cipher.getAuthTag().copy(sealed, sealed.length - TAG_BYTES);
  return sealed;
}

/** What a value is sealed with besides: it opens with the same only. */
function boundTo(header: Uint8Array, row: string): Buffer {
  return Buffer.concat([header, Buffer.from(row)]);
}

/** The term that a value was sealed under; undefined when it cannot be a sealed value. */
export function termOf(sealed: Uint8Array): number | undefined {
  if (sealed.length < HEADER_BYTES || sealed[0] !== FORMAT) return undefined;
  return Buffer.from(sealed.buffer, sealed.byteOffset, HEADER_BYTES).readUInt32BE(1);
}

/**
 * The value, in memory of its own: whoever opens a key wipes it.
 * @throws CofferError `failed` naming the row when it was altered, moved, or sealed under another key
 */
export function openValue(
  keyOf: (term: number) => Uint8Array | KeyObject | undefined,
  row: string,
  sealed: Uint8Array,
): Buffer {
  const bytes = Buffer.from(sealed);
  const header = bytes.subarray(0, HEADER_BYTES);
  try {
    if (bytes.length < HEADER_BYTES + NONCE_BYTES + TAG_BYTES) throw new Error('too short');
    if (header.readUInt8(0) !== FORMAT) throw new Error('unknown format');
    const term = header.readUInt32BE(1);
    const key = keyOf(term);
    if (key === undefined) throw new Error(`no key of term ${term}`);
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(HEADER_BYTES, HEADER_BYTES + NONCE_BYTES));
    decipher.setAAD(boundTo(header, row));
    decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
    // GCM gives everything at once: a copy would be one more place that holds a key.
    const plain = decipher.update(bytes.subarray(HEADER_BYTES + NONCE_BYTES, bytes.length - TAG_BYTES));
    decipher.final();
    return plain;
  } catch (cause) {
    const text = `barrier: failed to decrypt row ${row}: it was altered, moved, or encrypted with another key`;
    throw stored.damage(text, cause);
  }
}
