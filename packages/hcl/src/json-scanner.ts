import { readNumber } from './number-literal.ts';
import type { HclSource } from './source.ts';
import { readEscape, StringValue } from './string-literal.ts';

export type JsonPunctuation = '{' | '}' | '[' | ']' | ',' | ':';
export type JsonToken = { readonly start: number; readonly end: number } & (
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'number'; readonly value: number; readonly text: string }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'null' | 'end' | JsonPunctuation }
);

const BLANK = /[ \t\r\n]*/y;
const WORD = /(?:true|false|null)(?![\p{L}\p{Nd}_-])/uy;
const PLAIN_RUN = /[^"\\\n\0]+/y;
const SURROGATE_PAIR = /\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}/y;

/** The token at or after `offset` (hashicorp/hcl:json/scanner/scanner.go). Numbers and escapes are those of HCL. */
export function scanJsonToken(source: HclSource, offset: number): JsonToken {
  const { text } = source;
  BLANK.lastIndex = offset;
  const start = offset + (BLANK.exec(text)?.[0].length ?? 0);
  const character = text[start];
  switch (character) {
    case undefined:
      return { type: 'end', start, end: start };
    case '{':
    case '}':
    case '[':
    case ']':
    case ',':
    case ':':
      return { type: character, start, end: start + 1 };
    case '"':
      return readJsonString(source, start);
  }
  return readWord(source, start) ?? readJsonNumber(source, start);
}

function readWord({ text }: HclSource, start: number): JsonToken | undefined {
  WORD.lastIndex = start;
  const word = WORD.exec(text)?.[0];
  if (word === undefined) return undefined;
  const end = start + word.length;
  return word === 'null' ? { type: 'null', start, end } : { type: 'bool', value: word === 'true', start, end };
}

function readJsonNumber(source: HclSource, start: number): JsonToken {
  const number = readNumber(source, start);
  if (number === undefined) throw source.error(start, 'expected a value');
  if (/^-?0(?:[xX]|\d+$)/.test(number.text)) throw source.error(start, 'a number must not start with 0');
  return { type: 'number', ...number, start };
}

function readJsonString(source: HclSource, start: number): JsonToken {
  const { text } = source;
  const value = new StringValue();
  let at = start + 1;
  for (;;) {
    PLAIN_RUN.lastIndex = at;
    const run = PLAIN_RUN.exec(text)?.[0] ?? '';
    value.add(run);
    at += run.length;
    if (text[at] === '"') return { type: 'string', value: value.end(source, start), start, end: at + 1 };
    if (text[at] !== '\\') throw source.error(start, 'this string has no closing quote');
    SURROGATE_PAIR.lastIndex = at;
    const pair = SURROGATE_PAIR.exec(text)?.[0];
    const part =
      pair === undefined ? readEscape(source, at) : { value: String(JSON.parse(`"${pair}"`)), end: at + pair.length };
    if (part.value === '\ufffd' && !/^.u[fF]{3}[dD]/.test(text.slice(at, at + 6)))
      throw source.error(at, 'half a surrogate pair is not a character');
    value.add(part.value);
    at = part.end;
  }
}
