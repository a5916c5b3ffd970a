import { CofferError, errorText, type Logger, randomId } from '@coffer/base';
import { checkShareOf, ShareCollection, type ShareCounts } from './key-shares.ts';
import type { Requester } from './seal-control.ts';

export interface OperatorAttemptOptions {
  /** As in "no barrier rekey in progress": `barrier rekey`. */
  readonly what: string;
  /** The operation that the nonce belongs to: `rekey`. Default: `what`. */
  readonly operation?: string;
  readonly logger: Logger;
}

export interface Agreed<T> {
  /** What the shares make; wiped when the work is done. */
  readonly key: Uint8Array;
  readonly wanted: T;
}

interface Current<T> {
  readonly nonce: string;
  readonly wanted: T;
  readonly shares: ShareCollection;
}

/**
 * Something that the holders of the present key agree on, share by share. At most one is under way. Each step is logged with
 * who took it, but never a share.
 */
export class OperatorAttempt<T extends object> {
  readonly #what: string;
  readonly #operation: string;
  readonly #logger: Logger;
  #current: Current<T> | undefined;

  constructor({ what, operation = what, logger }: OperatorAttemptOptions) {
    this.#what = what;
    this.#operation = operation;
    this.#logger = logger;
  }

  get current(): { readonly nonce: string; readonly wanted: T; readonly progress: number } | undefined {
    const current = this.#current;
    return current && { nonce: current.nonce, wanted: current.wanted, progress: current.shares.progress };
  }

  /** `shown`: the part of what is wanted that may be logged. @throws CofferError `invalid-request` when one is under way */
  start(wanted: T, shown: Readonly<Record<string, number>>, requester: Requester | undefined): void {
    if (this.#current !== undefined) throw new CofferError('invalid-request', `${this.#operation} already in progress`);
    this.#current = { nonce: randomId(), wanted, shares: new ShareCollection() };
    this.#log('started', requester, shown);
  }

  /** Does one step, and logs it when it is refused. */
  async step<R>(requester: Requester | undefined, work: () => Promise<R>): Promise<R> {
    try {
      return await work();
    } catch (error) {
      this.#logger.warn(`${this.#what}: refused`, { ...requesterFields(requester), reason: errorText(error) });
      throw error;
    }
  }

  /** Does nothing when none is under way. */
  cancel(requester: Requester | undefined, reason?: string): void {
    if (this.#current !== undefined) this.#log('cancelled', requester, reason === undefined ? {} : { reason });
    this.#forget();
  }

  /**
   * Takes one share of those that `counts` tells of, and does what was agreed on once there are enough. If `work` refuses, the attempt is left
   * without shares, as in Vault.
   *
   * @returns what `work` returned; undefined while more shares are needed
   */
  async add<R>(
    share: Uint8Array,
    nonce: string,
    counts: ShareCounts,
    requester: Requester | undefined,
    work: (agreed: Agreed<T>) => Promise<R>,
  ): Promise<R | undefined> {
    const current = this.#keep(share, nonce, counts);
    const { threshold: required } = counts;
    const { progress } = current.shares;
    this.#log('got a share', requester, { progress, required });
    if (progress < required) return undefined;
    const result = await current.shares.withKey((key) => work({ key, wanted: current.wanted }));
    this.#log('finished', requester);
    if (this.#current === current) this.#forget();
    return result;
  }

  #keep(share: Uint8Array, nonce: string, counts: ShareCounts): Current<T> {
    checkShareOf(counts, share);
    const current = this.#current;
    if (current === undefined) throw new CofferError('invalid-request', `no ${this.#what} in progress`);
    if (nonce !== current.nonce) {
      throw new CofferError(
        'invalid-request',
        `incorrect nonce supplied; nonce for this ${this.#operation} operation is ${JSON.stringify(current.nonce)}`,
      );
    }
    if (!current.shares.add(share)) {
      // Vault's words for every kind of attempt (hashicorp/vault:vault/rekey.go, generate_root.go).
      const text = 'given key has already been provided during this generation operation';
      throw new CofferError('invalid-request', text);
    }
    return current;
  }

  #forget(): void {
    this.#current?.shares.clear();
    this.#current = undefined;
  }

  #log(event: string, requester: Requester | undefined, fields: Readonly<Record<string, string | number>> = {}): void {
    const nonce = this.#current?.nonce;
    this.#logger.info(`${this.#what}: ${event}`, { ...requesterFields(requester), ...(nonce && { nonce }), ...fields });
  }
}

/** For the log: where a request came from, and who sent it. */
export function requesterFields(requester: Requester | undefined): Readonly<Record<string, string>> {
  if (requester === undefined) return {};
  const { remoteAddress, accessor } = requester;
  return { remote_address: remoteAddress, ...(accessor !== undefined && { accessor }) };
}
