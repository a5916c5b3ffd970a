/** A store file as the server left it, opened with its unseal key: for looking at what is in it, and for damaging it. */
import { DatabaseSync } from 'node:sqlite';
import type { JsonObject } from '@coffer/base';
import { Barrier } from '@coffer/core';
import { openKeyring, openRootKey, type SealRecord } from '../../packages/core/src/seal/seal-rows.ts';

/** Where the value of a table's row is bound to, from the columns that make its key. */
const PLACES: Readonly<Record<string, readonly string[]>> = {
  mounts: ['path'],
  entries: ['mount', 'name'],
  policies: ['name'],
  tokens: ['id'],
  leases: ['id'],
  intents: ['mount', 'subject'],
  identity_entities: ['id'],
  identity_groups: ['id'],
  identity_aliases: ['id'],
  identity_members: ['group_id', 'member_id'],
};

export type Columns = Readonly<Record<string, unknown>>;

export interface StoredRow {
  /** `entries/MOUNT/NAME`, `leases/ID`: what errors call it. */
  readonly place: string;
  readonly table: string;
  /** Without `value`. */
  readonly columns: Columns;
  readonly value: JsonObject;
}

/** A text among fields or columns; empty where there is none. */
export function textOf(fields: Columns | JsonObject, name: string): string {
  const found = fields[name];
  return typeof found === 'string' ? found : '';
}

export class StoreFile {
  readonly #database: DatabaseSync;
  readonly #barrier: Barrier;

  /** @param unsealKey the one share of the file's seal */
  constructor(path: string, unsealKey: Uint8Array) {
    this.#database = new DatabaseSync(path);
    const rows = this.#database.prepare('SELECT name, value FROM keyring').all();
    const part = (name: string): Uint8Array => rows.find((row) => row['name'] === name)?.['value'] as Uint8Array;
    const record: SealRecord = {
      config: JSON.parse(Buffer.from(part('seal')).toString()) as SealRecord['config'],
      rootKey: part('root-key'),
      keyring: part('keyring'),
      version: 0,
    };
    this.#barrier = new Barrier(openKeyring(openRootKey(unsealKey, record), record));
  }

  rows(): StoredRow[] {
    const tables = this.#database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
    // An earlier version has fewer.
    const there = Object.entries(PLACES).filter(([table]) => tables.some(({ name }) => name === table));
    return there.flatMap(([table, key]) =>
      this.#database
        .prepare(`SELECT * FROM ${table} ORDER BY ${key.join(', ')}`)
        .all()
        .map(({ value, ...columns }) => {
          const place = [table, ...key.map((column) => String(columns[column]))].join('/');
          return { place, table, columns, value: this.#barrier.open(place, value) };
        }),
    );
  }

  /** The one row whose place ends with `end`. */
  row(end: string): StoredRow {
    const [found, ...more] = this.rows().filter(({ place }) => place.endsWith(end));
    if (found === undefined || more.length > 0) throw new Error(`${more.length + 1} rows end with ${end}, or none`);
    return found;
  }

  /** Writes another value into a row, sealed as the server would have. */
  write({ place, table, columns }: StoredRow, value: JsonObject): void {
    const key = PLACES[table] ?? [];
    const where = key.map((column, index) => `${column} = $k${index}`).join(' AND ');
    const named = Object.fromEntries(key.map((column, index) => [`$k${index}`, String(columns[column])]));
    this.#database
      .prepare(`UPDATE ${table} SET value = $value WHERE ${where}`)
      .run({ ...named, $value: this.#barrier.seal(place, value) });
  }

  /** Writes the one row whose place ends with `end` with some fields changed, or gone where they are undefined. */
  change(end: string, fields: Readonly<Record<string, unknown>>): void {
    const row = this.row(end);
    this.write(row, JSON.parse(JSON.stringify({ ...row.value, ...fields })) as JsonObject);
  }

  /** Puts the value of an entry under another mount, as the server would have. */
  copyTo(mount: string, { columns, value }: StoredRow): void {
    const name = textOf(columns, 'name');
    this.#database
      .prepare('INSERT INTO entries (mount, name, value) VALUES (?, ?, ?)')
      .run(mount, name, this.#barrier.seal(`entries/${mount}/${name}`, value));
  }

  run(sql: string): void {
    this.#database.exec(sql);
  }

  /** Everything in the one file, without a log beside it, and as small as it can be. */
  close(): void {
    this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE; VACUUM');
    this.#database.close();
  }
}
