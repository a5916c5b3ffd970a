/** The part of ASN.1 DER (ITU-T X.690) that a certificate needs: each function returns one encoded element. */

const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bits: 0x03,
  bytes: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  utcTime: 0x17,
  time: 0x18,
  sequence: 0x30,
  set: 0x31,
};

export function element(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag]), lengthOf(body.length), body]);
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest >>= 8) bytes.unshift(rest & 0xff);
  return Buffer.from([0x80 | bytes.length, ...bytes]);
}

export const sequence = (...contents: readonly Uint8Array[]): Buffer => element(TAG.sequence, ...contents);
export const set = (...contents: readonly Uint8Array[]): Buffer => element(TAG.set, ...contents);
export const utf8 = (text: string): Buffer => element(TAG.utf8, Buffer.from(text, 'utf8'));
export const octets = (bytes: Uint8Array): Buffer => element(TAG.bytes, bytes);
export const TRUE: Buffer = element(TAG.boolean, Buffer.from([0xff]));

/** A BIT STRING of whole bytes, or with `unusedBits` left out at its end. */
export const bits = (bytes: Uint8Array, unusedBits = 0): Buffer => element(TAG.bits, Buffer.from([unusedBits]), bytes);

/** An INTEGER that is not negative: a leading zero byte keeps a high first bit from meaning a sign. */
export function integer(bytes: Uint8Array): Buffer {
  return element(TAG.integer, (bytes[0] ?? 0) >= 0x80 ? Buffer.from([0]) : Buffer.alloc(0), bytes);
}

/** `tag` of the context, constructed ([n] EXPLICIT) or primitive ([n] IMPLICIT of a string type). */
export const explicit = (tag: number, content: Uint8Array): Buffer => element(0xa0 | tag, content);
export const implicit = (tag: number, bytes: Uint8Array): Buffer => element(0x80 | tag, bytes);

export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const base128 = [part & 0x7f];
    for (let more = part >> 7; more > 0; more >>= 7) base128.unshift(0x80 | (more & 0x7f));
    bytes.push(...base128);
  }
  return element(TAG.oid, Buffer.from(bytes));
}

/** A certificate's time, whole seconds UTC: UTCTime up to 2049, GeneralizedTime from 2050 (RFC 5280, 4.1.2.5). */
export function time(date: Date): Buffer {
  const digits = `${date.toISOString().slice(0, 19).replaceAll(/[-:T]/g, '')}Z`;
  const short = date.getUTCFullYear() < 2050;
  return element(short ? TAG.utcTime : TAG.time, Buffer.from(short ? digits.slice(2) : digits, 'ascii'));
}
