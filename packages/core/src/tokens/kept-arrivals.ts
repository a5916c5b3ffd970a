import { hash, randomBytes } from 'node:crypto';
import type { Arrival, TokenEntry } from '@coffer/framework';
import type { Store } from '@coffer/store';
import { LruCache } from '../epochs/lru-cache.ts';

/** Tokens that are kept: an entry has some hundred bytes. */
const KEPT = 1_024;

interface Kept {
  readonly epoch: number;
  readonly entry: TokenEntry;
  readonly rewrites: number;
}

/**
 * What a request's first query has found, for the tokens that came last, where nobody but this process writes into the store. Once a
 * change of any token, or of the configuration, is begun, the store is asked again: a revoked token is refused as if nothing were
 * kept. Tokens with a number of uses are not, since each use changes their row.
 */
export class KeptArrivals {
  readonly #kept = new LruCache<Kept>(KEPT);
  readonly #rewritesOf: (table: string) => number;
  /** Tokens are nobody's to find in memory. */
  readonly #salt = randomBytes(16).toString('latin1');

  private constructor(rewritesOf: (table: string) => number) {
    this.#rewritesOf = rewritesOf;
  }

  /** Undefined where others write into the store too. */
  static of(store: Store): KeptArrivals | undefined {
    if (store.rewrites === undefined) return undefined;
    return new KeptArrivals((table) => store.rewrites?.(table) ?? 0);
  }

  /** At once where it is kept. */
  get(token: string, ask: () => Promise<Arrival>): Arrival | Promise<Arrival> {
    const key = hash('sha256', this.#salt + token, 'base64');
    const rewrites = this.#rewrites();
    const kept = this.#kept.get(key);
    if (kept?.rewrites === rewrites) {
      return isOver(kept.entry) ? { epoch: kept.epoch } : kept;
    }
    return this.#asked(key, rewrites, ask);
  }

  async #asked(key: string, rewrites: number, ask: () => Promise<Arrival>): Promise<Arrival> {
    const arrival = await ask();
    const { epoch, entry } = arrival;
    // Of no use if anything was changed meanwhile: the number is that of before.
    if (entry?.numUses === 0) this.#kept.set(key, { epoch, entry, rewrites });
    return arrival;
  }

  #rewrites(): number {
    return this.#rewritesOf('tokens') + this.#rewritesOf('epoch');
  }
}

function isOver({ expireTime }: TokenEntry): boolean {
  return expireTime !== null && expireTime <= Date.now();
}
