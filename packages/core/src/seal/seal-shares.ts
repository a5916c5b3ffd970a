import { errorText, type Logger, randomId } from '@coffer/base';
import { checkShareOf, ShareCollection, type ShareCounts } from './key-shares.ts';
import { requesterFields } from './operator-attempt.ts';
import type { Requester } from './seal-control.ts';

/** The shares handed in to open a seal, until there are enough. Each is logged, without the share itself. */
export class SealShares {
  readonly #logger: Logger;
  readonly #shares = new ShareCollection();
  #nonce = '';
  #isOpening = false;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  get progress(): number {
    return this.#shares.progress;
  }

  /** Of this attempt; empty when there is none. */
  get nonce(): string {
    return this.#nonce;
  }

  /** Whether there were enough, and the key that they make is being tried. */
  get isOpening(): boolean {
    return this.#isOpening;
  }

  /**
   * Takes one share of those that `counts` tells of. When there are enough, opens with the key that they make, which is wiped afterwards; the shares are
   * forgotten whatever comes of it, as in Vault.
   *
   * @throws CofferError `invalid-request` for an impossible share, which leaves the others; and what `open` throws
   */
  async add(
    share: Uint8Array,
    counts: ShareCounts,
    requester: Requester | undefined,
    open: (unsealKey: Uint8Array) => Promise<void>,
  ): Promise<void> {
    const { threshold: required } = counts;
    try {
      checkShareOf(counts, share);
      const isNew = this.#shares.add(share);
      if (this.#nonce === '') this.#nonce = randomId();
      const { progress } = this.#shares;
      if (isNew) this.#logger.info('unseal: got a share', { ...requesterFields(requester), progress, required });
      if (progress >= required) await this.#open(open);
    } catch (error) {
      this.#logger.warn('unseal: refused', { ...requesterFields(requester), reason: errorText(error) });
      throw error;
    }
  }

  async #open(open: (unsealKey: Uint8Array) => Promise<void>): Promise<void> {
    this.#nonce = '';
    this.#isOpening = true;
    try {
      await this.#shares.withKey(open);
    } finally {
      this.#isOpening = false;
    }
  }

  forget(): void {
    this.#shares.clear();
    this.#nonce = '';
  }

  /** As {@link forget}, at somebody's request. */
  reset(requester: Requester | undefined): void {
    if (this.progress > 0) this.#logger.info('unseal: reset', requesterFields(requester));
    this.forget();
  }
}
