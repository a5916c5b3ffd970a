import { CofferError, randomId } from '@coffer/base';
import { ShareCollection } from './key-shares.ts';

/** Something that the holders of the present key agree on, share by share. At most one is under way. */
export class OperatorAttempt<T> {
  readonly #what: string;
  readonly #operation: string;
  #current: { readonly nonce: string; readonly wanted: T; readonly shares: ShareCollection } | undefined;

  /** Both stand in messages: `what` is not in progress (`barrier rekey`), its nonce is for an `operation` (`rekey`). */
  constructor(what: string, operation = what) {
    this.#what = what;
    this.#operation = operation;
  }

  get current(): { readonly nonce: string; readonly wanted: T; readonly progress: number } | undefined {
    const current = this.#current;
    return current && { nonce: current.nonce, wanted: current.wanted, progress: current.shares.progress };
  }

  start(wanted: T): void {
    if (this.#current !== undefined) throw new CofferError('invalid-request', `${this.#operation} already in progress`);
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
        `incorrect nonce supplied; nonce for this ${this.#operation} operation is ${JSON.stringify(current.nonce)}`,
      );
    }
    if (!current.shares.add(share)) {
      // Vault's words for every kind of attempt (hashicorp/vault:vault/rekey.go, generate_root.go).
      const text = 'given key has already been provided during this generation operation';
      throw new CofferError('invalid-request', text);
    }
    if (current.shares.progress < required) return undefined;
    return { key: await current.shares.combine(), wanted: current.wanted, nonce: current.nonce };
  }
}
