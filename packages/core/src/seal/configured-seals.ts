import { CofferError, errorText, type Logger } from '@coffer/base';
import { type AutoSeal, mayPass, typeOf } from './auto-seal.ts';
import { isHoldersKey, rootKeyByAutoSeal, rootKeyByUnsealKey } from './root-key.ts';
import type { SealConfig, SealRecord, SealType } from './seal-rows.ts';

export interface SealsToUse {
  /** Opens without shares. Without it, the store is to be sealed by shares. */
  readonly autoSeal?: AutoSeal;
  /** The one that the store is moved away from. */
  readonly formerSeal?: AutoSeal;
}

/** The seals of the configuration, and what they are to the seal that a store has. */
export class ConfiguredSeals {
  readonly autoSeal: AutoSeal | undefined;
  readonly #former: AutoSeal | undefined;
  readonly #logger: Logger;
  /** What a store is to be moved away from although the type stays. Only trying tells. */
  #left: SealConfig | undefined;

  constructor({ autoSeal, formerSeal }: SealsToUse, logger: Logger) {
    this.autoSeal = autoSeal;
    this.#former = formerSeal;
    this.#logger = logger;
  }

  get type(): SealType {
    return typeOf(this.autoSeal);
  }

  /**
   * The root key of a store that opens without people; undefined where shares are needed, to unseal or to migrate.
   * @throws CofferError `failed` when the store is sealed in another way than is configured, and as {@link AutoSeal.keyOf}
   */
  async rootKeyOf(record: SealRecord): Promise<Uint8Array | undefined> {
    const { config } = record;
    this.require(config);
    if (this.autoSeal?.type !== config.type) return undefined;
    try {
      return await rootKeyByAutoSeal(this.autoSeal, record);
    } catch (error) {
      if (mayPass(error) || this.#former?.type !== config.type) throw error;
      this.#logger.debug('trying the former seal', { error: errorText(error) });
      (await rootKeyByAutoSeal(this.#former, record)).fill(0);
      this.#left = config;
      return undefined;
    }
  }

  /** @throws CofferError `failed` when a store with this seal can be neither opened nor migrated */
  require(config: SealConfig): void {
    const { type } = config;
    if (type === this.type || this.isMigration(config)) return;
    const there = `the store has a seal of type "${type}", not "${this.type}"`;
    throw new CofferError('failed', `${there}: configure seal "${type}", with disabled = "true" to migrate from it`);
  }

  /** Whether a store with this seal is to be moved to the one that is configured. */
  isMigration({ type, keyId, wrappedKey }: SealConfig): boolean {
    if (type !== this.type) return type === 'shamir' || this.#former?.type === type;
    return this.#left !== undefined && this.#left.keyId === keyId && this.#left.wrappedKey === wrappedKey;
  }

  /**
   * The root key of a store that is to be migrated, if these are its holders.
   * @throws CofferError `invalid-request` when their key is the wrong one, and as {@link AutoSeal.keyOf}
   */
  async rootKeyForHolders(record: SealRecord, holdersKey: Uint8Array): Promise<Uint8Array> {
    if (record.config.type === 'shamir' || this.#former === undefined) return rootKeyByUnsealKey(holdersKey, record);
    const rootKey = await rootKeyByAutoSeal(this.#former, record);
    if (isHoldersKey(holdersKey, record, rootKey)) return rootKey;
    rootKey.fill(0);
    throw new CofferError('invalid-request', 'Unseal failed, invalid key: recovery key verification failed');
  }

  /** What is not needed once the store is open. */
  forgetFormer(): void {
    if (this.#former === undefined) return;
    this.#former.forget();
    this.#logger.warn('the store no longer uses the disabled seal: remove it from the configuration', {
      type: this.#former.type,
    });
  }

  forget(): void {
    this.autoSeal?.forget();
    this.#former?.forget();
  }
}
