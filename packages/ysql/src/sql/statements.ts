import { CofferError, parseBoundedJson } from '@coffer/base';
import { splitSql } from './tokenizer.ts';

/**
 * The individual statements in a role's list of them. An element may hold several statements, and may be base64 or the JSON
 * text of a list, as in Vault (hashicorp/go-secure-stdlib:strutil ParseArbitraryStringSlice).
 *
 * @throws CofferError `invalid-request` for a quote or comment that is never closed
 */
export function splitStatements(elements: readonly string[]): string[] {
  return elements.flatMap((element) => expand(element).flatMap(splitSql));
}

function expand(element: string): readonly string[] {
  const text = element.trim();
  return parseList(text) ?? expandBase64(text) ?? [element];
}

function expandBase64(text: string): readonly string[] | undefined {
  if (text.length < 8 || text.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  const decoded = Buffer.from(text, 'base64');
  const sql = decoded.toString('utf8');
  // Any SQL statement worth encoding has a space in it; a bare keyword that happens to be base64 decodes to noise.
  if (!Buffer.from(sql, 'utf8').equals(decoded) || !/^[\P{Cc}\s]*$/u.test(sql) || !/\s/.test(sql)) return undefined;
  return parseList(sql.trim()) ?? [sql];
}

function parseList(text: string): readonly string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  try {
    const list: unknown = parseBoundedJson(text);
    return Array.isArray(list) && list.every((entry): entry is string => typeof entry === 'string') ? list : undefined;
  } catch (error) {
    if (error instanceof CofferError) throw error;
    return undefined;
  }
}
