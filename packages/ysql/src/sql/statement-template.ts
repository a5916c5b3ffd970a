import { CofferError, isCofferError } from '@coffer/base';
import type { StatementPurpose } from '@coffer/database-plugin';
import { placeholdersIn, refuseUnknown } from './placeholders.ts';
import { MARK, namesUser, type PlaceholderValues, readTokens, renderTokens } from './render.ts';
import { clipName } from './role-name.ts';
import { splitStatements } from './statements.ts';
import { type Token, tokenize } from './tokenizer.ts';

/** What a statement does, going by its first words. */
export type StatementKind =
  /** Only creates a role. No two such statements touch the same row. */
  | 'create-role'
  /** Changes a role, and no row but that role's own. */
  | 'alter-role'
  | 'grant'
  | 'revoke'
  /** DROP ROLE, DROP OWNED, REASSIGN OWNED. */
  | 'drop'
  | 'other';

export interface RenderedStatement {
  readonly sql: string;
  readonly kind: StatementKind;
  /** Something it names is looked up along the search path. */
  readonly usesPath: boolean;
  /** It mentions the user, so it may be the statement that creates it. */
  readonly namesUser: boolean;
  /** It creates the user, who can log in, and fails if a role of that name already exists. */
  readonly makesUser: boolean;
}

/** One statement of a role, read once for all of the role's users. */
interface StatementTemplate {
  readonly what: Omit<RenderedStatement, 'sql'>;
  /** With the placeholders marked. */
  readonly tokens: readonly Token[];
  /** See `placeholdersIn`. */
  readonly placeholders: readonly string[];
}

/** What is accepted wherever a placeholder may stand. */
const HARMLESS: PlaceholderValues = { name: 'a', username: 'a', password: 'a', expiration: 'a' };

/**
 * Refuses what can never run.
 *
 * @throws CofferError `invalid-request` for an unknown placeholder, COPY from the client, and whatever `readTokens` and, with
 *   every value, `renderTokens` refuse
 */
export function checkStatements(purpose: StatementPurpose, elements: readonly string[]): void {
  const templates = templatesOf(elements);
  refuseUnknownIn(purpose, templates);
  render(templates, HARMLESS);
}

function refuseUnknownIn(purpose: StatementPurpose, templates: readonly StatementTemplate[]): void {
  for (const { placeholders } of templates) refuseUnknown(purpose, placeholders);
}

/**
 * {@link renderStatements}, when there is no unknown placeholder in them.
 *
 * @throws CofferError `invalid-request`
 */
export function renderStatementsFor(
  purpose: StatementPurpose,
  elements: readonly string[],
  values: PlaceholderValues,
): readonly RenderedStatement[] {
  try {
    const templates = templatesOf(elements);
    refuseUnknownIn(purpose, templates);
    return render(templates, values);
  } catch (error) {
    if (!isCofferError(error, 'invalid-request')) throw error;
    throw new CofferError(error.code, `${purpose}_statements: ${error.message}`);
  }
}

/**
 * The individual statements in a role's list (see {@link splitStatements}), with the placeholders filled in.
 *
 * @throws CofferError `invalid-request` for COPY from the client, and for whatever `readTokens` and `renderTokens` refuse
 */
export function renderStatements(elements: readonly string[], values: PlaceholderValues): readonly RenderedStatement[] {
  return render(templatesOf(elements), values);
}

function render(templates: readonly StatementTemplate[], values: PlaceholderValues): readonly RenderedStatement[] {
  return templates.map(({ tokens, what }) => ({ ...what, sql: renderTokens(tokens, values) }));
}

/** How many roles' statements stay parsed. A host has a few roles, and sends their statements again for every user. */
const KEPT = 64;
const KEPT_LENGTH = 16_384;
const kept = new Map<string, readonly StatementTemplate[]>();

function templatesOf(elements: readonly string[]): readonly StatementTemplate[] {
  const key = JSON.stringify(elements);
  const known = kept.get(key);
  if (known !== undefined) return known;
  const templates = splitStatements(elements).map(readTemplate);
  if (key.length > KEPT_LENGTH) return templates;
  const [oldest] = kept.keys();
  if (kept.size >= KEPT && oldest !== undefined) kept.delete(oldest);
  kept.set(key, templates);
  return templates;
}

function readTemplate(template: string): StatementTemplate {
  const tokens = readTokens(template);
  const significant = tokens.filter(({ kind }) => kind !== 'space' && kind !== 'comment');
  refuseCopy(significant);
  const kind = kindOf(significant);
  return {
    tokens,
    placeholders: placeholdersIn(template),
    what: {
      kind,
      usesPath: usesPath(kind, significant),
      namesUser: namesUser(template),
      makesUser: kind === 'create-role' && isUser(significant[2]) && givesLogin(wordsOf(significant)),
    },
  };
}

/** The server would wait for data, and take our next statement for it. To the server `FROM STDOUT` means the same. */
function refuseCopy(significant: readonly Token[]): void {
  const words = significant.map((token) => (token.kind === 'word' ? token.text.toUpperCase() : ''));
  if (words[0] !== 'COPY' || !words.some((word, at) => word === 'FROM' && /^STD(IN|OUT)$/.test(words[at + 1] ?? ''))) {
    return;
  }
  throw new CofferError(
    'invalid-request',
    'SQL statement: COPY ... FROM STDIN has no place here: nobody sends the data',
  );
}

/** Databases, schemas and roles are in no schema. ALTER ROLE ... SET may need the path to read or check its value. */
function usesPath(kind: StatementKind, significant: readonly Token[]): boolean {
  const words = significant.map((token) => (token.kind === 'word' ? token.text.toUpperCase() : '.'));
  if (kind === 'alter-role') return words.includes('SET');
  if (kind === 'grant' || kind === 'revoke') {
    const on = words.indexOf('ON');
    return on >= 0 && !['DATABASE', 'SCHEMA', 'TABLESPACE'].includes(words[on + 1] ?? '');
  }
  return kind === 'other';
}

/** Only a name in quotes is taken literally; the server folds any other to lower case. */
function isUser(token: Token | undefined): boolean {
  return token?.kind === 'identifier' && [`"${MARK}name${MARK}"`, `"${MARK}username${MARK}"`].includes(token.text);
}

const UNTIL_EXPIRATION = `'${MARK}expiration${MARK}'`;
/** Words that a name comes behind, or a list of names. A role may be called `login`. */
const BEFORE_NAMES = ['ROLE', 'GROUP', 'USER', 'ADMIN', ','];

function wordsOf(significant: readonly Token[]): readonly string[] {
  return significant.map(({ kind, text }) => (kind === 'word' ? text.toUpperCase() : text));
}

/** CREATE USER is CREATE ROLE ... LOGIN. */
function givesLogin(words: readonly string[]): boolean {
  const has = (option: string): boolean =>
    words.some((word, at) => at > 2 && word === option && !BEFORE_NAMES.includes(words[at - 1] ?? ''));
  return !has('NOLOGIN') && (words[1] === 'USER' || has('LOGIN')) && !mayBeBarred(words);
}

/** An end that may have passed already, or no connection allowed. */
function mayBeBarred(words: readonly string[]): boolean {
  const follows = (word: string): string | undefined =>
    words.includes(word) ? words[words.indexOf(word) + 1] : undefined;
  const until = follows('UNTIL') ?? UNTIL_EXPIRATION;
  return (until !== UNTIL_EXPIRATION && until !== "'infinity'") || follows('LIMIT') === '0';
}

/**
 * The role that a statement creates, as the server stores its name. Undefined for a statement that creates none, and for a name
 * in U&"...".
 */
export function roleCreatedBy({ kind, sql }: RenderedStatement): string | undefined {
  if (kind !== 'create-role') return undefined;
  const name = tokenize(sql).filter((token) => token.kind !== 'space' && token.kind !== 'comment')[2];
  if (name?.kind === 'word') return clipName(name.text.replace(/[A-Z]/g, (letter) => letter.toLowerCase()));
  return name?.kind === 'identifier' ? clipName(name.text.slice(1, -1).replaceAll('""', '"')) : undefined;
}

function kindOf(significant: readonly Token[]): StatementKind {
  const [first, second, third] = significant.map((token) => (token.kind === 'word' ? token.text.toUpperCase() : ''));
  if (first === 'GRANT') return 'grant';
  if (first === 'REVOKE') return 'revoke';
  if (second === 'OWNED' && (first === 'DROP' || first === 'REASSIGN')) return 'drop';
  if ((second !== 'ROLE' && second !== 'USER') || third === 'MAPPING') return 'other';
  if (first === 'CREATE') return 'create-role';
  if (first === 'DROP') return 'drop';
  return first === 'ALTER' ? 'alter-role' : 'other';
}
