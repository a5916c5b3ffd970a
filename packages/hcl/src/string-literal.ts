import type { HclSource } from './source.ts';

/** A literal's value and the offset behind it. */
export interface Literal {
  readonly value: string;
  readonly end: number;
}

const SIMPLE_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['a', '\x07'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['v', '\v'],
  ['\\', '\\'],
  ['"', '"'],
]);
const NUMERIC_ESCAPE = /x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})/y;
const PLAIN_RUN = /[^"\\\n$]+/y;

/** What a backslash and what follows it stand for: text, or one byte of UTF-8 above 0x7f (`\xc3\xa9` is é). */
export interface Escape {
  readonly value: string | number;
  readonly end: number;
}

/** The escape at `at` (the backslash). HCL 1 takes U+FFFD for half a surrogate pair, as Go's EncodeRune does. */
export function readEscape(source: HclSource, at: number): Escape {
  const simple = SIMPLE_ESCAPES.get(source.text.charAt(at + 1));
  if (simple !== undefined) return { value: simple, end: at + 2 };
  NUMERIC_ESCAPE.lastIndex = at + 1;
  const match = NUMERIC_ESCAPE.exec(source.text);
  const [whole = '', hex2, hex4, hex8, octal = ''] = match ?? [];
  const character = hex4 ?? hex8;
  const code = octal === '' ? Number.parseInt(character ?? hex2 ?? '', 16) : Number.parseInt(octal, 8);
  if (match === null || code > (character === undefined ? 0xff : 0x10ffff)) {
    throw source.error(at, 'unknown escape; known are \\" \\\\ \\n \\r \\t \\uXXXX (write \\\\ for a backslash)');
  }
  const end = at + 1 + whole.length;
  if (character === undefined && code > 0x7f) return { value: code, end };
  return { value: String.fromCodePoint(code).toWellFormed(), end };
}

/** Puts text and bytes together. A text must be UTF-8: half a character made of `\xe9` has no meaning here. */
export class StringValue {
  #text = '';
  #parts: Uint8Array[] | undefined;

  add(part: string | number): void {
    if (typeof part === 'string') {
      this.#text += part;
      return;
    }
    this.#parts ??= [];
    this.#parts.push(Buffer.from(this.#text, 'utf8'), Uint8Array.of(part));
    this.#text = '';
  }

  /** @throws CofferError `invalid-request` at `start` when the bytes are not UTF-8 */
  end(source: HclSource, start: number): string {
    if (this.#parts === undefined) return this.#text;
    const bytes = Buffer.concat([...this.#parts, Buffer.from(this.#text, 'utf8')]);
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw source.error(start, 'the \\x escapes of this string are not UTF-8; write \\u00e9 for a character');
    }
  }
}

/**
 * Reads a quoted string at `start` (the quote). Inside `${…}` everything is kept as written, quotes, line ends and
 * escapes too (hashicorp/hcl:hcl/scanner/scanner.go scanString, hcl/strconv/quote.go).
 */
export function readQuoted(source: HclSource, start: number): Literal {
  const { text } = source;
  const value = new StringValue();
  let at = start + 1;
  for (;;) {
    PLAIN_RUN.lastIndex = at;
    const run = PLAIN_RUN.exec(text)?.[0] ?? '';
    value.add(run);
    at += run.length;
    const character = text[at];
    if (character === undefined || character === '\n') throw source.error(start, 'this string has no closing quote');
    if (character === '"') return { value: value.end(source, start), end: at + 1 };
    const part = character === '\\' ? readEscape(source, at) : readDollar(source, at, start);
    value.add(part.value);
    at = part.end;
  }
}

function readDollar(source: HclSource, at: number, stringStart: number): Literal {
  const { text } = source;
  if (text[at + 1] !== '{') return { value: '$', end: at + 1 };
  let depth = 0;
  for (let i = at + 1; i < text.length; i++) {
    const character = text[i];
    if (character === '\\') i = readEscape(source, i).end - 1;
    else if (character === '\ufffd')
      throw source.error(i, 'U+FFFD, which stands for lost characters, is not allowed in ${…}');
    else if (character === '{') depth++;
    else if (character === '}' && --depth === 0) return { value: text.slice(at, i + 1), end: i + 1 };
  }
  throw source.error(stringStart, 'this string has no closing quote (or a ${ in it has no closing brace)');
}

const HEREDOC_ANCHOR = /<<(-?[\p{L}\p{Nd}_]+)\n/uy;
const CLOSING_INDENT = /[ \t\v\f\r]*/y;

/**
 * Reads a heredoc at `start` (the `<<`), as hashicorp/hcl:hcl/scanner/scanner.go scanHeredoc and hcl/token/token.go
 * unindentHeredoc do. The value keeps its last line end; with `<<` what stands before the closing anchor on its line is
 * part of it, with `<<-` that indentation is taken off every line, if every line has it. The closing line has a line
 * end of its own, and is never shorter than the anchor with its dash.
 */
export function readHeredoc(source: HclSource, start: number): Literal {
  const { text } = source;
  HEREDOC_ANCHOR.lastIndex = start;
  const [opening, marker = ''] = HEREDOC_ANCHOR.exec(text) ?? [];
  if (opening === undefined) throw source.error(start, 'a heredoc starts with <<NAME or <<-NAME at the end of a line');
  const anchor = marker.replace(/^-/, '');
  const contentStart = start + opening.length;
  for (let lineStart = contentStart; ; ) {
    const lineEnd = text.indexOf('\n', lineStart);
    if (lineEnd === -1) break;
    CLOSING_INDENT.lastIndex = lineStart;
    const indent = CLOSING_INDENT.exec(text)?.[0] ?? '';
    if (lineEnd - lineStart >= marker.length && closes(text, lineStart + indent.length, lineEnd, anchor)) {
      const content = text.slice(contentStart, lineStart);
      return { value: marker === anchor ? content + indent : unindent(content, indent), end: lineEnd + 1 };
    }
    lineStart = lineEnd + 1;
  }
  throw source.error(start, `this heredoc is not closed: no line with only ${anchor} follows`);
}

function closes(text: string, at: number, lineEnd: number, anchor: string): boolean {
  return text.startsWith(anchor, at) && /^\r*$/.test(text.slice(at + anchor.length, lineEnd));
}

function unindent(content: string, indent: string): string {
  const lines = content.split('\n').slice(0, -1);
  if (!lines.every((line) => line.startsWith(indent))) return content;
  return lines.map((line) => `${line.slice(indent.length)}\n`).join('');
}
