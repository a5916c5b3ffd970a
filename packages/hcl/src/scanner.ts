import type { HclSource } from './source.ts';
import { readHeredoc, readQuoted } from './string-literal.ts';

export type Punctuation = '{' | '}' | '[' | ']' | ',' | '=';
interface TokenPlace {
  readonly start: number;
  readonly end: number;
}
export type Token = TokenPlace &
  (
    | { readonly type: 'word' | 'string' | 'heredoc'; readonly value: string }
    | { readonly type: 'number'; readonly value: number }
    | { readonly type: Punctuation | 'end' }
  );

const BLANK = /[ \t\r\n]+/y;
const LINE_COMMENT = /(?:#|\/\/)[^\n]*/y;
const WORD = /[\p{L}_][\p{L}\p{Nd}_.-]*/uy;
const NUMBER = /-?(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)/y;
const NUMBER_GOES_ON = /[\p{L}\p{Nd}_.]/uy;

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

/** The token at or after `offset`, blanks and comments skipped. Every token but `end` is at least one character long. */
export function scanToken(source: HclSource, offset: number): Token {
  const { text } = source;
  const start = skipBlanks(source, offset);
  const character = text[start];
  switch (character) {
    case undefined:
      return { type: 'end', start, end: start };
    case '{':
    case '}':
    case '[':
    case ']':
    case ',':
    case '=':
      return { type: character, start, end: start + 1 };
    case '"':
      return { type: 'string', start, ...readQuoted(source, start) };
    case '<':
      return { type: 'heredoc', start, ...readHeredoc(source, start) };
  }
  const word = matchAt(WORD, text, start);
  if (word !== undefined) return { type: 'word', value: word, start, end: start + word.length };
  const number = matchAt(NUMBER, text, start);
  if (number !== undefined)
    return { type: 'number', value: numberValue(source, start, number), start, end: start + number.length };
  throw source.error(
    start,
    `unexpected character ${JSON.stringify(String.fromCodePoint(text.codePointAt(start) ?? 0))}`,
  );
}

function skipBlanks(source: HclSource, offset: number): number {
  const { text } = source;
  let at = offset;
  for (;;) {
    const skipped = matchAt(BLANK, text, at) ?? matchAt(LINE_COMMENT, text, at);
    if (skipped !== undefined) {
      at += skipped.length;
    } else if (text.startsWith('/*', at)) {
      const close = text.indexOf('*/', at + 2);
      if (close === -1) throw source.error(at, 'this comment has no closing */');
      at = close + 2;
    } else {
      return at;
    }
  }
}

function numberValue(source: HclSource, start: number, literal: string): number {
  if (matchAt(NUMBER_GOES_ON, source.text, start + literal.length) !== undefined) {
    throw source.error(start, 'this is not a number; put quotes around a string');
  }
  const negative = literal.startsWith('-');
  const digits = negative ? literal.slice(1) : literal;
  const octal = /^0\d+$/.test(digits);
  if (octal && /[89]/.test(digits))
    throw source.error(start, 'a number that starts with 0 is octal: only the digits 0 to 7');
  const value = octal ? Number.parseInt(digits, 8) : Number(digits);
  const whole = /^(?:0[xX]|\d+$)/.test(digits);
  if (!Number.isFinite(value) || (whole && !Number.isSafeInteger(value)))
    throw source.error(start, 'this number is too large');
  return negative && value !== 0 ? -value : value;
}
