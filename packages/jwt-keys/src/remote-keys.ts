import { setTimeout as delay } from 'node:timers/promises';
import { CofferError } from '@coffer/base';
import type { Claims } from './claims.ts';
import type { KeySet } from './key-set.ts';
import { type KeyFinder, keyFinder, readHeader } from './verify.ts';

export interface RemoteKeysOptions {
  /** Gets the JSON Web Key Set. */
  readonly load: () => Promise<unknown>;
  /** Milliseconds after which keys are fetched anew: a key that the issuer withdraws counts no longer than that. Default: 10 min. */
  readonly maxAgeMs?: number;
  /** Milliseconds between the beginnings of two fetches. Default: 1 s. */
  readonly pauseMs?: number;
}

interface Fetched {
  readonly find: KeyFinder;
  readonly at: number;
}

/**
 * The keys that an issuer publishes. A token that none of them verifies has them fetched anew, as issuers change their keys without
 * notice; since anybody can send such tokens, all who wait share one fetch, and the next one begins a second after the last.
 */
export class RemoteKeys implements KeySet {
  readonly #load: () => Promise<unknown>;
  readonly #maxAgeMs: number;
  readonly #pauseMs: number;
  #fetched: Fetched | undefined;
  #fetching: Promise<Fetched> | undefined;
  #began = -Infinity;

  constructor({ load, maxAgeMs = 600_000, pauseMs = 1_000 }: RemoteKeysOptions) {
    this.#load = load;
    this.#maxAgeMs = maxAgeMs;
    this.#pauseMs = pauseMs;
  }

  async verify(token: string, algorithms: readonly string[]): Promise<Claims> {
    readHeader(token, algorithms);
    const asked = performance.now();
    const kept = this.#fetched;
    const keys = kept !== undefined && asked - kept.at < this.#maxAgeMs ? kept : await this.#newerThan(kept);
    const claims = await keys.find(token, algorithms);
    if (claims !== undefined) return claims;
    // Those that were fetched for this very token are not fetched again.
    const again = keys === kept ? await (await this.#newerThan(keys)).find(token, algorithms) : undefined;
    if (again !== undefined) return again;
    throw new CofferError('invalid-request', 'failed to verify id token signature');
  }

  /** Fetches the keys, for whoever wants to know whether they can be had. @throws CofferError `failed` */
  async check(): Promise<void> {
    await this.#newerThan(this.#fetched);
  }

  #newerThan(known: Fetched | undefined): Promise<Fetched> {
    if (this.#fetched !== undefined && this.#fetched !== known) return Promise.resolve(this.#fetched);
    this.#fetching ??= this.#fetch().finally(() => (this.#fetching = undefined));
    return this.#fetching;
  }

  async #fetch(): Promise<Fetched> {
    const pause = this.#began + this.#pauseMs - performance.now();
    if (pause > 0) await delay(pause);
    this.#began = performance.now();
    const at = this.#began;
    this.#fetched = { find: await keyFinder(await this.#load()), at };
    return this.#fetched;
  }
}
