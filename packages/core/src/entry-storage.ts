import type { JsonObject } from '@coffer/base';
import type { Store } from '@coffer/store';
import type { Barrier } from './barrier.ts';

/** The sealed key/value entries of one mount. Names are paths: `config/yugabytedb`, `roles/my-first-role`. */
export interface EntryStorage {
  get(name: string): Promise<JsonObject | undefined>;
  put(name: string, value: JsonObject): Promise<void>;
  delete(name: string): Promise<void>;
  /** The names under `prefix`, without it, sorted. */
  list(prefix: string): Promise<string[]>;
  /** Removes every entry of the mount. */
  clear(): Promise<void>;
}

/** `mount` is the mount's uuid, so that entries of a mount that was disabled can never show up under a new one. */
export function createEntryStorage(store: Store, barrier: Barrier, mount: string): EntryStorage {
  const row = (name: string): string => `entries/${mount}/${name}`;
  return {
    async get(name) {
      const { rows } = await store.run('SELECT value FROM entries WHERE mount = $1 AND name = $2', [mount, name]);
      const value = rows[0]?.['value'];
      return value instanceof Uint8Array ? barrier.open(row(name), value) : undefined;
    },
    async put(name, value) {
      await store.run(
        `INSERT INTO entries (mount, name, value) VALUES ($1, $2, $3)
         ON CONFLICT (mount, name) DO UPDATE SET value = excluded.value`,
        [mount, name, barrier.seal(row(name), value)],
      );
    },
    async delete(name) {
      await store.run('DELETE FROM entries WHERE mount = $1 AND name = $2', [mount, name]);
    },
    async list(prefix) {
      const { rows } = await store.run(
        'SELECT name FROM entries WHERE mount = $1 AND substr(name, 1, $2) = $3 ORDER BY name',
        [mount, prefix.length, prefix],
      );
      return rows.map((entry) => String(entry['name']).slice(prefix.length));
    },
    async clear() {
      await store.run('DELETE FROM entries WHERE mount = $1', [mount]);
    },
  };
}
