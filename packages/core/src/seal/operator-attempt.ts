import { isDeepStrictEqual } from 'node:util';
import { CofferError, errorText, type Logger, randomId, requireTime } from '@coffer/base';
import { type EntryStorage, type Entries, stored } from '@coffer/framework';
import { checkShareOf, ShareCollection, type ShareCounts } from './key-shares.ts';
import type { Requester } from './seal-control.ts';

export interface OperatorAttemptOptions<T> {
  /** As in "no barrier rekey in progress": `barrier rekey`. */
  readonly what: string;
  /** The operation that the nonce belongs to: `rekey`. Default: `what`. */
  readonly operation?: string;
  /** Where it is kept, and what it is for. */
  readonly entry: string;
  readonly wanted: stored.Kind<T>;
  /** The core's own, for what operators have under way. */
  readonly storage: () => EntryStorage;
  readonly logger: Logger;
}

/** What the holders of the shares have agreed on. */
export interface Agreed<T> {
  /** What the shares make; wiped when it was looked at. */
  readonly key: Uint8Array;
  readonly wanted: T;
}

/** An attempt under way, as the store keeps it: any node may get the next share. */
interface Attempt<T> {
  readonly nonce: string;
  readonly wanted: T;
  /** Base64. */
  readonly shares: readonly string[];
}

export interface AttemptState<T> {
  readonly nonce: string;
  readonly wanted: T;
  readonly progress: number;
}

/** How the attempt goes on when there are enough shares. */
export interface Decision<T, R> {
  /** Whether they make the right key. @throws CofferError what the holder of the last share is told otherwise */
  readonly verify: (key: Uint8Array) => void;
  /** Does what was agreed on: of all nodes, one. */
  readonly act: (wanted: T) => Promise<R>;
}

/** What operators do with an attempt, and what else becomes of it. */
export type Attempted<Control> = Control & {
  readonly attempt: Pick<OperatorAttempt<object>, 'cancel' | 'forgetShares'>;
};

const { entry, string, strings } = stored;

/**
 * Something that the holders of the present key agree on, share by share. At most one is under way, for all nodes of the store
 * together: it is kept there, under the barrier. Each step is logged with who took it, but never a share.
 */
export class OperatorAttempt<T extends object> {
  readonly #options: OperatorAttemptOptions<T>;
  readonly #what: string;
  readonly #operation: string;
  readonly #logger: Logger;

  constructor(options: OperatorAttemptOptions<T>) {
    const { what, operation = what, logger } = options;
    this.#options = options;
    this.#what = what;
    this.#operation = operation;
    this.#logger = logger;
  }

  async current(): Promise<AttemptState<T> | undefined> {
    const attempt = await this.#entries().getNow(this.#options.entry);
    return attempt && { nonce: attempt.nonce, wanted: attempt.wanted, progress: attempt.shares.length };
  }

  /** `shown`: the part of what is wanted that may be logged. @throws CofferError `invalid-request` when one is under way */
  async start(
    wanted: T,
    shown: Readonly<Record<string, number>>,
    requester: Requester | undefined,
  ): Promise<AttemptState<T>> {
    const nonce = randomId();
    if (!(await this.#entries().add(this.#options.entry, { nonce, wanted, shares: [] }))) {
      throw new CofferError('invalid-request', `${this.#operation} already in progress`);
    }
    this.#log('started', requester, { nonce, ...shown });
    return { nonce, wanted, progress: 0 };
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

  /** Does nothing when none is under way. `storage`: that of a seal which is closing. */
  async cancel(requester: Requester | undefined, reason?: string, storage?: EntryStorage): Promise<void> {
    const attempt = await this.#entries(storage).take(this.#options.entry);
    if (attempt === undefined) return;
    this.#log('cancelled', requester, { nonce: attempt.nonce, ...(reason !== undefined && { reason }) });
  }

  /** The shares handed in so far are of a key that was replaced: the attempt goes on without them. */
  async forgetShares(): Promise<void> {
    await this.#entries().update(this.#options.entry, (attempt) => ({ ...attempt, shares: [] }));
  }

  /**
   * Takes one share of those that `counts` tells of, and does what was agreed on once there are enough. When they make the
   * wrong key, the attempt is left without shares, as in Vault. When they make the right one it is over before anything is
   * done: of several nodes that get the last share, one goes on.
   *
   * @returns what `act` returned; undefined while more shares are needed
   */
  async add<R>(
    share: Uint8Array,
    nonce: string,
    counts: ShareCounts,
    requester: Requester | undefined,
    { verify, act }: Decision<T, R>,
  ): Promise<R | undefined> {
    checkShareOf(counts, share);
    const { threshold: required } = counts;
    for (;;) {
      const attempt = await this.#find(nonce);
      const shares = collect(attempt.shares, share);
      const { progress } = shares;
      if (progress < required) {
        const added = { ...attempt, shares: [...attempt.shares, textOf(share)] };
        shares.clear();
        if (!(await this.#swap(attempt, added))) continue;
        this.#log('got a share', requester, { nonce, progress, required });
        return undefined;
      }
      const refusal = await shares
        .withKey(async (key) => verify(key))
        .then(
          () => undefined,
          (error: unknown) => ({ error }),
        );
      requireTime();
      if (!(await this.#swap(attempt, refusal && { ...attempt, shares: [] }))) continue;
      this.#log('got a share', requester, { nonce, progress, required });
      if (refusal !== undefined) throw refusal.error;
      const result = await act(attempt.wanted);
      this.#log('finished', requester, { nonce });
      return result;
    }
  }

  async #find(nonce: string): Promise<Attempt<T>> {
    const attempt = await this.#entries().getNow(this.#options.entry);
    if (attempt === undefined) throw new CofferError('invalid-request', `no ${this.#what} in progress`);
    if (nonce !== attempt.nonce) {
      throw new CofferError(
        'invalid-request',
        `incorrect nonce supplied; nonce for this ${this.#operation} operation is ${JSON.stringify(attempt.nonce)}`,
      );
    }
    return attempt;
  }

  /** Puts `next` in the place of an attempt, or ends it, unless somebody else has taken a step. Returns whether it did. */
  async #swap(attempt: Attempt<T>, next: Attempt<T> | undefined): Promise<boolean> {
    let isSame = false;
    const replaced = await this.#entries().update(this.#options.entry, (present) => {
      isSame = isDeepStrictEqual(present, attempt);
      return isSame ? next : present;
    });
    return isSame && replaced !== undefined;
  }

  #entries(storage = this.#options.storage()): Entries<Attempt<T>> {
    return storage.of('', entry<Attempt<T>>({ nonce: string(), wanted: this.#options.wanted, shares: strings() }));
  }

  #log(event: string, requester: Requester | undefined, fields: Readonly<Record<string, string | number>>): void {
    this.#logger.info(`${this.#what}: ${event}`, { ...requesterFields(requester), ...fields });
  }
}

/** @throws CofferError `invalid-request` when the share is one of those that are there already */
function collect(texts: readonly string[], share: Uint8Array): ShareCollection {
  const shares = new ShareCollection();
  for (const text of texts) {
    const known = Buffer.from(text, 'base64');
    shares.add(known);
    known.fill(0);
  }
  if (shares.add(share)) return shares;
  shares.clear();
  // Vault's words for every kind of attempt (hashicorp/vault:vault/rekey.go, generate_root.go).
  throw new CofferError('invalid-request', 'given key has already been provided during this generation operation');
}

function textOf(share: Uint8Array): string {
  return Buffer.from(share.buffer, share.byteOffset, share.length).toString('base64');
}

/** For the log: where a request came from, and who sent it. */
export function requesterFields(requester: Requester | undefined): Readonly<Record<string, string>> {
  if (requester === undefined) return {};
  const { remoteAddress, accessor } = requester;
  return { remote_address: remoteAddress, ...(accessor !== undefined && { accessor }) };
}
