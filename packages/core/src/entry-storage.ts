import type { JsonObject } from '@coffer/base';
import type { Store } from '@coffer/store';
import type { Barrier } from './barrier.ts';
import { type Condition, insertWhile } from './condition.ts';
import { type ListPage, rowLimit, WHOLE_LIST } from './list-page.ts';
import { endOfPrefix } from './prefix.ts';

/** The sealed key/value entries of one mount. Names are paths: `config/yugabytedb`, `roles/my-first-role`. */
export interface EntryStorage {
  get(name: string): Promise<JsonObject | undefined>;
  /** A value with the condition that it is still this one: for what is made on the strength of it. */
  read(name: string): Promise<{ readonly value: JsonObject; readonly unchanged: Condition } | undefined>;
  /** That there is an entry of this name, whatever its value. */
  there(name: string): Condition;
  put(name: string, value: JsonObject): Promise<void>;
  /** Puts a new value while every condition holds. Returns whether they did. */
  putWhile(name: string, value: JsonObject, conditions: readonly Condition[]): Promise<boolean>;
  delete(name: string): Promise<void>;
  /** Reads and deletes in one: of several callers only one gets the value. */
  take(name: string): Promise<JsonObject | undefined>;
  /**
   * Replaces a value by what `change` makes of it, or deletes it when that is undefined, only if nobody else changed it
   * meanwhile; otherwise `change` is asked again with the newer value. Returns what `change` was last given.
   */
  update(name: string, change: (value: JsonObject) => JsonObject | undefined): Promise<JsonObject | undefined>;
  /** The names under `prefix` (empty, or with trailing slash), without it, sorted; those of one page only when one is given. */
  list(prefix: string, page?: ListPage): Promise<string[]>;
  /** Removes every entry of the mount. */
  clear(): Promise<void>;
}

/** `mount` is the mount's uuid, so that entries of a mount that was disabled can never show up under a new one. */
export function createEntryStorage(store: Store, barrier: Barrier, mount: string): EntryStorage {
  const row = (name: string): string => `entries/${mount}/${name}`;
  return {
    async get(name) {
      return (await this.read(name))?.value;
    },
    async read(name) {
      const { rows } = await store.run('SELECT value FROM entries WHERE mount = $1 AND name = $2', [mount, name]);
      const value = rows[0]?.['value'];
      if (!(value instanceof Uint8Array)) return undefined;
      // Every sealing has its own nonce, so the sealed bytes name one version of the value.
      const unchanged: Condition = { table: 'entries', row: { mount, name, value } };
      return { value: barrier.open(row(name), value), unchanged };
    },
    there: (name) => ({ table: 'entries', row: { mount, name } }),
    async put(name, value) {
      await store.run(
        `INSERT INTO entries (mount, name, value) VALUES ($1, $2, $3)
         ON CONFLICT (mount, name) DO UPDATE SET value = excluded.value`,
        [mount, name, barrier.seal(row(name), value)],
      );
    },
    async putWhile(name, value, conditions) {
      const { sql, params } = insertWhile(
        {
          into: 'entries (mount, name, value)',
          values: '$1, $2, $3',
          params: [mount, name, barrier.seal(row(name), value)],
        },
        conditions,
      );
      return (await store.run(sql, params)).changes === 1;
    },
    async delete(name) {
      await store.run('DELETE FROM entries WHERE mount = $1 AND name = $2', [mount, name]);
    },
    async take(name) {
      const { rows } = await store.run('DELETE FROM entries WHERE mount = $1 AND name = $2 RETURNING value', [
        mount,
        name,
      ]);
      const value = rows[0]?.['value'];
      return value instanceof Uint8Array ? barrier.open(row(name), value) : undefined;
    },
    async update(name, change) {
      for (;;) {
        const { rows } = await store.run('SELECT value FROM entries WHERE mount = $1 AND name = $2', [mount, name]);
        const sealed = rows[0]?.['value'];
        if (!(sealed instanceof Uint8Array)) return undefined;
        const value = barrier.open(row(name), sealed);
        const changed = change(value);
        const { changes } =
          changed === undefined
            ? await store.run('DELETE FROM entries WHERE mount = $1 AND name = $2 AND value = $3', [
                mount,
                name,
                sealed,
              ])
            : await store.run('UPDATE entries SET value = $4 WHERE mount = $1 AND name = $2 AND value = $3', [
                mount,
                name,
                sealed,
                barrier.seal(row(name), changed),
              ]);
        if (changes === 1) return value;
      }
    },
    async list(prefix, page = WHOLE_LIST) {
      const { rows } = await store.run(
        'SELECT name FROM entries WHERE mount = $1 AND name > $2 AND name < $3 ORDER BY name LIMIT $4',
        [mount, prefix + page.after, endOfPrefix(prefix), rowLimit(page)],
      );
      return rows.map((entry) => String(entry['name']).slice(prefix.length));
    },
    async clear() {
      await store.run('DELETE FROM entries WHERE mount = $1', [mount]);
    },
  };
}
