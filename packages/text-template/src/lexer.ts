import { templateError } from './position.ts';

export type Token = { readonly offset: number } & (
  | { readonly kind: 'field' | 'name' | 'string'; readonly text: string }
  | { readonly kind: 'number'; readonly value: bigint }
  /** `$` (empty text) or `$text`, and a field of it. */
  | { readonly kind: 'variable'; readonly text: string; readonly field: string | undefined }
  | { readonly kind: '|' | '(' | ')' | '.' | ':=' | '=' }
);
export type Segment =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'action'; readonly tokens: readonly Token[]; readonly offset: number; readonly end: number };

const SPACE = /[ \t\r\n]+/y;
const NAME = /[\p{L}_][\p{L}\p{Nd}_]*/uy;
const NUMBER = /[+-]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]+|[1-9][0-9_]*|0)/y;
const QUOTED = /"(?:[^"\\\n]|\\[^\n])*"/y;
const RAW = /`[^`]*`/y;
const CHARACTER = /'(?:[^'\\\n]|\\[^\n][^'\n]*)'/uy;
const ESCAPE = /\\(?:([abfnrtv\\"'])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|[^])/g;
const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/**
 * Cuts a template into text and actions, with `{{- -}}` applied and comments gone
 * (golang/go:src/text/template/parse/lex.go).
 *
 * @throws CofferError `invalid-request` with the position
 */
export function lexTemplate(text: string): Segment[] {
  const segments: Segment[] = [];
  let at = 0;
  let trimNext = false;
  while (at < text.length) {
    const open = text.indexOf('{{', at);
    let plain = text.slice(at, open === -1 ? text.length : open);
    if (trimNext) plain = plain.replace(/^[ \t\r\n]+/, '');
    const trimBefore = open !== -1 && /^-[ \t\r\n]/.test(text.slice(open + 2, open + 4));
    if (trimBefore) plain = trimEnd(plain);
    if (plain !== '') segments.push({ kind: 'text', text: plain });
    if (open === -1) break;
    const lexer = new ActionLexer(text, open, open + (trimBefore ? 3 : 2));
    const { tokens, end, trimAfter } = lexer.read();
    if (tokens !== undefined) segments.push({ kind: 'action', tokens, offset: open, end });
    at = end;
    trimNext = trimAfter;
  }
  return segments;
}

function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && ' \t\r\n'.includes(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}

/** Undefined for digits that the base does not have. */
function wholeNumber(digits: string): bigint | undefined {
  try {
    return BigInt(digits);
  } catch {
    return undefined;
  }
}

interface Action {
  /** Undefined for a comment. */
  readonly tokens: readonly Token[] | undefined;
  readonly end: number;
  readonly trimAfter: boolean;
}

class ActionLexer {
  readonly #text: string;
  readonly #open: number;
  #at: number;

  constructor(text: string, open: number, start: number) {
    this.#text = text;
    this.#open = open;
    this.#at = start;
  }

  read(): Action {
    const isComment = this.#isComment();
    const tokens: Token[] = [];
    for (;;) {
      const spaced = this.#match(SPACE) !== undefined;
      const trimAfter = this.#text.startsWith('-}}', this.#at) && (spaced || isComment);
      if (trimAfter || this.#text.startsWith('}}', this.#at)) {
        return { tokens: isComment ? undefined : tokens, end: this.#at + (trimAfter ? 3 : 2), trimAfter };
      }
      if (this.#at >= this.#text.length) throw templateError(this.#text, this.#open, 'this {{ has no closing }}');
      tokens.push(this.#token());
    }
  }

  #isComment(): boolean {
    // Go takes a comment only right behind the delimiter, or its trim marker, which is a minus and one blank.
    const trimmed = this.#at > this.#open + 2;
    const start = this.#at + (trimmed ? 1 : 0);
    if (!this.#text.startsWith('/*', start)) return false;
    this.#at = start;
    const end = this.#text.indexOf('*/', this.#at + 2);
    if (end >= 0 && /^(?:[ \t\r\n]-)?\}\}/.test(this.#text.slice(end + 2, end + 6))) {
      this.#at = end + 2;
      return true;
    }
    throw templateError(this.#text, this.#open, 'this comment must end in */}} or */ -}}');
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #error(message: string, offset = this.#at): Error {
    return templateError(this.#text, offset, message);
  }

  #token(): Token {
    const offset = this.#at;
    const character = this.#text.charAt(offset);
    switch (character) {
      case '|':
      case '(':
        this.#at++;
        return { kind: character, offset };
      case ')':
        this.#at++;
        this.#requireBreak();
        return { kind: ')', offset };
      case '=':
        this.#at++;
        return { kind: '=', offset };
      case '$':
        return this.#variable(offset);
      case '.':
        return this.#field(offset);
    }
    if (this.#text.startsWith(':=', offset)) {
      this.#at += 2;
      return { kind: ':=', offset };
    }
    const token = this.#literal(offset) ?? this.#name(offset);
    if (token === undefined) throw this.#error(`unexpected ${JSON.stringify(character)}`);
    this.#requireBreak();
    return token;
  }

  #field(offset: number): Token {
    this.#at++;
    const name = this.#match(NAME);
    if (this.#text[this.#at] === '.') throw this.#error(`.${name ?? ''} has no fields of its own`);
    this.#requireBreak();
    return name === undefined ? { kind: '.', offset } : { kind: 'field', text: name, offset };
  }

  #variable(offset: number): Token {
    this.#at++;
    const text = this.#match(NAME) ?? '';
    let field: string | undefined;
    if (this.#text[this.#at] === '.') {
      this.#at++;
      field = this.#match(NAME);
      if (field === undefined || this.#text[this.#at] === '.') throw this.#error(`a field must follow $${text}.`);
    }
    if (!this.#text.startsWith(':=', this.#at)) this.#requireBreak();
    return { kind: 'variable', text, field, offset };
  }

  #name(offset: number): Token | undefined {
    const name = this.#match(NAME);
    return name === undefined ? undefined : { kind: 'name', text: name, offset };
  }

  #literal(offset: number): Token | undefined {
    const raw = this.#match(RAW);
    if (raw !== undefined) return { kind: 'string', text: raw.slice(1, -1).replaceAll('\r', ''), offset };
    const quoted = this.#match(QUOTED);
    if (quoted !== undefined) return { kind: 'string', text: this.#unescape(quoted.slice(1, -1), offset + 1), offset };
    const character = this.#match(CHARACTER);
    if (character !== undefined) {
      const [only = '', ...more] = this.#unescape(character.slice(1, -1), offset + 1);
      if (more.length > 0) throw this.#error('single quotes are for one character; use double quotes', offset);
      return { kind: 'number', value: BigInt(only.codePointAt(0) ?? 0), offset };
    }
    if ('"`\''.includes(this.#text.charAt(offset))) throw this.#error('this quote is not closed', offset);
    const number = this.#match(NUMBER);
    return number === undefined ? undefined : { kind: 'number', value: this.#integer(number, offset), offset };
  }

  #integer(literal: string, offset: number): bigint {
    const negative = literal.startsWith('-');
    // An underscore stands between two digits, or between the prefix and a digit.
    if (/_(?![0-9a-fA-F])/.test(literal))
      throw this.#error('an underscore in a number must be followed by a digit', offset);
    const digits = literal.replace(/^[+-]/, '').replaceAll('_', '');
    const value = wholeNumber(/^0\d/.test(digits) ? `0o${digits.slice(1)}` : digits);
    const signed = value !== undefined && negative ? -value : value;
    if (signed === undefined || BigInt.asIntN(64, signed) !== signed)
      throw this.#error('this is not a whole number that can be used here', offset);
    return signed;
  }

  #unescape(text: string, offset: number): string {
    return text.replace(
      ESCAPE,
      (whole: string, simple?: string, x?: string, u?: string, long?: string, octal?: string, index = 0) => {
        if (simple !== undefined) return SIMPLE_ESCAPES[simple] ?? simple;
        const hex = x ?? u ?? long;
        const code = hex === undefined ? Number.parseInt(octal ?? '', 8) : Number.parseInt(hex, 16);
        if (!(code <= 0x10ffff) || (code >= 0xd800 && code <= 0xdfff))
          throw this.#error(`unknown escape ${whole}`, offset + Number(index));
        return String.fromCodePoint(code);
      },
    );
  }

  /** An operand ends at a space, a pipe, a closing parenthesis or the action's end, as in Go. */
  #requireBreak(): void {
    const next = this.#text.charAt(this.#at);
    if (next === '' || ' \t\r\n|)'.includes(next) || this.#text.startsWith('}}', this.#at)) return;
    if (next === '.') throw this.#error('only whole numbers and fields like .RoleName are allowed here');
    throw this.#error(`unexpected ${JSON.stringify(next)}; put a space in front of the next argument`);
  }
}
