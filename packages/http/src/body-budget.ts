import { getHeapStatistics } from 'node:v8';
import type { Shortage } from './in-flight.ts';
import { HTTP_LIMITS } from './limits.ts';

/** Memory for the bodies of all requests together, in bytes. */
export interface BodyBudgetOptions {
  /** Of everybody. Default 128 MiB, or an eighth of the heap where that is less. */
  readonly totalBytes?: number;
  /** Of that, for callers whose token is not known (yet), beyond the first 16 KiB of each body. Default a quarter of the total. */
  readonly strangerBytes?: number;
  /** Of that, for strangers from one network. Default a quarter of the strangers' part. */
  readonly strangerBytesPerNetwork?: number;
}

/**
 * What the bodies of all requests may take together, from their first byte to the end of the request. Strangers have a
 * part of it, and each network a part of that: a flood locks out neither those with tokens nor other networks.
 */
export class BodyBudget {
  readonly totalBytes: number;
  readonly #strangers: Pool;
  readonly #all: Pool;
  readonly #perNetwork: number;
  readonly #networks = new Map<string, number>();

  constructor(options: BodyBudgetOptions = {}) {
    this.totalBytes =
      options.totalBytes ?? Math.min(HTTP_LIMITS.bodyBudgetBytes, Math.floor(getHeapStatistics().heap_size_limit / 8));
    const strangerBytes = options.strangerBytes ?? Math.floor(this.totalBytes / HTTP_LIMITS.shareOfStrangers);
    this.#all = { taken: 0, size: this.totalBytes };
    this.#strangers = { taken: 0, size: strangerBytes };
    this.#perNetwork = options.strangerBytesPerNetwork ?? Math.floor(strangerBytes / HTTP_LIMITS.shareOfOneNetwork);
  }

  /** Bytes taken now. */
  get taken(): number {
    return this.#all.taken;
  }

  /** The share of one request, of 0 bytes. {@link BodyShare.release} it in every case. */
  share(network: string): BodyShare {
    return new BodyShare((from, to, stranger) => this.#resize(from, to, stranger ? network : undefined));
  }

  /** Says who has too much already, with nothing taken, when not that much is left. */
  #resize(from: number, to: number, network: string | undefined): Shortage | undefined {
    const bytes = to - from;
    if (bytes > 0 && !fits(this.#all, bytes)) return 'server';
    if (network !== undefined) {
      const counted = countedOf(to) - countedOf(from);
      const ofNetwork = (this.#networks.get(network) ?? 0) + counted;
      if (counted > 0 && ofNetwork > this.#perNetwork) return 'caller';
      if (counted > 0 && !fits(this.#strangers, counted)) return 'server';
      this.#strangers.taken += counted;
      if (ofNetwork > 0) this.#networks.set(network, ofNetwork);
      else this.#networks.delete(network);
    }
    this.#all.taken += bytes;
    return undefined;
  }
}

interface Pool {
  taken: number;
  readonly size: number;
}

/** What a stranger's request counts for; there are only so many requests whose small bodies count for nothing. */
function countedOf(bytes: number): number {
  return Math.max(0, bytes - HTTP_LIMITS.uncountedBodyBytes);
}

function fits({ taken, size }: Pool, bytes: number): boolean {
  return taken + bytes <= size;
}

/** One request's part of a {@link BodyBudget}. */
export class BodyShare {
  readonly #resize: (from: number, to: number, stranger: boolean) => Shortage | undefined;
  #bytes = 0;
  #stranger = true;
  #shortage: Shortage = 'server';

  constructor(resize: (from: number, to: number, stranger: boolean) => Shortage | undefined) {
    this.#resize = resize;
  }

  /** False, with the size unchanged, when the budget does not have that much left. */
  resize(bytes: number): boolean {
    const shortage = this.#resize(this.#bytes, bytes, this.#stranger);
    if (shortage !== undefined) {
      this.#shortage = shortage;
      return false;
    }
    this.#bytes = bytes;
    return true;
  }

  /** For whom there was no room when {@link resize} last failed: this caller alone, or anybody. */
  get shortage(): Shortage {
    return this.#shortage;
  }

  /** The caller's token is known: the share no longer counts towards the strangers' part. */
  know(): void {
    if (!this.#stranger) return;
    const bytes = this.#bytes;
    this.release();
    this.#stranger = false;
    this.resize(bytes);
  }

  release(): void {
    this.resize(0);
  }
}
