import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { CofferError, type JsonObject } from '@coffer/base';

/** The keys behind the barrier: one AES-256 key for each term (rotation adds a term), and the key that names tokens. */
export interface Keyring {
  readonly activeTerm: number;
  readonly keys: ReadonlyMap<number, Uint8Array>;
  /** Never rotates: token rows are found by their HMAC under it. */
  readonly hmacKey: Uint8Array;
}

const FORMAT = 1;
const HEADER_BYTES = 5;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** A keyring for a store that ends with the process (development mode). */
export function createKeyring(): Keyring {
  return { activeTerm: 1, keys: new Map([[1, randomBytes(32)]]), hmacKey: randomBytes(32) };
}

/**
 * Encrypts every value at rest with AES-256-GCM. The additional data is the row's place (`leases/ID`, `entries/MOUNT/NAME`),
 * so a value that was altered or moved to another row does not open.
 * Sealed form: format (1 byte), term (4 bytes, big endian), nonce (12), ciphertext, tag (16).
 */
export class Barrier {
  readonly #keyring: Keyring;

  constructor(keyring: Keyring) {
    this.#keyring = keyring;
  }

  seal(row: string, value: JsonObject): Uint8Array {
    const { activeTerm } = this.#keyring;
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt8(FORMAT, 0);
    header.writeUInt32BE(activeTerm, 1);
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#key(activeTerm, row), nonce);
    cipher.setAAD(Buffer.concat([header, Buffer.from(row)]));
    const sealed = Buffer.concat([cipher.update(JSON.stringify(value), 'utf8'), cipher.final()]);
    return Buffer.concat([header, nonce, sealed, cipher.getAuthTag()]);
  }

  /** @throws CofferError `internal` naming the row when it was altered, moved, or sealed under another key */
  open(row: string, sealed: Uint8Array): JsonObject {
    const bytes = Buffer.from(sealed);
    const header = bytes.subarray(0, HEADER_BYTES);
    const nonce = bytes.subarray(HEADER_BYTES, HEADER_BYTES + NONCE_BYTES);
    const tag = bytes.subarray(bytes.length - TAG_BYTES);
    try {
      if (header.readUInt8(0) !== FORMAT) throw new Error('unknown format');
      const decipher = createDecipheriv('aes-256-gcm', this.#key(header.readUInt32BE(1), row), nonce);
      decipher.setAAD(Buffer.concat([header, Buffer.from(row)]));
      decipher.setAuthTag(tag);
      const body = bytes.subarray(HEADER_BYTES + NONCE_BYTES, bytes.length - TAG_BYTES);
      return JSON.parse(Buffer.concat([decipher.update(body), decipher.final()]).toString('utf8')) as JsonObject;
    } catch (error) {
      throw new CofferError('internal', `barrier: the row ${row} does not open: altered, moved, or another key`, {
        cause: error,
      });
    }
  }

  /** The name under which a token's row is kept: the token itself is nowhere at rest. Hexadecimal HMAC-SHA-256. */
  tokenId(token: string): string {
    return createHmac('sha256', this.#keyring.hmacKey).update(token).digest('hex');
  }

  #key(term: number, row: string): Uint8Array {
    const key = this.#keyring.keys.get(term);
    if (key === undefined) throw new CofferError('internal', `barrier: no key of term ${term} for the row ${row}`);
    return key;
  }
}
