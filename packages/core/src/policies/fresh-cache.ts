import { mayLandUntil, mayStillLand } from '@coffer/base';
import { LruCache } from './lru-cache.ts';

/**
 * Keeps what was derived from rows of the store until one of them changes. A value is kept only if no write was under way when
 * reading it began, and none has begun since. So whether a reader comes before, during or after a write, nothing older than the
 * write is served once it has resolved. Nothing is kept either while a write that rejected may still land.
 */
export class FreshCache<V> {
  readonly #values: LruCache<V>;
  /** How many writes have begun. */
  #begun = 0;
  #underWay = 0;
  /** In milliseconds since 1970. */
  #mayLandUntil: number | undefined;

  /** `limit`: how many entries are kept. */
  constructor(limit: number) {
    this.#values = new LruCache(limit);
  }

  /** The value kept under `key`, or else what `read` resolves to. */
  async get(key: string, read: () => Promise<V>): Promise<V> {
    const kept = this.#values.get(key);
    if (kept !== undefined) return kept;
    const before = this.#begun;
    const settled = this.#underWay === 0 && !mayStillLand(this.#mayLandUntil);
    const value = await read();
    if (settled && this.#begun === before) this.#values.set(key, value);
    return value;
  }

  /** Every write to the rows that values are derived from must go through here. Settles as `work` does. */
  async write<T>(work: () => Promise<T>): Promise<T> {
    this.#begun++;
    this.#underWay++;
    this.#values.clear();
    try {
      return await work();
    } catch (error) {
      this.#mayLandUntil = mayLandUntil();
      throw error;
    } finally {
      this.#underWay--;
    }
  }
}
