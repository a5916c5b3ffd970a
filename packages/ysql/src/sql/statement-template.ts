import { CofferError } from '@coffer/base';
import { MARK, namesUser, type PlaceholderValues, readTokens, renderTokens } from './render.ts';
import { splitStatements } from './statements.ts';
import type { Token } from './tokenizer.ts';

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
  /** It creates the user, and fails if a role of that name already exists. */
  readonly makesUser: boolean;
}

/** One statement of a role, read once for all of the role's users. */
interface StatementTemplate extends Omit<RenderedStatement, 'sql'> {
  /** With the placeholders marked. */
  readonly tokens: readonly Token[];
}

/**
 * The individual statements in a role's list (see {@link splitStatements}), with the placeholders filled in.
 *
 * @throws CofferError `invalid-request` for COPY from the client, and for whatever `readTokens` and `renderTokens` refuse
 */
export function renderStatements(elements: readonly string[], values: PlaceholderValues): readonly RenderedStatement[] {
  return templatesOf(elements).map(({ tokens, ...what }) => ({ ...what, sql: renderTokens(tokens, values) }));
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
    kind,
    usesPath: usesPath(kind, significant),
    namesUser: namesUser(template),
    makesUser: kind === 'create-role' && isUser(significant[2]),
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
