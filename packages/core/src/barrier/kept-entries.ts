import type { SqlResult, SqlStatement } from '@coffer/store';
import type { Epochs } from '../epochs/epochs.ts';
import { FreshCache } from '../epochs/fresh-cache.ts';

/** Entries kept in memory: with one mount of very many roles, those that are used. */
const LIMIT = 4_096;
/** Sealed bytes beyond which an entry is read each time, so that the limit above is one of memory too. */
const LARGEST = 65_536;

type Key = readonly [mount: string, name: string];

/** The entries of configuration that a core keeps in memory, of every mount. */
export class KeptEntries {
  readonly #epochs: Epochs;
  readonly #cache = new FreshCache<{ readonly sealed: Uint8Array }>(LIMIT);

  constructor(epochs: Epochs) {
    this.#epochs = epochs;
    epochs.follow('entry', (names) => this.#cache.drop(names));
  }

  async get<E extends { readonly sealed: Uint8Array }>(
    key: Key,
    read: () => Promise<E | undefined>,
  ): Promise<E | undefined> {
    const entry = await this.#cache.get(key.join('/'), read, ({ sealed }) => sealed.length <= LARGEST);
    // What is kept under a key was read by the same prefix, which declares one kind only.
    return entry as E | undefined;
  }

  async write(key: Key, statement: SqlStatement): Promise<SqlResult> {
    const name = key.join('/');
    const [result] = await this.#cache.write([name], () => this.#epochs.write([`entry/${name}`], [statement]));
    return result ?? { rows: [], changes: 0 };
  }
}
