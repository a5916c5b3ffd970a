import type { SqlResult, SqlStatement } from '@coffer/store';
import type { Epochs, Follower } from '../epochs/epochs.ts';
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

  readonly #followers = new Map<string, Follower>();

  constructor(epochs: Epochs) {
    this.#epochs = epochs;
    epochs.follow('entry', async (names) => {
      this.#cache.drop(names);
      for (const [mount, follower] of this.#followers) {
        const own = names?.filter((name) => name.startsWith(`${mount}/`));
        if (own?.length !== 0) await follower(own?.map((name) => name.slice(mount.length + 1)));
      }
    });
  }

  /** Sets what follows the entries of one mount, on every node: for what is made of several of them. */
  follow(mount: string, follower: Follower): void {
    this.#followers.set(mount, follower);
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
