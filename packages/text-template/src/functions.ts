import { createHash } from 'node:crypto';
import { randomBase62, randomId } from '@coffer/base';
import { COMPARISONS } from './comparison.ts';
import { sprintf, type Value } from './printf.ts';
import { fitting } from './size.ts';
import type { Arguments, TemplateFunction } from './template-function.ts';
import { formatGoTime } from './time-layout.ts';
import { lowerCase, upperCase } from './unicode.ts';

const MAX_RANDOM = 1000;

/**
 * hashicorp/vault:sdk/helper/template/funcs.go, Go's own, and `join`. Templates have no lists, so join
 * takes its values as arguments, the value before a pipe as the last of them.
 */
export const FUNCTIONS: Readonly<Record<string, TemplateFunction>> = {
  random: {
    parameters: ['length'],
    description: '`length` random letters and digits, at most 1000.',
    drawn: true,
    call(args) {
      const length = args.number(0);
      if (length < 0 || length > MAX_RANDOM)
        throw new Error(`the length must be from 0 to ${MAX_RANDOM}, not ${length}`);
      return randomBase62(length);
    },
  },
  truncate: {
    parameters: ['length', 'text'],
    description: 'The first `length` bytes of the text, never part of a character.',
    call(args) {
      const length = args.number(0);
      if (length <= 0) throw new Error(`the length must be greater than 0, not ${length}`);
      return cutBytes(args.string(1), length).head;
    },
  },
  truncate_sha256: {
    parameters: ['length', 'text'],
    description:
      'The text if it fits in `length` bytes; otherwise its first bytes and 8 digits of the SHA-256 of the rest.',
    call(args) {
      const length = args.number(0);
      if (length <= HASH_LENGTH) throw new Error(`the length must be greater than ${HASH_LENGTH}, not ${length}`);
      const text = args.string(1);
      if (Buffer.byteLength(text) <= length) return text;
      const { head, tail } = cutBytes(text, length - HASH_LENGTH);
      return head + sha256(tail).slice(0, HASH_LENGTH);
    },
  },
  uppercase: {
    parameters: ['text'],
    description: 'The text in upper case.',
    call: (args) => upperCase(args.string(0)),
  },
  lowercase: {
    parameters: ['text'],
    description: 'The text in lower case.',
    call: (args) => lowerCase(args.string(0)),
  },
  replace: {
    parameters: ['find', 'replacement', 'text'],
    description: 'The text with every `find` replaced.',
    call: (args) => replaceAll(args.string(2), args.string(0), args.string(1)),
  },
  sha256: {
    parameters: ['text'],
    description: 'The SHA-256 of the text, 64 hexadecimal digits.',
    call: (args) => sha256(args.string(0)),
  },
  base64: {
    parameters: ['text'],
    description: 'The text in base64.',
    call: (args) => Buffer.from(args.string(0), 'utf8').toString('base64'),
  },
  unix_time: {
    parameters: [],
    description: 'Seconds since 1970.',
    call: ({ now }) => String(Math.floor(now / 1000)),
  },
  unix_time_millis: {
    parameters: [],
    description: 'Milliseconds since 1970.',
    call: ({ now }) => String(Math.floor(now)),
  },
  timestamp: {
    parameters: ['layout'],
    description: 'The time in UTC, in a Go layout such as `"20060102150405"`.',
    call: (args) => formatGoTime(args.now, args.string(0)),
  },
  uuid: { parameters: [], description: 'A random UUID.', drawn: true, call: () => randomId() },
  printf: {
    parameters: ['format', '…'],
    description: 'The values in a Go format, such as `%s`, `%d` or `%-8s`; width at most 1000.',
    call: (args) => sprintf(args.string(0), args.all.slice(1)),
  },
  print: { parameters: ['…'], description: 'The values, concatenated.', call: ({ all }) => print(all) },
  println: {
    parameters: ['…'],
    description: 'The values, separated by spaces, and a newline.',
    call: ({ all }) => `${all.join(' ')}\n`,
  },
  len: {
    parameters: ['text'],
    description: 'The number of bytes of the text.',
    call: (args) => BigInt(Buffer.byteLength(args.string(0))),
  },
  slice: {
    parameters: ['text', '…'],
    description: 'The bytes of the text from the second argument up to the third.',
    call: sliceBytes,
  },
  ...COMPARISONS,
  join: {
    parameters: ['separator', '…'],
    description: 'The values, joined with the separator.',
    call: (args) => args.all.slice(1).join(args.string(0)),
  },
};

const HASH_LENGTH = 8;

/** At most `length` bytes of UTF-8, as Go cuts, but never through the middle of a character. */
function cutBytes(text: string, length: number): { head: string; tail: string } {
  const bytes = Buffer.from(text, 'utf8');
  let end = Math.min(length, bytes.length);
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return { head: bytes.toString('utf8', 0, end), tail: bytes.toString('utf8', end) };
}

function sliceBytes(args: Arguments): string {
  if (args.all.length > 3) throw new Error('it takes a text and at most two numbers');
  const bytes = Buffer.from(args.string(0), 'utf8');
  const from = args.all.length > 1 ? args.number(1) : 0;
  const to = args.all.length > 2 ? args.number(2) : bytes.length;
  if (from < 0 || from > to || to > bytes.length)
    throw new Error(`${from} to ${to} is not inside the ${bytes.length} bytes`);
  const cutsCharacter = [from, to].some((at) => ((bytes[at] ?? 0) & 0xc0) === 0x80);
  if (cutsCharacter) throw new Error(`${from} to ${to} cuts through a character`);
  return bytes.toString('utf8', from, to);
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

/** Go's strings.ReplaceAll: an empty `find` stands before every character and at the end. */
function replaceAll(text: string, find: string, replacement: string): string {
  const parts = find === '' ? ['', ...text, ''] : text.split(find);
  const length = text.length + (parts.length - 1) * (replacement.length - find.length);
  fitting(length);
  return parts.join(replacement);
}

/** Go's fmt.Sprint: a space between two values when neither is a string. */
function print(values: readonly Value[]): string {
  return values.reduce<string>((text, value, index) => {
    const before = values[index - 1];
    const space = before !== undefined && typeof before !== 'string' && typeof value !== 'string';
    return `${text}${space ? ' ' : ''}${value}`;
  }, '');
}
