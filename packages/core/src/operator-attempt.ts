import { CofferError, randomId } from '@coffer/base';
import { ShareCollection } from './key-shares.ts';

/** Something that the holders of the present key agree on, share by share. At most one is under way. */
export class OperatorAttempt<T> {
  readonly #what: string;
  #current: { readonly nonce: string; readonly wanted: T; readonly shares: ShareCollection } | undefined;

  /** `what` stands in messages: `rekey`, `root generation`. */
  constructor(what: string) {
    this.#what = what;
  }

  get current(): { readonly nonce: string; readonly wanted: T; readonly progress: number } | undefined {
    const current = this.#current;
    return current && { nonce: current.nonce, wanted: current.wanted, progress: current.shares.progress };
  }

  start(wanted: T): void {
    if (this.#current !== undefined) throw new CofferError('invalid-request', `${this.#what} already in progress`);
    this.#current = { nonce: randomId(), wanted, shares: new ShareCollection() };
  }

  cancel(): void {
    this.#current?.shares.clear();
    this.#current = undefined;
  }

  /** Takes one share. Returns the key that the shares make when there are `required` of them. */
  async add(
    share: Uint8Array,
    nonce: string,
    required: number,
  ): Promise<{ readonly key: Uint8Array; readonly wanted: T; readonly nonce: string } | undefined> {
    const current = this.#current;
    if (current === undefined) throw new CofferError('invalid-request', `no ${this.#what} in progress`);
    if (nonce !== current.nonce) {
      throw new CofferError(
        'invalid-request',
        `incorrect nonce supplied; nonce for this ${this.#what} is ${current.nonce}`,
      );
    }
    current.shares.add(share);
    if (current.shares.progress < required) return undefined;
    return { key: await current.shares.combine(), wanted: current.wanted, nonce: current.nonce };
  }
}
