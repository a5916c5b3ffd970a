import { CofferError } from '@coffer/base';
import pg from 'pg';
import { type Token, tokenize } from './tokenizer.ts';

export const PLACEHOLDERS = ['name', 'username', 'password', 'expiration'] as const;
export type Placeholder = (typeof PLACEHOLDERS)[number];
export type PlaceholderValues = Readonly<Partial<Record<Placeholder, string>>>;

/**
 * What may stand outside quotes without changing a statement: a plain name, a number, a time. Signs must be single and on the
 * inside, because two of them start a comment.
 */
const SAFE_BARE = /^[\w:.]+(?:[+-][\w:.]+)*$/;
const PLACEHOLDER = /\{\{(name|username|password|expiration)\}\}/g;

/**
 * Fills in the placeholders of one SQL statement in a single pass, so a value that looks like a placeholder is left as it is.
 * Each value is escaped for the place its placeholder is in: a literal, a quoted identifier, or the text of a dollar-quoted
 * block (which is itself read as SQL). Comments are left alone.
 *
 * @throws CofferError `invalid-request` when a placeholder has no value, or has one that cannot go where the placeholder is;
 *   a password may only go in quotes
 */
export function renderStatement(template: string, values: PlaceholderValues): string {
  return renderTokens(readTokens(template), values);
}

/**
 * The tokens of a template, with its placeholders marked, for {@link renderTokens}.
 *
 * @throws CofferError `invalid-request` for a quote or comment that is never closed, a NUL character, or a password outside
 *   quotes
 */
export function readTokens(template: string): readonly Token[] {
  if (template.includes('\0')) {
    throw new CofferError(
      'invalid-request',
      'SQL statement: it contains a NUL character, which PostgreSQL does not accept',
    );
  }
  const tokens = tokenize(withMarks(template));
  refuseBarePassword(tokens);
  return tokens;
}

/** The server's error message would repeat whatever part of it looks like a word. */
function refuseBarePassword(tokens: readonly Token[]): void {
  if (!tokens.some(({ kind, text }) => kind === 'word' && text.includes(`${MARK}password${MARK}`))) return;
  throw new CofferError('invalid-request', "SQL statement: {{password}} is outside quotes; write '{{password}}'");
}

/** Whether a statement mentions the user. Only one that does can create it. */
export function namesUser(template: string): boolean {
  return /\{\{(name|username)\}\}/.test(template);
}

// The tokenizer would cut a bare {{name}} into single characters; marked, it is one word. U+E000 is a private-use character,
// so no real name contains it.
export const MARK = '\uE000';
const MARKED = new RegExp(`${MARK}(name|username|password|expiration)${MARK}`, 'g');

function withMarks(template: string): string {
  return template.replaceAll(MARK, '').replace(PLACEHOLDER, (_, name: string) => `${MARK}${name}${MARK}`);
}

/**
 * {@link renderStatement} for a template that has already been read.
 *
 * @throws CofferError `invalid-request`
 */
export function renderTokens(tokens: readonly Token[], values: PlaceholderValues): string {
  refuseOwnEscapes(tokens);
  const strings = renderStrings(tokens, values);
  const rendered = tokens.flatMap((token, at) => renderToken(token, tokens[at - 1], strings, values));
  const text = rendered.map((token) => token.text).join('');
  // A value outside quotes may still change how what is next to it reads: `E` right before a quote is no name.
  if (!tokens.some(holdsBareMark)) return text;
  if (quotesOf(rendered) === quotesOf(tokenize(text))) return text;
  throw new CofferError(
    'invalid-request',
    'SQL statement: the value of a placeholder outside quotes would change the text next to it; put quotes around the placeholder',
  );
}

/** With UESCAPE a statement picks its own escape character, but we escape values for a backslash. */
function refuseOwnEscapes(tokens: readonly Token[]): void {
  if (!tokens.some(({ kind, text }) => kind === 'word' && text.toUpperCase() === 'UESCAPE')) return;
  if (!tokens.some(({ kind, text }) => kind.startsWith('escape-') && /^u/i.test(text) && text.includes(MARK))) return;
  throw new CofferError(
    'invalid-request',
    'SQL statement: a placeholder cannot be used in U&"..." or U&\'...\' with UESCAPE; leave both out, and write "{{name}}" or \'{{name}}\'',
  );
}

function holdsBareMark({ kind, text }: Token): boolean {
  return (kind === 'word' || kind === 'space' || kind === 'other') && text.includes(MARK);
}

/** The quotes and comments in order: the kind of each, with the letter before its quote. */
function quotesOf(tokens: readonly Token[]): string {
  const quotes = tokens.filter(({ kind }) => kind !== 'word' && kind !== 'space' && kind !== 'other');
  return quotes.map(({ kind, text }) => `${kind}:${/^[a-z]?/i.exec(text)?.[0] ?? ''}`).join(' ');
}

/** The literals, each in its parts: a quote after a newline continues the literal before it (see `tokenizer.ts`). */
function literalsOf(tokens: readonly Token[]): readonly (readonly Token[])[] {
  const literals: Token[][] = [];
  let open: Token[] | undefined;
  let newline = false;
  for (const token of tokens) {
    if (token.kind === 'string' && open !== undefined && newline && token.text.startsWith("'")) open.push(token);
    else if (token.kind === 'string') literals.push((open = [token]));
    else if (token.kind === 'space') newline ||= /[\r\n]/.test(token.text);
    else if (token.kind !== 'comment' || token.text.startsWith('/*')) open = undefined;
    if (token.kind === 'string') newline = false;
  }
  return literals;
}

/**
 * Literals, rendered. One in which a value has a backslash becomes E'...', so that it reads the same whatever
 * standard_conforming_strings is by then: an earlier statement of the role may have turned it off.
 */
function renderStrings(tokens: readonly Token[], values: PlaceholderValues): ReadonlyMap<Token, readonly Token[]> {
  const rendered = new Map<Token, readonly Token[]>();
  for (const literal of literalsOf(tokens)) {
    const filled = literal.map(({ text }) => fill(text, values, (value) => value.replaceAll("'", "''")));
    // B'...' and X'...' never have escapes.
    const escaped = literal.some((token) => token.text.includes(MARK)) && !/^[bx]/i.test(filled[0] ?? '');
    const convert = escaped && filled.some((text) => text.includes('\\'));
    for (const [at, token] of literal.entries()) {
      const text = filled[at] ?? '';
      rendered.set(token, convert ? escapeString(text, at === 0) : [{ ...token, text }]);
    }
  }
  return rendered;
}

function escapeString(text: string, first: boolean): readonly Token[] {
  const quoted = text.slice(text.indexOf("'")).replaceAll('\\', '\\\\');
  if (!first) return [{ kind: 'escape-string', text: quoted }];
  return [
    // N'...' is short for NCHAR '...'.
    ...(/^n/i.test(text)
      ? ([
          { kind: 'word', text: 'NCHAR' },
          { kind: 'space', text: ' ' },
        ] as const)
      : []),
    { kind: 'escape-string', text: `E${quoted}` },
  ];
}

function renderToken(
  token: Token,
  before: Token | undefined,
  strings: ReadonlyMap<Token, readonly Token[]>,
  values: PlaceholderValues,
): readonly Token[] {
  const string = strings.get(token);
  if (string === undefined)
    return token.text.includes(MARK) ? [{ ...token, text: renderText(token, values) }] : [token];
  // The E of a literal must not become a part of the word before it.
  const apart = string[0]?.kind !== 'string' && before?.kind === 'word' && !holdsBareMark(before);
  return apart ? [{ kind: 'space', text: ' ' }, ...string] : string;
}

function fill(text: string, values: PlaceholderValues, escape: (value: string, name: Placeholder) => string): string {
  return text.replace(MARKED, (_, name: Placeholder) => escape(valueOf(name, values), name));
}

function renderText(token: Token, values: PlaceholderValues): string {
  const filled = (escape: (value: string, name: Placeholder) => string): string => fill(token.text, values, escape);
  switch (token.kind) {
    case 'escape-string':
      return filled((value) => value.replaceAll('\\', '\\\\').replaceAll("'", "''"));
    case 'identifier':
      return filled((value) => value.replaceAll('"', '""'));
    case 'escape-identifier':
      return filled((value) => value.replaceAll('\\', '\\\\').replaceAll('"', '""'));
    case 'dollar':
      return renderDollar(token.text, values);
    case 'comment':
      return token.text.replace(MARKED, (_, name: string) => `{{${name}}}`);
    default:
      return filled(bare);
  }
}

function renderDollar(text: string, values: PlaceholderValues): string {
  const tag = /^\$[^$]*\$/.exec(text)?.[0] ?? '$$';
  if (tag.includes(MARK)) {
    throw new CofferError(
      'invalid-request',
      'SQL statement: a placeholder cannot be used in the tag of a dollar quote',
    );
  }
  const body = text.slice(tag.length, -tag.length);
  // No SQL is made of nothing but placeholders: a literal.
  const isLiteral = body !== '' && body.replace(MARKED, '') === '';
  const rendered = isLiteral ? fill(body, values, (value) => value) : renderBody(body, values);
  if (rendered !== body && (rendered + tag).indexOf(tag) < rendered.length) {
    throw new CofferError(
      'invalid-request',
      `SQL statement: a value contains the text ${tag}, which would end its quoted block`,
    );
  }
  return `${tag}${rendered}${tag}`;
}

/** A dollar-quoted block need not be SQL at all. If it is not, its placeholders are treated as bare. */
function renderBody(body: string, values: PlaceholderValues): string {
  let tokens: Token[];
  try {
    tokens = tokenize(body);
  } catch {
    return renderText({ kind: 'other', text: body }, values);
  }
  refuseBarePassword(tokens);
  return renderTokens(tokens, values);
}

function bare(value: string, name: Placeholder): string {
  if (SAFE_BARE.test(value)) return value;
  throw new CofferError(
    'invalid-request',
    `SQL statement: {{${name}}} is outside quotes, and its value has characters that are not safe there; write "{{${name}}}" or '{{${name}}}'`,
  );
}

function valueOf(name: Placeholder, values: PlaceholderValues): string {
  const value = values[name];
  if (value === undefined) {
    throw new CofferError('invalid-request', `SQL statement: {{${name}}} has no value in statements of this kind`);
  }
  if (value.includes('\0')) {
    throw new CofferError(
      'invalid-request',
      `SQL statement: the value of {{${name}}} contains a NUL character, which PostgreSQL does not accept`,
    );
  }
  return value;
}

/** A name, as a quoted identifier. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Values, as the list for `IN (...)`; safe whatever a backslash means to the server. */
export function quoteList(values: readonly string[]): string {
  // `pg` puts each together by its characters.
  return values.map((value) => (/['\\]/.test(value) ? pg.escapeLiteral(value) : `'${value}'`)).join(', ');
}

/** Values, as a parameter that is cast to `text[]`. */
export function textArray(values: readonly string[]): string {
  return `{${values.map((value) => `"${value.replaceAll(/["\\]/g, '\\$&')}"`).join(',')}}`;
}
