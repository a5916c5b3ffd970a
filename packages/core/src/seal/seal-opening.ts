import { CofferError, errorText, type Logger, withoutDeadline } from '@coffer/base';
import { type AutoSeal, mayPass } from './auto-seal.ts';
import { ConfiguredSeals, type SealsToUse } from './configured-seals.ts';
import { migrateSeal } from './migrate-seal.ts';
import type { OtherNodes } from './other-nodes.ts';
import { rootKeyByUnsealKey } from './root-key.ts';
import type { Requester, SealState, SealStatus } from './seal-control.ts';
import { SealRetry } from './seal-retry.ts';
import type { SealRecord, SealRows, SealType } from './seal-rows.ts';
import { SealShares } from './seal-shares.ts';
import { statusOf } from './seal-status.ts';

const HELPER_AWAY =
  'the server behind the seal does not answer, or cannot decrypt: Coffer keeps trying, and the log has its answer';
const NOT_YET = 'it could not be opened yet: Coffer keeps trying, and the log has the reason';
const GIVEN_UP = 'it did not open and is not tried again; the log has the reason. Correct it, and restart the server';

/** What Vault says (openbao/openbao:internal/vault/core.go, unsealFragment). */
const NO_MIGRATION = "can't perform a seal migration, no migration seal found";
const MIGRATION_PENDING = 'migrate option not provided and seal migration is pending';

export interface SealOpeningParts {
  readonly seals: SealsToUse;
  readonly rows: SealRows;
  readonly others: Pick<OtherNodes, 'requireClosed'>;
  readonly isOpen: () => boolean;
  /** Opens the seal with the root key, which is the opened seal's from then on. */
  readonly openWith: (rootKey: Uint8Array, record: SealRecord) => Promise<void>;
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  readonly logger: Logger;
}

/** The ways from a closed seal to an open one: shares, a seal that opens by itself, and from the former seal to the next. */
export class SealOpening {
  readonly #parts: SealOpeningParts;
  readonly #seals: ConfiguredSeals;
  readonly #shares: SealShares;
  readonly #retry: SealRetry;
  /** Whether the seal opens by itself as soon as another node has initialized or migrated the store. */
  #awaitsOthers = false;
  #isEnded = false;

  constructor(parts: SealOpeningParts) {
    this.#parts = parts;
    this.#seals = new ConfiguredSeals(parts.seals, parts.logger);
    this.#shares = new SealShares(parts.logger);
    this.#retry = new SealRetry(() => this.openOnceChanged(), parts.logger);
  }

  get autoSeal(): AutoSeal | undefined {
    return this.#seals.autoSeal;
  }

  get awaitsOthers(): boolean {
    return this.#awaitsOthers;
  }

  /** Of a seal that is closed. */
  get state(): Exclude<SealState, 'open'> {
    if (this.#shares.isOpening) return 'opening';
    return this.#shares.progress > 0 ? 'shares' : 'closed';
  }

  statusOf(record: SealRecord | undefined, cluster: SealStatus['cluster']): SealStatus {
    return statusOf(record, this.#seals, this.#shares, cluster, this.#retry.problem);
  }

  /** @throws CofferError `failed` when the store is sealed in another way than is configured */
  require({ config }: SealRecord): void {
    this.#seals.require(config);
  }

  /** The store is not initialized: another node may do that. */
  awaitOthers(): void {
    this.#awaitsOthers = this.autoSeal !== undefined;
  }

  /** One share of the seal that the store has. `migrate`: to move the store to the one that is configured, before it opens. */
  async add(share: Uint8Array, requester: Requester | undefined, migrate: boolean): Promise<void> {
    const { rows, others, openWith } = this.#parts;
    const record = await rows.readPresent();
    if (this.#parts.isOpen()) return;
    const { config } = record;
    const isPending = this.#seals.isMigration(config);
    if (migrate !== isPending) throw new CofferError('invalid-request', migrate ? NO_MIGRATION : MIGRATION_PENDING);
    if (!migrate && config.type !== 'shamir') throw opensByItself(config.type, this.#retry.problem);
    this.#seals.require(config);
    if (migrate) await others.requireClosed();
    await this.#shares.add(share, config, requester, (key) =>
      migrate ? this.#migrate(record, key) : openWith(rootKeyByUnsealKey(key, record), record),
    );
  }

  reset(requester: Requester | undefined): void {
    this.#shares.reset(requester);
  }

  /**
   * Opens a seal where that is possible without people. Where the server that helps it is away, it is asked again in the background.
   * @throws CofferError `failed` when trying again would not help
   */
  async openByItself(record: SealRecord): Promise<void> {
    const { openWith, logger } = this.#parts;
    let rootKey: Uint8Array | undefined;
    try {
      rootKey = await this.#seals.rootKeyOf(record);
    } catch (error) {
      if (!mayPass(error)) throw error;
      if (!this.#isEnded) this.#retry.later(`seal "${this.#seals.type}": ${HELPER_AWAY}`, error);
      return;
    }
    if (rootKey !== undefined) return openWith(rootKey, record);
    if (!this.#seals.isMigration(record.config)) return;
    // Another node may do it.
    this.awaitOthers();
    logger.warn(
      'the configuration has another seal than the store: run "operator unseal -migrate" with the current shares',
      { from: record.config.type, to: this.#seals.type },
    );
  }

  /** When it is time to try again, or once another node has made, or moved, what this one waits for. Does not reject. */
  async openOnceChanged(): Promise<void> {
    try {
      await this.#openIfPossible();
    } catch (error) {
      this.#failed(error);
    }
  }

  /** The seal is open. */
  opened(): void {
    this.#awaitsOthers = false;
    this.#retry.end();
    this.#seals.forgetFormer();
  }

  /** The seal closes. */
  forgetShares(): void {
    this.#shares.forget();
  }

  /** Nothing opens by itself any more. */
  forgetSeals(): void {
    this.#seals.forget();
  }

  /** Tries nothing again. */
  end(): void {
    this.#isEnded = true;
    this.#retry.end();
  }

  async #openIfPossible(): Promise<void> {
    await this.#parts.inTurn(async () => {
      if (this.#parts.isOpen() || this.#isEnded) return;
      const record = await this.#parts.rows.read();
      if (record === undefined || this.#seals.isMigration(record.config)) return;
      this.#awaitsOthers = false;
      await this.openByItself(record);
    });
  }

  #failed(error: unknown): void {
    const { type } = this.#seals;
    if (this.#isEnded) return;
    if (!mayPass(error)) this.#retry.giveUp(`seal "${type}": ${GIVEN_UP}`, error);
    else if (this.#awaitsOthers) this.#parts.logger.warn('failed to unseal', { error: errorText(error) });
    else this.#retry.later(`seal "${type}": ${NOT_YET}`, error);
  }

  async #migrate(record: SealRecord, holdersKey: Uint8Array): Promise<void> {
    const { rows, others, openWith, logger } = this.#parts;
    const { autoSeal, type } = this.#seals;
    const move: { readonly from: SealType; readonly to: SealType } = { from: record.config.type, to: type };
    const rootKey = await this.#seals.rootKeyForHolders(record, holdersKey);
    logger.info('seal migration initiated', move);
    try {
      // Whoever asked may give up, but a change of the seal is not left half-way.
      const moved = await withoutDeadline(async () => {
        await others.requireClosed();
        return migrateSeal({ rows, record, rootKey, holdersKey, autoSeal });
      });
      logger.info('seal migration complete', move);
      await openWith(moved.rootKey, moved.record);
    } finally {
      rootKey.fill(0);
    }
  }
}

function opensByItself(type: SealType, problem: string | undefined): CofferError {
  const why = problem ?? 'it was sealed since then: restart the server to unseal it';
  return new CofferError(
    'invalid-request',
    `the seal "${type}" unseals when the server starts, without shares; ${why}`,
  );
}
