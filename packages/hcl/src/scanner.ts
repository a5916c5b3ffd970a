import { readNumber } from './number-literal.ts';
import type { HclSource } from './source.ts';
import { readHeredoc, readQuoted } from './string-literal.ts';

export type Punctuation = '{' | '}' | '[' | ']' | ',' | '=';
interface TokenPlace {
  readonly start: number;
  readonly end: number;
}
export type Token = TokenPlace &
  (
    | { readonly type: 'word' | 'heredoc'; readonly value: string }
    /** `text` is the string as written, with its quotes: HCL 1 compares keys by it. */
    | { readonly type: 'string'; readonly value: string; readonly text: string }
    | { readonly type: 'number'; readonly value: number; readonly text: string }
    | { readonly type: 'bool'; readonly value: boolean }
    | { readonly type: Punctuation | 'end' }
  );

const BLANK = /[ \t\r\n]+/y;
const LINE_COMMENT = /(?:#|\/\/)[^\n]*/y;
const WORD = /[\p{L}_][\p{L}\p{Nd}_.-]*/uy;

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
    case '"': {
      const { value, end } = readQuoted(source, start);
      return { type: 'string', value, text: text.slice(start, end), start, end };
    }
    case '<':
      return { type: 'heredoc', start, ...readHeredoc(source, start) };
  }
  const word = matchAt(WORD, text, start);
  if (word === 'true' || word === 'false')
    return { type: 'bool', value: word === 'true', start, end: start + word.length };
  if (word !== undefined) return { type: 'word', value: word, start, end: start + word.length };
  const number = readNumber(source, start);
  if (number !== undefined) return { type: 'number', ...number, start };
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
