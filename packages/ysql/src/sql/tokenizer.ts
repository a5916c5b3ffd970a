import { CofferError } from '@coffer/base';

/**
 * The parts of SQL text that decide where a statement ends and how a value must be escaped:
 *
 * `string` '...' without backslash escapes; `escape-string` E'...' and U&'...'; `identifier` "..."; `escape-identifier`
 * U&"..."; `dollar` $tag$...$tag$; `comment` both kinds; `word` an unquoted name or keyword; `other` all the rest, in
 * single characters.
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

// Runs of plain characters are loops of their own: one alternative for each character would cost the regular expression
// stack for each, and literals may be megabytes long.
const ESCAPED = String.raw`'[^'\\]*(?:(?:\\[\s\S]|'')[^'\\]*)*'`;
const PLAIN = `'[^']*(?:''[^']*)*'`;

const PATTERNS: readonly (readonly [TokenKind, RegExp])[] = [
  // PostgreSQL's own space: others, such as a no-break space, are letters to it.
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
/** What goes on with the kind of the literal before it. */
const CONTINUED_ESCAPED = new RegExp(ESCAPED, 'y');
const CONTINUED_UNICODE = new RegExp(PLAIN, 'y');
const UNTERMINATED = /(?:[eEuUnNbBxX]&?)?'|"|\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$|\/\*/y;

/**
 * Splits SQL into tokens; their texts joined give the input.
 *
 * @throws CofferError `invalid-request` for a quote or comment without end
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
 * A quote after a literal and a newline goes on with that literal, as SQL has it: in E'a'<newline>'b' the second part has
 * backslash escapes, too. Line comments may stand between, block comments may not (postgres:src/backend/parser/scan.l,
 * quotecontinue).
 */
class Continuation {
  #pattern: RegExp | undefined;
  #newline = false;

  see({ kind, text }: Token): void {
    if (kind === 'escape-string') {
      // A part that goes on says nothing of its kind.
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

/** Block comments nest, which no regular expression follows. */
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
 * Splits SQL into statements, without their semicolons; statements of nothing but space and comments are left out.
 * Semicolons in parentheses (CREATE RULE) and in a SQL-standard routine body (BEGIN ATOMIC ... END) end nothing, as
 * psql has it (postgres:src/fe_utils/psqlscan.l).
 */
export function splitSql(sql: string): string[] {
  const statements: string[] = [];
  let current: Token[] = [];
  let body = new RoutineBody();
  const finish = (): void => {
    if (current.some((token) => token.kind !== 'space' && token.kind !== 'comment')) {
      statements.push(
        current
          .map((token) => token.text)
          .join('')
          .trim(),
      );
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
