import { randomBytes } from 'node:crypto';
import { stored } from '@coffer/framework';
import { KEY_BYTES } from './sealed-value.ts';

/** Where it is kept, and what errors call it. */
export const KEYRING_ROW = 'keyring/keyring';

export interface TermKey {
  readonly key: Uint8Array;
  /** Milliseconds since 1970. */
  readonly installTime: number;
  /** Values sealed under it by every node, as known when the keyring was last saved. */
  readonly encryptions: number;
}

/** The keys behind the barrier: one AES-256 key for each term (rotation adds a term), and the key that names tokens. */
export interface Keyring {
  readonly activeTerm: number;
  readonly keys: ReadonlyMap<number, TermKey>;
  /** Never rotates: token rows are found by their HMAC under it. */
  readonly hmacKey: Uint8Array;
}

export function createKeyring(): Keyring {
  return { activeTerm: 1, keys: new Map([[1, newKey()]]), hmacKey: randomBytes(KEY_BYTES) };
}

/**
 * The term of a key that is installed but not used yet: every node must have it before one of them seals anything under it.
 * Undefined: there is none.
 */
export function pendingTerm({ activeTerm, keys }: Keyring): number | undefined {
  return keys.has(activeTerm + 1) ? activeTerm + 1 : undefined;
}

/** The same keyring with a key that is not used yet, unless it has one. */
export function withPendingTerm(keyring: Keyring): Keyring {
  if (pendingTerm(keyring) !== undefined) return keyring;
  return { ...keyring, keys: new Map([...keyring.keys, [keyring.activeTerm + 1, newKey()]]) };
}

/** The same keyring with another key, a pending one if there is, for everything that is sealed from now on. */
export function withNextTerm(keyring: Keyring): Keyring {
  return { ...withPendingTerm(keyring), activeTerm: keyring.activeTerm + 1 };
}

/** The same keyring when the active key has sealed `more` values. */
export function withEncryptions(keyring: Keyring, more: number): Keyring {
  const active = keyring.keys.get(keyring.activeTerm);
  if (active === undefined) return keyring;
  const counted = { ...active, encryptions: active.encryptions + more };
  return { ...keyring, keys: new Map([...keyring.keys, [keyring.activeTerm, counted]]) };
}

/** What `next` says, with the bytes that `present` has for the same keys. Those of `next` are wiped then. */
export function inPlaceOf(present: Keyring, next: Keyring): Keyring {
  const keep = (known: Uint8Array | undefined, bytes: Uint8Array): Uint8Array => {
    if (known === undefined || known === bytes) return bytes;
    bytes.fill(0);
    return known;
  };
  return {
    activeTerm: next.activeTerm,
    hmacKey: keep(present.hmacKey, next.hmacKey),
    keys: new Map(
      [...next.keys].map(([term, key]) => [term, { ...key, key: keep(present.keys.get(term)?.key, key.key) }]),
    ),
  };
}

function newKey(): TermKey {
  return { key: randomBytes(KEY_BYTES), installTime: Date.now(), encryptions: 0 };
}

/**
 * Binary, so that no key is ever text. Form: format (1 byte), active term (4), HMAC key (32); then for each term its number
 * (4), key (32), install time (8), encryptions (8). Numbers are big endian.
 */
export function keyringToBytes({ activeTerm, keys, hmacKey }: Keyring): Buffer {
  const bytes = Buffer.alloc(HEAD_BYTES + keys.size * TERM_BYTES);
  bytes.writeUInt8(FORMAT, 0);
  bytes.writeUInt32BE(activeTerm, 1);
  bytes.set(hmacKey, 5);
  let at = HEAD_BYTES;
  for (const [term, { key, installTime, encryptions }] of keys) {
    bytes.writeUInt32BE(term, at);
    bytes.set(key, at + 4);
    bytes.writeBigUInt64BE(BigInt(installTime), at + 4 + KEY_BYTES);
    bytes.writeBigUInt64BE(BigInt(encryptions), at + 12 + KEY_BYTES);
    at += TERM_BYTES;
  }
  return bytes;
}

/**
 * Reads what {@link keyringToBytes} wrote. The keyring keeps its own copies: wipe the bytes.
 * @throws CofferError `failed` when it cannot have written it
 */
export function keyringFromBytes(bytes: Buffer): Keyring {
  if (bytes[0] === JSON_FORMAT) return keyringFromJson(bytes.toString('utf8'));
  if (bytes[0] !== FORMAT) throw stored.damaged(KEYRING_ROW, `it has the unknown format ${bytes[0]}`);
  if (bytes.length < HEAD_BYTES || (bytes.length - HEAD_BYTES) % TERM_BYTES !== 0) {
    throw stored.damaged(KEYRING_ROW, 'it was cut off');
  }
  const keys = new Map<number, TermKey>();
  for (let at = HEAD_BYTES; at < bytes.length; at += TERM_BYTES) {
    keys.set(bytes.readUInt32BE(at), {
      key: Uint8Array.from(bytes.subarray(at + 4, at + 4 + KEY_BYTES)),
      installTime: Number(bytes.readBigUInt64BE(at + 4 + KEY_BYTES)),
      encryptions: Number(bytes.readBigUInt64BE(at + 12 + KEY_BYTES)),
    });
  }
  return { activeTerm: bytes.readUInt32BE(1), hmacKey: Uint8Array.from(bytes.subarray(5, HEAD_BYTES)), keys };
}

/** Wipes every key of it. */
export function wipeKeyring({ keys, hmacKey }: Keyring): void {
  hmacKey.fill(0);
  for (const { key } of keys.values()) key.fill(0);
}

const FORMAT = 1;
const HEAD_BYTES = 5 + KEY_BYTES;
const TERM_BYTES = 20 + KEY_BYTES;
/** The "{" of the earlier form, in which keys were base64. The next change of the keyring rewrites it. */
const JSON_FORMAT = 0x7b;

interface JsonKeyring {
  readonly active_term: number;
  /** Base64, as the other keys. */
  readonly hmac_key: string;
  readonly keys: readonly (Omit<TermKey, 'key'> & { readonly term: number; readonly key: string })[];
}

const { entry, integer, list, string } = stored;
const JSON_KEYRING = entry<JsonKeyring>({
  active_term: integer(),
  hmac_key: string(),
  keys: list(entry({ term: integer(), key: string(), installTime: integer(), encryptions: integer() })),
});

function keyringFromJson(text: string): Keyring {
  const { active_term, hmac_key, keys } = JSON_KEYRING(stored.parseObject(text, KEYRING_ROW), KEYRING_ROW);
  return {
    activeTerm: active_term,
    hmacKey: Uint8Array.from(Buffer.from(hmac_key, 'base64')),
    keys: new Map(
      keys.map(({ term, key, ...rest }) => [term, { key: Uint8Array.from(Buffer.from(key, 'base64')), ...rest }]),
    ),
  };
}
