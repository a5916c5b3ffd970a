import { closeSync, openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBase62 } from '@coffer/base';
import { ROWS_AT_ONCE } from './bulk.ts';
import { COPY_MARK } from './embedded-file.ts';
import type { BulkAccess, Run, SqlResult, SqlStatement, Store, TakeRows } from './store.ts';
import type { Table } from './tables.ts';

/** A message to the thread, without its number. */
export type BulkMessage =
  | { readonly within: readonly SqlStatement[] }
  | { readonly begin: true }
  | { readonly end: 'COMMIT' | 'ROLLBACK' }
  | { readonly copy: string };

/**
 * The thread has the only connection to its file, and serves requests over it. What is to be read as it was at one moment is
 * therefore copied first, page by page in between of them, and read from the copy.
 */
export class EmbeddedBulk implements BulkAccess {
  readonly #path: string;
  readonly #submit: (message: BulkMessage) => Promise<readonly SqlResult[]>;
  readonly #open: (options: { readonly path: string }) => Promise<Store>;
  /** One transaction of several messages, or one copy, at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(
    path: string,
    submit: (message: BulkMessage) => Promise<readonly SqlResult[]>,
    open: (options: { readonly path: string }) => Promise<Store>,
  ) {
    this.#path = path;
    this.#submit = submit;
    this.#open = open;
  }

  async dump(tables: readonly Table[], take: TakeRows): Promise<void> {
    const { file, remove } = await this.#placeForCopy();
    try {
      await this.#inTurn(() => this.#submit({ copy: file }));
      const copy = await this.#open({ path: file });
      try {
        for (const table of tables) await dumpTable(copy, table, take);
      } finally {
        await copy.close();
      }
    } finally {
      await remove();
    }
  }

  exclusively<T>(_tables: readonly Table[], work: (run: Run) => Promise<T>): Promise<T> {
    return this.#inTurn(() => this.#exclusively(work));
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async #exclusively<T>(work: (run: Run) => Promise<T>): Promise<T> {
    await this.#submit({ begin: true });
    let result: T;
    try {
      result = await work(async (sql, params = []) => {
        const [only] = await this.#submit({ within: [{ sql, params }] });
        return only ?? { rows: [], changes: 0 };
      });
    } catch (thrown) {
      await this.#submit({ end: 'ROLLBACK' }).catch(() => undefined);
      throw thrown;
    }
    await this.#submit({ end: 'COMMIT' });
    return result;
  }

  /** On the disk of the store, where its backups find room too, and readable by nobody else from its first byte on. */
  async #placeForCopy(): Promise<{ readonly file: string; readonly remove: () => Promise<void> }> {
    if (this.#path === ':memory:') {
      const directory = await mkdtemp(join(tmpdir(), 'coffer-copy-'));
      return { file: join(directory, 'copy.db'), remove: () => rm(directory, { recursive: true, force: true }) };
    }
    const file = `${this.#path}${COPY_MARK}${randomBase62(10)}`;
    closeSync(openSync(file, 'wx', 0o600));
    const remove = async (): Promise<void> => {
      for (const suffix of ['', '-wal', '-shm', '-journal']) await rm(file + suffix, { force: true });
    };
    return { file, remove };
  }
}

async function dumpTable(copy: Store, table: Table, take: TakeRows): Promise<void> {
  const list = table.columns.map((column) => column.name).join(', ');
  for (let after = 0; ; ) {
    const { rows } = await copy.run(
      `SELECT ${list}, rowid AS store_rowid FROM ${table.name} WHERE rowid > $1 ORDER BY rowid LIMIT $2`,
      [after, ROWS_AT_ONCE],
    );
    if (rows.length === 0) return;
    after = Number(rows.at(-1)?.['store_rowid']);
    await take(table, rows);
  }
}
