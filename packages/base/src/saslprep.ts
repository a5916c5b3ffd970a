import { LEFT_TO_RIGHT, PROHIBITED, RIGHT_TO_LEFT } from './stringprep-tables.ts';

// RFC 3454, C.1.2 and B.1. U+200B is in both; PostgreSQL takes it for a space.
const NON_ASCII_SPACE = /[\u00A0\u1680\u2000-\u200B\u202F\u205F\u3000]/g;
const MAPPED_TO_NOTHING = new RegExp(classOf('ad 34f 1806 180b-180d 200c-200d 2060 fe00-fe0f feff'), 'gu');

const PROHIBITED_CODE = new RegExp(classOf(PROHIBITED), 'u');
const RIGHT_TO_LEFT_CODE = new RegExp(classOf(RIGHT_TO_LEFT), 'u');
const RIGHT_TO_LEFT_ENDS = new RegExp(`^${classOf(RIGHT_TO_LEFT)}(?:.*${classOf(RIGHT_TO_LEFT)})?$`, 'su');
const LEFT_TO_RIGHT_CODE = new RegExp(classOf(LEFT_TO_RIGHT), 'u');

function classOf(ranges: string): string {
  return `[${ranges
    .trim()
    .replace(/[0-9a-f]+/g, (code) => `\\u{${code}}`)
    .replace(/\s+/g, '')}]`;
}

/**
 * A password as PostgreSQL and libpq use it under SCRAM (RFC 4013, with the rules of postgres:src/common/saslprep.c): what
 * is prohibited is looked for before normalisation and not in its result, and a password with anything prohibited,
 * unassigned in Unicode 3.2, badly mixed in direction, or with nothing left of it, is used as it is.
 */
export function saslprep(password: string): string {
  const text = password.toWellFormed();
  return normalised(text) ?? text;
}

/** Normalisation changes no such text. */
export function isAscii(text: string): boolean {
  return Buffer.byteLength(text) === text.length;
}

/** Undefined: a password that is used as it is. */
function normalised(text: string): string | undefined {
  if (isAscii(text)) return text;
  const mapped = text.replace(NON_ASCII_SPACE, ' ').replace(MAPPED_TO_NOTHING, '');
  if (mapped === '' || PROHIBITED_CODE.test(mapped)) return undefined;
  if (RIGHT_TO_LEFT_CODE.test(mapped) && (LEFT_TO_RIGHT_CODE.test(mapped) || !RIGHT_TO_LEFT_ENDS.test(mapped))) {
    return undefined;
  }
  // Of assigned characters alone, so the same in every later version of Unicode.
  return mapped.normalize('NFKC');
}
