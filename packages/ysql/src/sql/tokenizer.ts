import { CofferError } from '@coffer/base';

/**
 * The parts of SQL text that decide where a statement ends and how a value must be escaped:
 *
 * `string` is '...' without backslash escapes, `escape-string` is E'...' or U&'...', `identifier` is "...",
 * `escape-identifier` is U&"...", `dollar` is $tag$...$tag$, `comment` is either kind of comment, `word` is an unquoted name or
 * keyword, and `other` is anything else, one character at a time.
 */
export type TokenKind =
  | 'string'
  | 'escape-string'
  | 'identifier'
  | 'escape-identifier'
  | 'dollar'
  | 'comment'
  | 'word'
  | 'space'
  | 'other';

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
}

// Runs of plain characters are loops of their own: with one alternative per character the regular expression would use stack
// for each of them, and literals may be megabytes long.
const ESCAPED = String.raw`'[^'\\]*(?:(?:\\[\s\S]|'')[^'\\]*)*'`;
const PLAIN = `'[^']*(?:''[^']*)*'`;

const PATTERNS: readonly (readonly [TokenKind, RegExp])[] = [
  // What PostgreSQL takes for space. Anything else, such as a no-break space, is a letter to it.
  ['space', /[ \t\n\r\f\v]+/y],
  ['comment', /--[^\r\n]*/y],
  ['escape-string', new RegExp(`[eE]${ESCAPED}`, 'y')],
  ['escape-string', new RegExp(`[uU]&${PLAIN}`, 'y')],
  ['escape-identifier', /[uU]&"[^"]*(?:""[^"]*)*"/y],
  // N'...', B'...' and X'...' read as plain strings: they have no backslash escapes either.
  ['string', new RegExp(`[nNbBxX]?${PLAIN}`, 'y')],
  ['identifier', /"[^"]*(?:""[^"]*)*"/y],
  ['dollar', /(\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$)[\s\S]*?\1/y],
  // A name may hold $, so the $$ of a$$ starts no quote.
  ['word', /(?!(?:[eEnNbBxX]'|[uU]&['"]))[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y],
];
/** A literal that continues the one before it, and is of the same kind. */
const CONTINUED_ESCAPED = new RegExp(ESCAPED, 'y');
const CONTINUED_UNICODE = new RegExp(PLAIN, 'y');
const UNTERMINATED = /(?:[eEuUnNbBxX]&?)?'|"|\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$|\/\*/y;

/**
 * Splits SQL into tokens. Their texts, joined, are the input again.
 *
 * @throws CofferError `invalid-request` for a quote or comment that is never closed
 */
export function tokenize(sql: string): Token[] {
  const tokens: Token[] = [];
  const literal = new Continuation();
  let at = 0;
  while (at < sql.length) {
    const token = literal.read(sql, at) ?? blockComment(sql, at) ?? matchAt(sql, at);
    literal.see(token);
    tokens.push(token);
    at += token.text.length;
  }
  return tokens;
}

/**
 * In SQL a quote that follows a literal and a newline continues that literal: in E'a'<newline>'b' the second part has
 * backslash escapes, too. Line comments may come between them, block comments may not (postgres:src/backend/parser/scan.l,
 * quotecontinue).
 */
class Continuation {
  #pattern: RegExp | undefined;
  #newline = false;

  see({ kind, text }: Token): void {
    if (kind === 'escape-string') {
      // A continuation does not say what kind of literal it continues.
      if (/^[eE]/.test(text)) this.#pattern = CONTINUED_ESCAPED;
      else if (/^[uU]/.test(text)) this.#pattern = CONTINUED_UNICODE;
      this.#newline = false;
    } else if (kind === 'space') this.#newline ||= /[\r\n]/.test(text);
    else if (kind !== 'comment' || text.startsWith('/*')) this.#pattern = undefined;
  }

  read(sql: string, at: number): Token | undefined {
    if (this.#pattern === undefined || !this.#newline || sql[at] !== "'") return undefined;
    this.#pattern.lastIndex = at;
    const text = this.#pattern.exec(sql)?.[0];
    return text === undefined ? undefined : { kind: 'escape-string', text };
  }
}

function matchAt(sql: string, at: number): Token {
  for (const [kind, pattern] of PATTERNS) {
    pattern.lastIndex = at;
    const match = pattern.exec(sql);
    if (match !== null) return { kind, text: match[0] };
  }
  UNTERMINATED.lastIndex = at;
  if (UNTERMINATED.test(sql)) {
    throw new CofferError(
      'invalid-request',
      `SQL statement: the quote or comment that starts at character ${at + 1} has no end`,
    );
  }
  return { kind: 'other', text: sql[at] ?? '' };
}

/** Block comments nest, which a regular expression cannot follow. */
function blockComment(sql: string, start: number): Token | undefined {
  if (!sql.startsWith('/*', start)) return undefined;
  let depth = 0;
  for (let at = start; at < sql.length; at++) {
    if (sql.startsWith('/*', at)) depth++;
    else if (sql.startsWith('*/', at)) depth--;
    else continue;
    at++;
    if (depth === 0) return { kind: 'comment', text: sql.slice(start, at + 1) };
  }
  return undefined;
}

/**
 * Splits SQL into statements without their semicolons, leaving out those that are nothing but space and comments. As in psql
 * (postgres:src/fe_utils/psqlscan.l), a semicolon in parentheses (CREATE RULE) or in the body of a SQL-standard routine
 * (BEGIN ATOMIC ... END) does not end a statement.
 */
export function splitSql(sql: string): string[] {
  const statements: string[] = [];
  let current: Token[] = [];
  let body = new RoutineBody();
  const finish = (): void => {
    if (current.some((token) => token.kind !== 'space' && token.kind !== 'comment')) {
      statements.push(withoutOuterSpace(current));
    }
    current = [];
    body = new RoutineBody();
  };
  for (const token of tokenize(sql)) {
    body.see(token);
    if (token.text === ';' && !body.open) finish();
    else current.push(token);
  }
  finish();
  return statements;
}

/** What PostgreSQL takes for space, and not `trim()`: a no-break space is a letter of a name to it. */
function withoutOuterSpace(tokens: readonly Token[]): string {
  const inner = tokens.slice(
    tokens.findIndex(({ kind }) => kind !== 'space'),
    tokens.findLastIndex(({ kind }) => kind !== 'space') + 1,
  );
  return inner.map(({ text }) => text).join('');
}

class RoutineBody {
  #parentheses = 0;
  #blocks = 0;
  readonly #start: string[] = [];

  get open(): boolean {
    return this.#parentheses > 0 || this.#blocks > 0;
  }

  see(token: Token): void {
    if (token.text === '(') this.#parentheses++;
    else if (token.text === ')') this.#parentheses = Math.max(0, this.#parentheses - 1);
    if (token.kind !== 'word' || this.#parentheses > 0) return;
    const word = token.text.toUpperCase();
    if (this.#start.length < 4) this.#start.push(word);
    if (!/^CREATE (OR REPLACE )?(FUNCTION|PROCEDURE)\b/.test(this.#start.join(' '))) return;
    if (word === 'BEGIN' || (word === 'CASE' && this.#blocks > 0)) this.#blocks++;
    else if (word === 'END' && this.#blocks > 0) this.#blocks--;
  }
}
