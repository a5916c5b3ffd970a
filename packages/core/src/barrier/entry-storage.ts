import type { Store } from '@coffer/store';
import type { Barrier } from './barrier.ts';
import { type Condition, type Entries, type EntryStorage, rowLimit, type stored, WHOLE_LIST } from '@coffer/framework';
import { insertWhile } from './insert-while.ts';
import { endOfPrefix } from './prefix.ts';

/** `mount` is the mount's uuid, so that entries of a mount that was disabled can never show up under a new one. */
export function createEntryStorage(store: Store, barrier: Barrier, mount: string): EntryStorage {
  return {
    of: (prefix, kind) => new MountEntries(store, barrier, { mount, prefix, kind }),
    there: (name) => ({ table: 'entries', row: { mount, name } }),
    async delete(name) {
      await store.run('DELETE FROM entries WHERE mount = $1 AND name = $2', [mount, name]);
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

interface Place<T> {
  readonly mount: string;
  readonly prefix: string;
  readonly kind: stored.Kind<T>;
}

class MountEntries<T extends object> implements Entries<T> {
  readonly #store: Store;
  readonly #barrier: Barrier;
  readonly #place: Place<T>;

  constructor(store: Store, barrier: Barrier, place: Place<T>) {
    this.#store = store;
    this.#barrier = barrier;
    this.#place = place;
  }

  async get(name: string): Promise<T | undefined> {
    return (await this.read(name))?.value;
  }

  async read(name: string): Promise<{ readonly value: T; readonly unchanged: Condition } | undefined> {
    const { rows } = await this.#store.run(
      'SELECT value FROM entries WHERE mount = $1 AND name = $2',
      this.#keyOf(name),
    );
    const value = rows[0]?.['value'];
    if (!(value instanceof Uint8Array)) return undefined;
    const [mount, full] = this.#keyOf(name);
    // Every sealing has its own nonce, so the sealed bytes name one version of the value.
    return { value: this.#open(name, value), unchanged: { table: 'entries', row: { mount, name: full, value } } };
  }

  async put(name: string, value: T): Promise<void> {
    await this.#store.run(
      `INSERT INTO entries (mount, name, value) VALUES ($1, $2, $3)
       ON CONFLICT (mount, name) DO UPDATE SET value = excluded.value`,
      [...this.#keyOf(name), this.#seal(name, value)],
    );
  }

  async putWhile(name: string, value: T, conditions: readonly Condition[]): Promise<boolean> {
    const { sql, params } = insertWhile(
      {
        into: 'entries (mount, name, value)',
        values: '$1, $2, $3',
        params: [...this.#keyOf(name), this.#seal(name, value)],
      },
      conditions,
    );
    return (await this.#store.run(sql, params)).changes === 1;
  }

  async take(name: string): Promise<T | undefined> {
    const { rows } = await this.#store.run(
      'DELETE FROM entries WHERE mount = $1 AND name = $2 RETURNING value',
      this.#keyOf(name),
    );
    return rows[0] && this.#open(name, rows[0]['value']);
  }

  async update(name: string, change: (value: T) => T | undefined): Promise<T | undefined> {
    for (;;) {
      const key = this.#keyOf(name);
      const { rows } = await this.#store.run('SELECT value FROM entries WHERE mount = $1 AND name = $2', key);
      const sealed = rows[0]?.['value'];
      if (sealed === undefined) return undefined;
      const value = this.#open(name, sealed);
      const changed = change(value);
      const { changes } =
        changed === undefined
          ? await this.#store.run('DELETE FROM entries WHERE mount = $1 AND name = $2 AND value = $3', [...key, sealed])
          : await this.#store.run('UPDATE entries SET value = $4 WHERE mount = $1 AND name = $2 AND value = $3', [
              ...key,
              sealed,
              this.#seal(name, changed),
            ]);
      if (changes === 1) return value;
    }
  }

  #keyOf(name: string): readonly [mount: string, name: string] {
    return [this.#place.mount, this.#place.prefix + name];
  }

  #row(name: string): string {
    return ['entries', ...this.#keyOf(name)].join('/');
  }

  #seal(name: string, value: T): Uint8Array {
    return this.#barrier.seal(this.#row(name), value);
  }

  #open(name: string, sealed: unknown): T {
    return this.#place.kind(this.#barrier.open(this.#row(name), sealed), this.#row(name));
  }
}
