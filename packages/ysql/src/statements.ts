import { splitSql, tokenize } from './tokenizer.ts';

/**
 * The single statements in a list as a role keeps it. An element may hold several statements, and may be given as the
 * JSON text of a list or in base64, as Vault takes them (hashicorp/go-secure-stdlib:strutil ParseArbitraryStringSlice).
 *
 * @throws CofferError `invalid-request` for a quote or comment without end
 */
export function splitStatements(elements: readonly string[]): string[] {
  return elements.flatMap((element) => expand(element).flatMap(splitSql));
}

function expand(element: string): readonly string[] {
  const text = element.trim();
  return parseList(text) ?? expandBase64(text) ?? [text];
}

function expandBase64(text: string): readonly string[] | undefined {
  if (text.length < 8 || text.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  const decoded = Buffer.from(text, 'base64');
  const sql = decoded.toString('utf8');
  // Every SQL statement worth encoding has a space; a bare keyword that happens to be base64 decodes to noise.
  if (!Buffer.from(sql, 'utf8').equals(decoded) || !/^[\P{Cc}\s]*$/u.test(sql) || !/\s/.test(sql)) return undefined;
  return parseList(sql.trim()) ?? [sql];
}

function parseList(text: string): readonly string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) && list.every((entry): entry is string => typeof entry === 'string') ? list : undefined;
  } catch {
    return undefined;
  }
}

/** The leading keywords of a statement, upper case: `CREATE ROLE`, `GRANT ALL`. */
function leadingWords(statement: string, count: number): string {
  const words: string[] = [];
  for (const token of tokenize(statement)) {
    if (token.kind === 'space' || token.kind === 'comment') continue;
    if (token.kind !== 'word' || words.length === count) break;
    words.push(token.text.toUpperCase());
  }
  return words.slice(0, count).join(' ');
}

/** Whether a statement only makes a role: such statements touch no row that another one touches. */
export function createsRole(statement: string): boolean {
  return /^CREATE (ROLE|USER)\b(?! MAPPING\b)/.test(leadingWords(statement, 3));
}

/** Whether a statement makes the role `name` and fails when there is one already. */
export function createsNamedRole(statement: string, name: string): boolean {
  if (!createsRole(statement)) return false;
  const [, , third] = tokenize(statement).filter((token) => token.kind !== 'space' && token.kind !== 'comment');
  if (third?.kind === 'identifier') return third.text.slice(1, -1).replaceAll('""', '"') === name;
  return third?.kind === 'word' && third.text.toLowerCase() === name;
}

/** Whether a statement changes a role: no row but that role's own. */
export function changesOneRole(statement: string): boolean {
  return /^ALTER (ROLE|USER)\b(?! MAPPING\b)/.test(leadingWords(statement, 3));
}

export function isGrant(statement: string): boolean {
  return leadingWords(statement, 1) === 'GRANT';
}

/** What is safe beside a neighbour's statements: no backslash, of which the server may think otherwise than we do. */
export function isPlain(statement: string): boolean {
  return (createsRole(statement) || isGrant(statement)) && !statement.includes('\\');
}
