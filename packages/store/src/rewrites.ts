import type { SqlStatement } from './store.ts';

/** With a plain name: one that is quoted, or of a schema, is read as some other form. */
const CHANGES = /^\s*(?:UPDATE|DELETE\s+FROM)\s+(?!OR\s)(\w+)(?![\w.])/i;
const INSERTS = /^\s*INSERT\s+INTO\s+(\w+)(?![\w.])/i;
const REPLACES = /\bDO\s+UPDATE\b/i;
const READS = /^\s*SELECT\b/i;
/** Texts that are remembered: those with lists of parameters are many. */
const MOST_TEXTS = 1_000;
/** What changes rows in some other form: it may be any table's. */
const ANY = '*';

/**
 * How often the rows of each table may have been changed or removed. Rows that are added leave the others as they are, and do not
 * count. A statement counts when it is sent and again when it is answered: what was read while the number stayed the same is what
 * is there.
 */
export class Rewrites {
  readonly #counts = new Map<string, number>();
  readonly #tables = new Map<string, string>();

  of(table: string): number {
    return (this.#counts.get(table) ?? 0) + (this.#counts.get(ANY) ?? 0);
  }

  count(statements: readonly SqlStatement[]): void {
    for (const { sql } of statements) {
      const table = this.#tableOf(sql);
      if (table !== '') this.#counts.set(table, (this.#counts.get(table) ?? 0) + 1);
    }
  }

  #tableOf(sql: string): string {
    const known = this.#tables.get(sql);
    if (known !== undefined) return known;
    const table = rewrittenBy(sql);
    if (this.#tables.size < MOST_TEXTS) this.#tables.set(sql, table);
    return table;
  }
}

/** Empty for a statement that only reads or adds. */
function rewrittenBy(sql: string): string {
  if (READS.test(sql)) return '';
  const changed = CHANGES.exec(sql)?.[1];
  if (changed !== undefined) return changed.toLowerCase();
  const into = INSERTS.exec(sql)?.[1];
  if (into === undefined) return ANY;
  return REPLACES.test(sql) ? into.toLowerCase() : '';
}
