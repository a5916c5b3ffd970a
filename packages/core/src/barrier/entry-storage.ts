import { type Metrics, NO_METRICS, timed } from '@coffer/base';
import type { SqlResult, SqlStatement, Store } from '@coffer/store';
import type { Barrier } from './barrier.ts';
import { type Condition, type Entries, type EntryStorage, rowLimit, type stored, WHOLE_LIST } from '@coffer/framework';
import { deleteWhile, insertWhile } from './insert-while.ts';
import { Epochs } from '../epochs/epochs.ts';
import { inParts } from './in-parts.ts';
import { KeptEntries } from './kept-entries.ts';
import { endOfPrefix } from './prefix.ts';

export interface EntryStorageParts {
  readonly store: Store;
  readonly barrier: Barrier;
  readonly kept: KeptEntries;
  readonly metrics: Metrics;
}

export function entriesOf(
  store: Store,
  barrier: Barrier,
  epochs = new Epochs(store),
  metrics: Metrics = NO_METRICS,
): EntryStorageParts {
  return { store, barrier, kept: new KeptEntries(epochs), metrics };
}

/** `mount` is the mount's uuid, so that entries of a mount that was disabled can never show up under a new one. */
export function createEntryStorage(parts: EntryStorageParts, mount: string): EntryStorage {
  const { store } = parts;
  return {
    of: (prefix, kind) => new MountEntries(parts, { mount, prefix, kind, isKept: false }),
    kept: (prefix, kind) => new MountEntries(parts, { mount, prefix, kind, isKept: true }),
    there: (name) => ({ table: 'entries', row: { mount, name } }),
    async list(prefix, page = WHOLE_LIST) {
      const range = [mount, prefix + page.after, endOfPrefix(prefix), rowLimit(page)];
      const { rows } = await timed(parts.metrics, 'vault.barrier.list', () =>
        store.run(
          'SELECT name FROM entries WHERE mount = $1 AND name > $2 AND name < $3 ORDER BY name LIMIT $4',
          range,
        ),
      );
      return rows.map((entry) => String(entry['name']).slice(prefix.length));
    },
    async clear() {
      const some = 'SELECT name FROM entries WHERE mount = $1 ORDER BY name LIMIT $2';
      await inParts((part) => store.run(`DELETE FROM entries WHERE mount = $1 AND name IN (${some})`, [mount, part]));
    },
  };
}

const REPLACE = 'ON CONFLICT (mount, name) DO UPDATE SET value = excluded.value';

interface Place<T> {
  readonly mount: string;
  readonly prefix: string;
  readonly kind: stored.Kind<T>;
  readonly isKept: boolean;
}

/** An entry as it was read, with its sealed bytes: every sealing has its own nonce, so they name one version of the value. */
interface Sealed<T> {
  readonly value: T;
  readonly sealed: Uint8Array;
}

class MountEntries<T extends object> implements Entries<T> {
  readonly #parts: EntryStorageParts;
  readonly #place: Place<T>;

  constructor(parts: EntryStorageParts, place: Place<T>) {
    this.#parts = parts;
    this.#place = place;
  }

  async get(name: string): Promise<T | undefined> {
    const { kept } = this.#parts;
    if (!this.#place.isKept) return this.getNow(name);
    const entry = await kept.get<Sealed<T>>(this.#keyOf(name), () => this.#find(name));
    return entry?.value;
  }

  async getNow(name: string): Promise<T | undefined> {
    return (await this.#find(name))?.value;
  }

  async read(name: string): Promise<{ readonly value: T; readonly unchanged: Condition } | undefined> {
    const found = await this.#find(name);
    if (found === undefined) return undefined;
    const [mount, full] = this.#keyOf(name);
    return {
      value: found.value,
      unchanged: { table: 'entries', row: { mount, name: full, value: found.sealed } },
    };
  }

  async put(name: string, value: T): Promise<void> {
    await this.#insert(name, value, [], REPLACE);
  }

  add(name: string, value: T): Promise<boolean> {
    return this.#insert(name, value, [], 'ON CONFLICT DO NOTHING');
  }

  putWhile(name: string, value: T, conditions: readonly Condition[]): Promise<boolean> {
    return this.#insert(name, value, conditions);
  }

  addWhile(name: string, value: T, conditions: readonly Condition[]): Promise<boolean> {
    return this.#insert(name, value, conditions, 'ON CONFLICT DO NOTHING');
  }

  replaceWhile(name: string, value: T, conditions: readonly Condition[]): Promise<boolean> {
    return this.#insert(name, value, conditions, REPLACE);
  }

  async deleteWhile(name: string, conditions: readonly Condition[]): Promise<void> {
    const rows = { from: 'entries', where: 'mount = $1 AND name = $2', params: this.#keyOf(name) };
    await this.#write(name, deleteWhile(rows, conditions));
  }

  async delete(name: string): Promise<void> {
    await this.#write(name, {
      sql: 'DELETE FROM entries WHERE mount = $1 AND name = $2',
      params: this.#keyOf(name),
    });
  }

  async take(name: string): Promise<T | undefined> {
    const { rows } = await this.#write(name, {
      sql: 'DELETE FROM entries WHERE mount = $1 AND name = $2 RETURNING value',
      params: this.#keyOf(name),
    });
    return rows[0] && this.#open(name, rows[0]['value']);
  }

  async update(name: string, change: (value: T) => T | undefined): Promise<T | undefined> {
    for (;;) {
      const found = await this.#find(name);
      if (found === undefined) return undefined;
      const changed = change(found.value);
      const present = [...this.#keyOf(name), found.sealed];
      const { changes } = await this.#write(
        name,
        changed === undefined
          ? { sql: 'DELETE FROM entries WHERE mount = $1 AND name = $2 AND value = $3', params: present }
          : {
              sql: 'UPDATE entries SET value = $4 WHERE mount = $1 AND name = $2 AND value = $3',
              params: [...present, this.#seal(name, changed)],
            },
      );
      if (changes === 1) return found.value;
    }
  }

  async #find(name: string): Promise<Sealed<T> | undefined> {
    const { store, metrics } = this.#parts;
    const { rows } = await timed(metrics, 'vault.barrier.get', () =>
      store.run('SELECT value FROM entries WHERE mount = $1 AND name = $2', this.#keyOf(name)),
    );
    const sealed = rows[0]?.['value'];
    return sealed instanceof Uint8Array ? { value: this.#open(name, sealed), sealed } : undefined;
  }

  /** Returns whether it was inserted, or replaced what was there. */
  async #insert(name: string, value: T, conditions: readonly Condition[], onConflict = ''): Promise<boolean> {
    const insertion = {
      into: 'entries (mount, name, value)',
      values: '$1, $2, $3',
      params: [...this.#keyOf(name), this.#seal(name, value)],
      onConflict,
    };
    return (await this.#write(name, insertWhile(insertion, conditions))).changes === 1;
  }

  #write(name: string, { sql, params = [] }: SqlStatement): Promise<SqlResult> {
    const { store, kept, metrics } = this.#parts;
    const what = sql.startsWith('DELETE') ? 'vault.barrier.delete' : 'vault.barrier.put';
    return timed(metrics, what, () =>
      this.#place.isKept ? kept.write(this.#keyOf(name), { sql, params }) : store.run(sql, params),
    );
  }

  #keyOf(name: string): readonly [mount: string, name: string] {
    return [this.#place.mount, this.#place.prefix + name];
  }

  #row(name: string): string {
    return ['entries', ...this.#keyOf(name)].join('/');
  }

  #seal(name: string, value: T): Uint8Array {
    return this.#parts.barrier.seal(this.#row(name), value);
  }

  #open(name: string, sealed: unknown): T {
    return this.#place.kind(this.#parts.barrier.open(this.#row(name), sealed), this.#row(name));
  }
}
