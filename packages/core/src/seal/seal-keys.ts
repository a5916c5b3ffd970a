import { randomBytes } from 'node:crypto';
import {
  CofferError,
  Deadline,
  errorText,
  type Logger,
  requireTime,
  whileAwaited,
  withDeadline,
  withoutDeadline,
} from '@coffer/base';
import { Barrier } from '../barrier/barrier.ts';
import { type Keyring, pendingTerm, withEncryptions, withNextTerm, withPendingTerm } from '../barrier/keyring.ts';
import { sealed } from '../barrier/sealed.ts';
import { type AutoSeal, keyPart, type SealingKey, typeOf } from './auto-seal.ts';
import { openAsFollower } from './follow-record.ts';
import type { OtherNodes } from './other-nodes.ts';
import { rotationReason, type KeyRotationConfig } from './key-rotation.ts';
import { type ShareCounts, splitKey } from './key-shares.ts';
import { digestOf, isHoldersKey } from './root-key.ts';
import type { KeyStatus } from './key-rotation.ts';
import {
  openKeyring,
  openRecovery,
  replaceKnown,
  type ReplaceOptions,
  type SealConfig,
  sealKeyring,
  type SealRecord,
  sealRecovery,
  sealRootKey,
  sealRootKeyForNodes,
  type SealRows,
} from './seal-rows.ts';
import { KEY_BYTES } from '../barrier/sealed-value.ts';

/** How often the count is saved: what killed processes lose is negligible beside the limit of a key. */
const SAVE_AFTER_ENCRYPTIONS = 10_000;
/** How long a seal that closes waits until that is saved, in milliseconds. */
const LAST_SAVE_MS = 2_000;

export interface SealKeysParts {
  readonly rows: SealRows;
  readonly record: SealRecord;
  readonly rootKey: Uint8Array;
  /** The one that sealed the record, if it opens by itself. */
  readonly autoSeal?: AutoSeal;
  /** Default: there are none. */
  readonly others?: Pick<OtherNodes, 'areOpen' | 'haveSeen'>;
  /** Called when another node has replaced the keys and this one cannot follow: it must be unsealed again. */
  readonly onLost?: () => void;
  readonly logger: Logger;
}

/** What is to be different. `rootKey`: as it is sealed; the new one itself is `newRootKey`. */
interface Change extends Partial<Pick<SealRecord, 'config' | 'rootKey' | 'recovery'>> {
  readonly keyring?: Keyring;
  readonly newRootKey?: Uint8Array;
}

/**
 * The keys while the seal is open: in memory, and in the rows that change with them. Changing them here and following the changes
 * of other nodes take turns. A change begins with following, and is begun again when another node was faster.
 */
export class SealKeys {
  readonly barrier: Barrier;
  readonly #parts: SealKeysParts;
  readonly #others: NonNullable<SealKeysParts['others']>;
  readonly #logger: Logger;
  #rootKey: Uint8Array;
  #record: SealRecord;
  #isForgotten = false;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: SealKeysParts) {
    const { rootKey, record, others = ALONE, logger } = parts;
    this.barrier = new Barrier(openKeyring(rootKey, record), (term) => this.#lookFor(term));
    this.#parts = parts;
    this.#others = others;
    this.#logger = logger;
    this.#record = record;
    this.#rootKey = rootKey;
  }

  get autoSeal(): AutoSeal | undefined {
    return this.#parts.autoSeal;
  }

  get record(): SealRecord {
    return this.#record;
  }

  get status(): KeyStatus {
    const { activeTerm, keys } = this.barrier.keyring;
    return {
      term: activeTerm,
      installTime: keys.get(activeTerm)?.installTime ?? 0,
      encryptions: this.barrier.encryptions,
    };
  }

  /** Whether a key is the one that the shareholders hold together. */
  isHoldersKey(key: Uint8Array, record: SealRecord): boolean {
    return isHoldersKey(key, record, this.#rootKey);
  }

  /**
   * Takes over what other nodes have changed.
   * @throws CofferError `sealed` when that is not possible any more: see {@link SealKeysParts.onLost}
   */
  follow(): Promise<void> {
    return this.#inTurn(() => this.#follow());
  }

  /** Gives a store of an older version what other nodes follow a new root key by. */
  async complete(): Promise<void> {
    if (this.#record.rootKeyForNodes === undefined) await this.#inTurn(() => this.#change(() => ({})));
  }

  /**
   * Seals under a new key from now on. Where other nodes are open, the key is installed first, and used once they all have it:
   * none of them meets a value that it cannot open. What is left behind in between, the next rotation goes on with.
   *
   * @param from the term that is replaced: does nothing when another one is active. Default: whichever is
   * @throws CofferError `unavailable` when a node does not follow; the key is installed then, and not used
   */
  async rotate(from?: number): Promise<void> {
    const unless = (keyring: Keyring): boolean => from !== undefined && keyring.activeTerm !== from;
    const pending = await this.#inTurn(async () => {
      const together = await this.#others.areOpen();
      await this.#change((keyring) => {
        if (unless(keyring)) return undefined;
        if (!together) return { keyring: withNextTerm(keyring) };
        return pendingTerm(keyring) === undefined ? { keyring: withPendingTerm(keyring) } : undefined;
      });
      return together && !unless(this.barrier.keyring) ? pendingTerm(this.barrier.keyring) : undefined;
    });
    if (pending === undefined) return;
    await this.#others.haveSeen();
    // Otherwise another node has begun to use it. One that is pending now may not be known everywhere.
    const isStill = (keyring: Keyring): boolean => pendingTerm(keyring) === pending;
    await this.#inTurn(() =>
      this.#change((keyring) => (isStill(keyring) ? { keyring: withNextTerm(keyring) } : undefined)),
    );
  }

  /** Rotates the key when it is due; otherwise saves how often it was used here, once that is much. */
  async tend(config: KeyRotationConfig): Promise<void> {
    await this.follow();
    const { status } = this;
    const reason = rotationReason(status, config, Date.now());
    if (reason !== undefined) {
      this.#logger.info('rotating the encryption key automatically', { reason });
      await this.rotate(status.term);
    } else if (this.barrier.uncounted >= SAVE_AFTER_ENCRYPTIONS) {
      await this.#inTurn(() => this.#saveEncryptions());
    }
  }

  /**
   * Replaces the root key and, where it is split, the unseal key: an old copy of the store with the old shares opens
   * nothing that is sealed under a key of a later rotation. Returns the new shares; none for a seal that opens by itself.
   *
   * @param agreed what the holders of the present shares agreed on
   * @throws CofferError `failed` when the shares were replaced since
   */
  replaceRootKey(counts: ShareCounts, agreed: SealRecord): Promise<readonly Uint8Array[]> {
    return this.#withSealingKey(async (by) => {
      const unsealKey = by?.key ?? randomBytes(KEY_BYTES);
      const newRootKey = randomBytes(KEY_BYTES);
      await this.#change(() => {
        this.#requireShares(agreed);
        const { recovery } = this.#record;
        const config: SealConfig =
          by === undefined ? { type: 'shamir', ...counts } : { ...this.#record.config, ...keyPart(by) };
        return {
          config,
          newRootKey,
          rootKey: sealRootKey(unsealKey, config, newRootKey),
          ...(recovery && { recovery: sealRecovery(newRootKey, openRecovery(this.#rootKey, recovery)) }),
        };
      });
      const { shares, threshold } = this.#record.config;
      this.#logger.info('rekeyed', { shares, threshold });
      if (by !== undefined) return [];
      const made = await splitKey(unsealKey, counts);
      unsealKey.fill(0);
      return made;
    });
  }

  /**
   * Replaces the recovery key and returns its shares. `agreed`: as for {@link replaceRootKey}.
   * @throws Error where the seal does not open by itself: then there is no such key
   */
  replaceRecoveryKey(counts: ShareCounts, agreed: SealRecord): Promise<readonly Uint8Array[]> {
    return this.#withSealingKey(async (by) => {
      if (by === undefined) throw new Error('only auto-unseal has a recovery key');
      const recoveryKey = randomBytes(KEY_BYTES);
      await this.#change(() => {
        this.#requireShares(agreed);
        // The counts are bound to the sealed root key.
        const config: SealConfig = { ...this.#record.config, ...counts, ...keyPart(by) };
        return {
          config,
          rootKey: sealRootKey(by.key, config, this.#rootKey),
          recovery: sealRecovery(this.#rootKey, digestOf(recoveryKey)),
        };
      });
      const { shares, threshold } = this.#record.config;
      this.#logger.info('replaced the recovery key', { shares, threshold });
      const made = await splitKey(recoveryKey, counts);
      recoveryKey.fill(0);
      return made;
    });
  }

  /**
   * Seals the root key under the key that the seal has now, if that is another one. Returns whether it was.
   * @throws CofferError `failed` when another node has a key that this one does not know, and as {@link AutoSeal.sealingKey}
   */
  reseal(): Promise<boolean> {
    return this.#withSealingKey(async (by) => {
      if (by === undefined) return false;
      let isResealed = false;
      await this.#change(() => {
        isResealed = this.#record.config.keyId !== by.keyId;
        if (!isResealed) return undefined;
        this.#requireSeal();
        const config: SealConfig = { ...this.#record.config, ...keyPart(by) };
        return { config, rootKey: sealRootKey(by.key, config, this.#rootKey) };
      });
      if (isResealed) this.#logger.info('encrypted the root key with the new key of the seal', { key_id: by.keyId });
      return isResealed;
    });
  }

  /** With a key of a seal that opens by itself. It is asked for before the turn, which may have to wait for another server. */
  async #withSealingKey<T>(work: (by: SealingKey | undefined) => Promise<T>): Promise<T> {
    const by = await this.#parts.autoSeal?.sealingKey();
    try {
      return await this.#inTurn(() => work(by));
    } finally {
      by?.key.fill(0);
    }
  }

  /** Wipes every key. Failing to save how often the key was used must not keep the seal from closing. */
  async forget(): Promise<void> {
    try {
      const save = (): Promise<void> => this.#inTurn(() => this.#saveEncryptions());
      await withDeadline(new Deadline(LAST_SAVE_MS), () => whileAwaited(save()));
    } catch (error) {
      this.#logger.warn('failed to save the encryption count', { error: errorText(error) });
    } finally {
      this.#isForgotten = true;
      this.#rootKey.fill(0);
      this.barrier.forget();
    }
  }

  /** Each node adds what it has counted itself. Nobody needs to know at once: what is due is decided by what is stored. */
  async #saveEncryptions(): Promise<void> {
    if (this.barrier.uncounted > 0) await this.#change(() => ({}), { tell: false });
  }

  #requireShares({ rootKey, recovery }: SealRecord): void {
    const present = this.#record;
    const isSame = present.config.type === 'shamir' ? same(rootKey, present.rootKey) : same(recovery, present.recovery);
    if (!isSame) throw new CofferError('failed', 'another node has replaced the key shares');
    this.#requireSeal();
  }

  /** What another node has sealed under a key that this one does not know is not sealed under an older one again. */
  #requireSeal(): void {
    const { type, keyId } = this.#record.config;
    try {
      this.#parts.autoSeal?.requireSealOf(this.#record.config);
    } catch (cause) {
      const text = `another node has sealed the store with the key "${keyId}": configure it on this node as well`;
      throw new CofferError('failed', `seal "${type}": ${text}`, { cause });
    }
  }

  async #follow(): Promise<void> {
    const record = await this.#parts.rows.readPresent();
    this.#requireKeys();
    // What this node has written itself is newer than what was read before.
    if (record.version <= this.#record.version) return;
    const isOurs = record.config.type === typeOf(this.#parts.autoSeal);
    const found = isOurs
      ? await openAsFollower(record, this.#rootKey, this.barrier.keyring, this.#parts.autoSeal)
      : undefined;
    if (found === undefined) {
      const text = isOurs
        ? `the keys were replaced by another node or a snapshot, and this node could not follow: ${this.autoSeal === undefined ? 'unseal' : 'restart'} it`
        : `another node has moved the store to a seal of type "${record.config.type}": configure the same seal on this node, and restart it`;
      this.#logger.error(text);
      this.#parts.onLost?.();
      throw new CofferError('sealed', 'Vault is sealed: another node has replaced its keys, unseal it again');
    }
    const { activeTerm } = this.barrier.keyring;
    this.barrier.use(found.keyring);
    this.#useRootKey(found.rootKey);
    this.#record = record;
    if (found.keyring.activeTerm !== activeTerm) {
      this.#logger.info('another node has installed a new encryption key', { term: found.keyring.activeTerm });
    }
  }

  /** Does nothing when `make`, which is called with the present keyring, wants no change. */
  async #change(make: (keyring: Keyring) => Change | undefined, options: ReplaceOptions = {}): Promise<void> {
    for (;;) {
      await this.#follow();
      const counted = this.barrier.uncounted;
      const change = make(withEncryptions(this.barrier.keyring, counted));
      if (change === undefined) return;
      const { newRootKey = this.#rootKey, keyring = withEncryptions(this.barrier.keyring, counted), ...rest } = change;
      const next: SealRecord = {
        ...this.#record,
        ...rest,
        keyring: sealKeyring(newRootKey, keyring),
        rootKeyForNodes: sealRootKeyForNodes(keyring, newRootKey),
      };
      const stored = await replaceKnown(this.#parts.rows, next, options);
      if (stored === undefined) continue;
      this.#record = stored;
      this.#useRootKey(newRootKey);
      if (this.#isForgotten) return;
      const isNewKey = keyring.activeTerm !== this.barrier.keyring.activeTerm;
      this.barrier.use(keyring, counted);
      if (isNewKey) this.#logger.info('installed new encryption key', { term: keyring.activeTerm });
      return;
    }
  }

  #useRootKey(rootKey: Uint8Array): void {
    if (rootKey !== this.#rootKey) this.#rootKey.fill(0);
    this.#rootKey = rootKey;
    if (this.#isForgotten) rootKey.fill(0);
  }

  /** Somebody met a value under this term, of which the epoch has not told yet. */
  #lookFor(term: number): void {
    withoutDeadline(() => this.follow())
      .then(() => this.barrier.hasNoTerm(term))
      .catch((error: unknown) =>
        this.#logger.warn('failed to reload the encryption keys', { error: errorText(error) }),
      );
  }

  #requireKeys(): void {
    if (this.#isForgotten) throw sealed();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(() => {
      requireTime();
      this.#requireKeys();
      return work();
    });
    this.#turn = result.catch(() => undefined);
    return result;
  }
}

const ALONE: NonNullable<SealKeysParts['others']> = { areOpen: async () => false, haveSeen: async () => undefined };

function same(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  return Buffer.compare(one ?? Buffer.of(), other ?? Buffer.of()) === 0;
}
