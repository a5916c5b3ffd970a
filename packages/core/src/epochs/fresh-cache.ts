import { LruCache } from './lru-cache.ts';

/**
 * Keeps what was derived from rows of the store until one of them changes: see `Epochs`, which says when that is. A value is
 * kept only if nothing was dropped since reading it began. So whether a reader comes before, during or after a change,
 * nothing older than the change is served once it was dropped.
 */
export class FreshCache<V extends object> {
  readonly #values: LruCache<V>;
  /** How many times something was dropped. */
  #drops = 0;

  /** `limit`: how many entries are kept. */
  constructor(limit: number) {
    this.#values = new LruCache(limit);
  }

  /** The value kept under `key`, or else what `read` resolves to. `keeps` says whether that is to be kept. Nothing is not. */
  async get<T extends V | undefined>(
    key: string,
    read: () => Promise<T>,
    keeps: (value: V) => boolean = () => true,
  ): Promise<V | T> {
    const kept = this.#values.get(key);
    if (kept !== undefined) return kept;
    const before = this.#drops;
    const value = await read();
    if (value !== undefined && this.#drops === before && keeps(value)) this.#values.set(key, value);
    return value;
  }

  /** Drops what is kept under these keys, or everything. */
  drop(keys?: readonly string[]): void {
    this.#drops++;
    if (keys === undefined) this.#values.clear();
    else for (const key of keys) this.#values.delete(key);
  }

  /** Drops before and after this node's own write, of which the epoch tells only the next request. Settles as `work` does. */
  async write<T>(keys: readonly string[] | undefined, work: () => Promise<T>): Promise<T> {
    this.drop(keys);
    try {
      return await work();
    } finally {
      this.drop(keys);
    }
  }
}
