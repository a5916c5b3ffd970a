import type { HclSource } from './source.ts';

/** A literal's value and the offset behind it. */
export interface Literal {
  readonly value: string;
  readonly end: number;
}

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
};
const NUMERIC_ESCAPE = /x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})/y;
const PLAIN_RUN = /[^"\\\n$]+/y;

/**
 * Reads a quoted string at `start` (the quote). Inside `${…}` everything is kept as written, quotes, line ends and
 * escapes too (hashicorp/hcl:hcl/scanner/scanner.go scanString, hcl/strconv/quote.go).
 */
export function readQuoted(source: HclSource, start: number): Literal {
  const { text } = source;
  let value = '';
  let at = start + 1;
  for (;;) {
    PLAIN_RUN.lastIndex = at;
    const run = PLAIN_RUN.exec(text)?.[0] ?? '';
    value += run;
    at += run.length;
    const character = text[at];
    if (character === undefined || character === '\n') throw source.error(start, 'this string has no closing quote');
    if (character === '"') return { value, end: at + 1 };
    const part = character === '\\' ? readEscape(source, at) : readDollar(source, at, start);
    value += part.value;
    at = part.end;
  }
}

function readEscape(source: HclSource, at: number): Literal {
  const simple = SIMPLE_ESCAPES[source.text.charAt(at + 1)];
  if (simple !== undefined) return { value: simple, end: at + 2 };
  NUMERIC_ESCAPE.lastIndex = at + 1;
  const match = NUMERIC_ESCAPE.exec(source.text);
  const [whole = '', hex2, hex4, hex8, octal = ''] = match ?? [];
  const hex = hex2 ?? hex4 ?? hex8;
  const code = hex === undefined ? Number.parseInt(octal, 8) : Number.parseInt(hex, 16);
  if (match === null || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
    throw source.error(at, 'unknown escape; known are \\" \\\\ \\n \\r \\t \\uXXXX (write \\\\ for a backslash)');
  }
  return { value: String.fromCodePoint(code), end: at + 1 + whole.length };
}

function readDollar(source: HclSource, at: number, stringStart: number): Literal {
  const { text } = source;
  if (text[at + 1] !== '{') return { value: '$', end: at + 1 };
  let depth = 0;
  for (let i = at + 1; i < text.length; i++) {
    const character = text[i];
    if (character === '\\') i++;
    else if (character === '{') depth++;
    else if (character === '}' && --depth === 0) return { value: text.slice(at, i + 1), end: i + 1 };
  }
  throw source.error(stringStart, 'this string has no closing quote (or a ${ in it has no closing brace)');
}

const HEREDOC_ANCHOR = /<<(-?)([\p{L}\p{Nd}_]+)\r?\n/uy;

/**
 * Reads a heredoc at `start` (the `<<`). The value keeps its last line end. `<<-` takes the closing anchor's own
 * indentation off every line, if every line has it (hashicorp/hcl:hcl/token/token.go unindentHeredoc).
 * The indentation of a closing anchor is never part of the value (with `<<`, HCL 1 leaves it at the value's end).
 */
export function readHeredoc(source: HclSource, start: number): Literal {
  const { text } = source;
  HEREDOC_ANCHOR.lastIndex = start;
  const opening = HEREDOC_ANCHOR.exec(text);
  if (opening === null) throw source.error(start, 'a heredoc starts with <<NAME or <<-NAME at the end of a line');
  const [whole, dash, anchor = ''] = opening;
  const contentStart = start + whole.length;
  for (let lineStart = contentStart; lineStart < text.length; ) {
    const newline = text.indexOf('\n', lineStart);
    const lineEnd = newline === -1 ? text.length : newline;
    const line = text.slice(lineStart, lineEnd).replace(/\r$/, '');
    if (line.trimStart() === anchor) {
      const content = text.slice(contentStart, lineStart);
      const indent = line.slice(0, line.length - anchor.length);
      return { value: dash === '-' ? unindent(content, indent) : content, end: lineEnd };
    }
    lineStart = lineEnd + 1;
  }
  throw source.error(start, `this heredoc is not closed: no line with only ${anchor} follows`);
}

function unindent(content: string, indent: string): string {
  const lines = content.split('\n').slice(0, -1);
  if (!lines.every((line) => line.startsWith(indent))) return content;
  return lines.map((line) => `${line.slice(indent.length)}\n`).join('');
}
