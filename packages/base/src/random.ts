import { randomFillSync, randomInt, randomUUID } from 'node:crypto';

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const BYTE_VALUES = 256;

/** Random bytes in stock: to fetch twelve costs as much as to fetch all of these. Those that are handed out are wiped. */
const stock = Buffer.allocUnsafeSlow(4_096);
let used = stock.length;

/** As node:crypto's randomBytes, for a few bytes at a time. The buffer is one of its own. */
export function fewRandomBytes(count: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(count);
  if (count > stock.length) return randomFillSync(bytes);
  if (used + count > stock.length) refill();
  stock.copy(bytes, 0, used, used + count);
  stock.fill(0, used, used + count);
  used += count;
  return bytes;
}

/** A whole number from 0 to `limit`, exclusive, each as likely as the others. @throws RangeError when there is none, as randomInt */
export function randomIndex(limit: number): number {
  if (limit < 1 || limit > BYTE_VALUES) return randomInt(limit);
  // What would make some more likely than others is drawn again.
  const fair = BYTE_VALUES - (BYTE_VALUES % limit);
  for (;;) {
    const byte = randomByte();
    if (byte < fair) return byte % limit;
  }
}

function randomByte(): number {
  if (used === stock.length) refill();
  const byte = stock[used] ?? 0;
  stock[used++] = 0;
  return byte;
}

function refill(): void {
  randomFillSync(stock);
  used = 0;
}

/** `length` characters of 0-9A-Za-z, unbiased, as Vault's base62 identifiers. */
export function randomBase62(length: number): string {
  return randomFrom(BASE62, length);
}

/** `length` characters drawn evenly from `alphabet` (at least one character, each of one UTF-16 unit). */
export function randomFrom(alphabet: string, length: number): string {
  let text = '';
  for (let i = 0; i < length; i++) text += alphabet[randomIndex(alphabet.length)] ?? '';
  return text;
}

/** A random (version 4) UUID: request ids, mount ids. */
export function randomId(): string {
  return randomUUID();
}
