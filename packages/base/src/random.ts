import { randomInt, randomUUID } from 'node:crypto';

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** `length` characters of 0-9A-Za-z, unbiased (node:crypto randomInt), as Vault's base62 identifiers. */
export function randomBase62(length: number): string {
  return randomFrom(BASE62, length);
}

/** `length` characters drawn evenly from `alphabet` (at least one character). */
export function randomFrom(alphabet: string, length: number): string {
  const characters = Array.from(alphabet);
  let text = '';
  for (let i = 0; i < length; i++) text += characters[randomInt(characters.length)] ?? '';
  return text;
}

/** A random (version 4) UUID: request ids, mount ids. */
export function randomId(): string {
  return randomUUID();
}
