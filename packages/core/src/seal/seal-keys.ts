import { randomBytes } from 'node:crypto';
import { errorText, type Logger } from '@coffer/base';
import { Barrier } from '../barrier/barrier.ts';
import { createKeyring, withEncryptions, withNewTerm } from '../barrier/keyring.ts';
import { rotationReason, type KeyRotationConfig } from './key-rotation.ts';
import { type ShareCounts, splitKey } from './key-shares.ts';
import { digestOf, isHoldersKey } from './root-key.ts';
import type { KeyStatus } from './key-rotation.ts';
import {
  openKeyring,
  openRecovery,
  type SealConfig,
  sealKeyring,
  type SealRecord,
  sealRecovery,
  sealRootKey,
  type SealRows,
} from './seal-rows.ts';
import { KEY_BYTES } from '../barrier/sealed-value.ts';
import type { StaticSeal } from './static-seal.ts';

/** How often the count is saved: what a killed process loses is negligible beside the limit of a key. */
const SAVE_AFTER_ENCRYPTIONS = 10_000;

/** Makes the keys of a new store: its record, and the shares of the unseal key or, with a static seal, of the recovery key. */
export async function createSealKeys(
  rows: SealRows,
  counts: ShareCounts,
  staticSeal: StaticSeal | undefined,
): Promise<{ readonly record: SealRecord; readonly barrier: Barrier; readonly shares: readonly Uint8Array[] }> {
  const rootKey = randomBytes(KEY_BYTES);
  const holdersKey = randomBytes(KEY_BYTES);
  const keyring = createKeyring();
  const config: SealConfig =
    staticSeal === undefined
      ? { type: 'shamir', ...counts }
      : { type: 'static', ...counts, keyId: staticSeal.current.id };
  const record = await rows.create({
    config,
    rootKey: sealRootKey(staticSeal?.current.key ?? holdersKey, config, rootKey),
    keyring: sealKeyring(rootKey, keyring),
    ...(staticSeal && { recovery: sealRecovery(rootKey, digestOf(holdersKey)) }),
  });
  rootKey.fill(0);
  const shares = await splitKey(holdersKey, counts);
  holdersKey.fill(0);
  return { record, barrier: new Barrier(keyring), shares };
}

export interface SealKeysParts {
  readonly rows: SealRows;
  readonly record: SealRecord;
  readonly rootKey: Uint8Array;
  /** The one that sealed the record, if it was a static seal. */
  readonly staticSeal?: StaticSeal;
  readonly logger: Logger;
}

/** The keys while the seal is open: in memory, and in the rows that change with them. The caller makes sure that there is one change at a time. */
export class SealKeys {
  readonly barrier: Barrier;
  readonly #rows: SealRows;
  readonly #staticSeal: StaticSeal | undefined;
  readonly #logger: Logger;
  #rootKey: Uint8Array;
  #record: SealRecord;
  #savedEncryptions: number;

  constructor({ rows, record, rootKey, staticSeal, logger }: SealKeysParts) {
    this.barrier = new Barrier(openKeyring(rootKey, record));
    this.#rows = rows;
    this.#record = record;
    this.#rootKey = rootKey;
    this.#staticSeal = staticSeal;
    this.#logger = logger;
    this.#savedEncryptions = this.barrier.encryptions;
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

  /** Seals under a new key from now on. */
  async rotate(): Promise<void> {
    const keyring = withNewTerm(withEncryptions(this.barrier.keyring, this.barrier.encryptions));
    this.#record = await this.#rows.replace({ ...this.#record, keyring: sealKeyring(this.#rootKey, keyring) });
    this.barrier.use(keyring);
    this.#savedEncryptions = 0;
    this.#logger.info('installed new encryption key', { term: keyring.activeTerm });
  }

  /** Rotates the key when it is due; otherwise saves how often it was used, once that has grown enough. */
  async tend(config: KeyRotationConfig): Promise<void> {
    const reason = rotationReason(this.status, config, Date.now());
    if (reason !== undefined) {
      this.#logger.info('the encryption key is rotated by itself', { reason });
      await this.rotate();
    } else if (this.barrier.encryptions - this.#savedEncryptions >= SAVE_AFTER_ENCRYPTIONS) {
      await this.#saveEncryptions();
    }
  }

  /**
   * Replaces the root key and, where it is split, the unseal key: an old copy of the store with the old shares opens
   * nothing written from now on. Returns the new shares; none for a seal that opens by itself.
   */
  async replaceRootKey(counts: ShareCounts): Promise<readonly Uint8Array[]> {
    const staticKey = this.#staticSeal?.current.key;
    const unsealKey = staticKey ?? randomBytes(KEY_BYTES);
    const config: SealConfig = staticKey === undefined ? { type: 'shamir', ...counts } : this.#record.config;
    const rootKey = randomBytes(KEY_BYTES);
    const { recovery } = this.#record;
    await this.#replace({
      config,
      rootKey: sealRootKey(unsealKey, config, rootKey),
      keyring: sealKeyring(rootKey, withEncryptions(this.barrier.keyring, this.barrier.encryptions)),
      ...(recovery && { recovery: sealRecovery(rootKey, openRecovery(this.#rootKey, recovery)) }),
    });
    this.#rootKey.fill(0);
    this.#rootKey = rootKey;
    this.#logger.info('rekeyed', { shares: config.shares, threshold: config.threshold });
    if (staticKey !== undefined) return [];
    const shares = await splitKey(unsealKey, counts);
    unsealKey.fill(0);
    return shares;
  }

  /** Replaces the recovery key and returns its shares. @throws Error without a static seal, which alone has such a key */
  async replaceRecoveryKey(counts: ShareCounts): Promise<readonly Uint8Array[]> {
    if (this.#staticSeal === undefined) throw new Error('only a static seal has a recovery key');
    const recoveryKey = randomBytes(KEY_BYTES);
    // The counts are bound to the sealed root key.
    const config: SealConfig = { ...this.#record.config, ...counts };
    await this.#replace({
      config,
      rootKey: sealRootKey(this.#staticSeal.current.key, config, this.#rootKey),
      recovery: sealRecovery(this.#rootKey, digestOf(recoveryKey)),
    });
    this.#logger.info('the recovery key is replaced', { shares: config.shares, threshold: config.threshold });
    const shares = await splitKey(recoveryKey, counts);
    recoveryKey.fill(0);
    return shares;
  }

  /** Wipes every key. Failing to save how often the key was used must not keep the seal from closing. */
  async forget(): Promise<void> {
    try {
      await this.#saveEncryptions();
    } catch (error) {
      this.#logger.warn('the encryption count was not saved', { error: errorText(error) });
    } finally {
      this.#rootKey.fill(0);
      this.barrier.forget();
    }
  }

  async #saveEncryptions(): Promise<void> {
    const { encryptions } = this.barrier;
    await this.#replace({ keyring: sealKeyring(this.#rootKey, withEncryptions(this.barrier.keyring, encryptions)) });
    this.#savedEncryptions = encryptions;
  }

  async #replace(change: Partial<Omit<SealRecord, 'version'>>): Promise<void> {
    this.#record = await this.#rows.replace({ ...this.#record, ...change });
  }
}
