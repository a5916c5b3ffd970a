/**
 * Makes session statements local to a node, as they are in YugabyteDB (yugabyte/yugabyte-db issues 13966 and 13967):
 * `pg_stat_activity` (and the function behind it, `pg_stat_get_activity(NULL)`) shows and `pg_terminate_backend` ends only
 * the server processes `pids`.
 *
 * By text: `FROM`, `JOIN` or a comma before `pg_stat_activity`, with or without alias; every call of
 * `pg_terminate_backend`. Strings and comments that look the same are rewritten too, and other views of sessions
 * (pg_locks, pg_stat_ssl) are not.
 */
export function nodeLocal(sql: string, pids: readonly number[]): string {
  const list = `'{${pids.join(',')}}'::int4[]`;
  return terminateOnly(showOnly(sql, list), list);
}

const ACTIVITY =
  /(\bFROM|\bJOIN|,)(\s+)(?:pg_catalog\.)?pg_stat_(?:activity\b(?!\.)|get_activity\(NULL\))(\s+(?:AS\s+)?(\w+))?/gi;
/** Words that may follow a table without alias. */
const NO_ALIAS =
  /^(?:cross|except|fetch|for|full|group|having|inner|intersect|join|left|limit|natural|offset|on|order|right|tablesample|union|using|where|window)$/i;

function showOnly(sql: string, list: string): string {
  return sql.replace(ACTIVITY, (_all, before: string, space: string, after = '', alias?: string) => {
    const rows = `(SELECT * FROM pg_catalog.pg_stat_activity WHERE pid = ANY(${list}))`;
    const aliased = alias !== undefined && !NO_ALIAS.test(alias);
    return `${before}${space}${rows}${aliased ? after : ` AS pg_stat_activity${after}`}`;
  });
}

const TERMINATE = /(?:\bpg_catalog\.)?\bpg_terminate_backend\s*\(/i;
/** No process has this number (Linux: 2^22 at most), so the server warns and returns false, as for one elsewhere. */
const NOBODY = 2_147_483_647;

function terminateOnly(sql: string, list: string): string {
  const call = TERMINATE.exec(sql);
  if (call === null) return sql;
  const from = call.index + call[0].length;
  const { end, comma } = argumentsFrom(sql, from);
  const pid = sql.slice(from, comma ?? end);
  const others = comma === undefined ? '' : sql.slice(comma, end);
  const local = `CASE WHEN (${pid}) = ANY(${list}) THEN (${pid}) ELSE ${NOBODY} END`;
  return `${sql.slice(0, call.index)}pg_catalog.pg_terminate_backend(${local}${others}${terminateOnly(sql.slice(end), list)}`;
}

/** Offsets of the parenthesis that closes the argument list opened before `from`, and of its first comma. */
function argumentsFrom(sql: string, from: number): { end: number; comma: number | undefined } {
  let depth = 0;
  let comma: number | undefined;
  for (let at = from; at < sql.length; at++) {
    const character = sql[at];
    if (character === "'" || character === '"') {
      const close = sql.indexOf(character, at + 1);
      at = close === -1 ? sql.length : close;
    } else if (character === '(') depth += 1;
    else if (character === ')' && depth-- === 0) return { end: at, comma };
    else if (character === ',' && depth === 0) comma ??= at;
  }
  return { end: sql.length, comma };
}
