import { randomBytes } from 'node:crypto';
import type { JsonObject } from '@coffer/base';
import { KEY_BYTES } from './sealed-value.ts';

export interface TermKey {
  readonly key: Uint8Array;
  /** Milliseconds since 1970. */
  readonly installTime: number;
  /** Values sealed under it, as known when the keyring was last saved. */
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

/** The same keyring with a new key for everything that is sealed from now on. */
export function withNewTerm(keyring: Keyring): Keyring {
  const activeTerm = keyring.activeTerm + 1;
  return { ...keyring, activeTerm, keys: new Map([...keyring.keys, [activeTerm, newKey()]]) };
}

export function withEncryptions(keyring: Keyring, encryptions: number): Keyring {
  const active = keyring.keys.get(keyring.activeTerm);
  if (active === undefined) return keyring;
  return { ...keyring, keys: new Map([...keyring.keys, [keyring.activeTerm, { ...active, encryptions }]]) };
}

function newKey(): TermKey {
  return { key: randomBytes(KEY_BYTES), installTime: Date.now(), encryptions: 0 };
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

export function keyringToJson({ activeTerm, keys, hmacKey }: Keyring): JsonObject {
  const terms = [...keys].map(([term, { key, ...rest }]) => ({ term, key: base64(key), ...rest }));
  return { active_term: activeTerm, hmac_key: base64(hmacKey), keys: terms };
}

/** Reads what {@link keyringToJson} wrote: it was sealed, so nobody else has written it. */
export function keyringFromJson(json: JsonObject): Keyring {
  const { active_term, hmac_key, keys } = json as unknown as {
    active_term: number;
    hmac_key: string;
    keys: { term: number; key: string; installTime: number; encryptions: number }[];
  };
  return {
    activeTerm: active_term,
    hmacKey: Buffer.from(hmac_key, 'base64'),
    keys: new Map(keys.map(({ term, key, ...rest }) => [term, { key: Buffer.from(key, 'base64'), ...rest }])),
  };
}
