import { splitSql, tokenize } from './tokenizer.ts';

/** What takes parentheses but is not a function in a schema. `R` is a table alias with columns: `AS r (name, oid)`. */
const NO_FUNCTION = new Set(['IN', 'ARRAY', 'VALUES', 'EXISTS', 'WHERE', 'NOT', 'FROM', 'LATERAL', 'FILTER', 'R']);
const NO_TABLE = new Set(['LATERAL', '(', 'PG_CATALOG']);

/**
 * For tests: the functions, tables and types that the SELECTs in a piece of SQL name without a schema. Knows no more SQL than
 * we write.
 */
export function unqualified(sql: string): readonly string[] {
  return splitSql(sql).flatMap(unqualifiedIn);
}

function unqualifiedIn(statement: string): readonly string[] {
  const tokens = tokenize(statement).filter(({ kind }) => kind !== 'space' && kind !== 'comment');
  const text = (at: number): string => tokens[at]?.text ?? '';
  const word = (at: number): string => text(at).toUpperCase();
  if (word(0) !== 'SELECT') return [];
  const found: string[] = [];
  for (const [at, { kind }] of tokens.entries()) {
    const called = kind === 'word' && text(at + 1) === '(' && text(at - 1) !== '.';
    if (called && !NO_FUNCTION.has(word(at))) found.push(`${text(at)}()`);
    const read = word(at) === 'FROM' || word(at) === 'JOIN';
    if (read && !NO_TABLE.has(word(at + 1))) found.push(`${word(at)} ${text(at + 1)}`);
    const cast = text(at) === ':' && text(at + 1) === ':';
    if (cast && word(at + 2) !== 'PG_CATALOG') found.push(`::${text(at + 2)}`);
  }
  return found;
}
