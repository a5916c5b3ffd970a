import { createHash } from 'node:crypto';
import type pg from 'pg';

/** How many a connection keeps: more than a store has, and not so many that texts which differ each time fill a server. */
const KEPT = 256;

/**
 * The statements that the server process of one connection has parsed and planned, each under a name. Most of what a short statement costs
 * the server is to parse and to plan it, on YugabyteDB more than on PostgreSQL, whose planner asks no other machine for the catalog.
 *
 * A name is made of the text, so that it means the same to whoever else has that process in turn through a pooler.
 */
export class PreparedStatements {
  /** By text, the one that was not used for longest first. */
  readonly #names = new Map<string, string>();

  /** The name of a statement, which is sent to be parsed if it is new. */
  use(connection: pg.Connection, sql: string): string {
    const known = this.#names.get(sql);
    const name = known ?? createHash('sha256').update(sql).digest('base64url').slice(0, 22);
    this.#names.delete(sql);
    this.#names.set(sql, name);
    if (known !== undefined) return name;
    // There may be one after all, since what is sent after a failure is skipped; to close none is no error.
    connection.close({ type: 'S', name }, true);
    connection.parse({ name, text: sql, types: [] }, true);
    const [oldest] = this.#names;
    if (this.#names.size > KEPT && oldest !== undefined) {
      connection.close({ type: 'S', name: oldest[1] }, true);
      this.#names.delete(oldest[0]);
    }
    return name;
  }

  /** After a failure nobody knows which of them the server has. */
  forget(texts: Iterable<string>): void {
    for (const sql of texts) this.#names.delete(sql);
  }
}
