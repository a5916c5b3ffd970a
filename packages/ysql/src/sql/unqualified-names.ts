import { splitSql, tokenize } from './tokenizer.ts';

/** What takes parentheses and is no function of a schema; `R` is a table's alias with its columns: `AS r (name, oid)`. */
const NO_FUNCTION = new Set(['IN', 'ARRAY', 'VALUES', 'EXISTS', 'WHERE', 'NOT', 'FROM', 'LATERAL', 'FILTER', 'R']);
const NO_TABLE = new Set(['LATERAL', '(', 'PG_CATALOG']);

/**
 * For tests: functions that are called, tables that are read and types that are named without a schema by the SELECTs of an
 * SQL text. Knows no more of SQL than ours has.
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
