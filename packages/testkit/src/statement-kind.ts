/**
 * What the proxy must know of a statement: whether it ends a transaction block, and whether it is DDL. Each text holds
 * one statement.
 */

const LEADING_SPACE = /^(?:\s+|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)+/;
const DDL = new Set([
  ...['ALTER', 'COMMENT', 'CREATE', 'DROP', 'GRANT', 'IMPORT', 'REASSIGN', 'REFRESH', 'REINDEX', 'REVOKE'],
  ...['SECURITY', 'TRUNCATE'],
]);
const DDL_WITHIN = /\b(?:ALTER|COMMENT|CREATE|DROP|GRANT|REASSIGN|REVOKE|TRUNCATE)\b/i;

function firstWord(sql: string): string {
  return (/^[a-z]+/i.exec(sql.replace(LEADING_SPACE, ''))?.[0] ?? '').toUpperCase();
}

export function isCommit(sql: string): boolean {
  const word = firstWord(sql);
  return word === 'COMMIT' || word === 'END';
}

export function isLocalSetting(sql: string): boolean {
  return /^SET\s+LOCAL\s/i.test(sql.replace(LEADING_SPACE, ''));
}

/** DDL, or a DO block that contains some. */
export function isDdl(sql: string): boolean {
  const word = firstWord(sql);
  return DDL.has(word) || (word === 'DO' && DDL_WITHIN.test(sql));
}
