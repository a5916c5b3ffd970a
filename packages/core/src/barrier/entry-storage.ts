import type { Store } from '@coffer/store';
import type { Barrier } from './barrier.ts';
import { type Condition, rowLimit, WHOLE_LIST, type EntryStorage } from '@coffer/framework';
import { insertWhile } from './insert-while.ts';
import { endOfPrefix } from './prefix.ts';

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
