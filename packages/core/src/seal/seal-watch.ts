import { errorText, type Logger } from '@coffer/base';
import { Elapsed } from '../nodes/elapsed.ts';
import { rootKeyByAutoSeal } from './root-key.ts';
import type { SealKeys } from './seal-keys.ts';

/** As often as Vault (hashicorp/vault:vault/seal_autoseal.go, sealHealthTestIntervalNominal), in milliseconds. */
const EVERY_MS = 10 * 60_000;

/**
 * Looks after a seal that opens by itself while it is open: seals the root key under its newest key, and tells the log in time when
 * the store could not be opened again.
 */
export class SealWatch {
  readonly #keys: SealKeys;
  readonly #logger: Logger;
  #last: Elapsed | undefined;
  #isWell = true;

  constructor(keys: SealKeys, logger: Logger) {
    this.#keys = keys;
    this.#logger = logger;
  }

  /** Called more often than there is something to do. Does not reject: what is not well is logged. */
  async look(): Promise<void> {
    const { autoSeal, record } = this.#keys;
    if (autoSeal === undefined || (this.#last !== undefined && this.#last.ms < EVERY_MS)) return;
    try {
      const isFirst = this.#last === undefined;
      const isResealed = await this.#keys.reseal();
      // It was opened just now.
      if (!isFirst || isResealed) (await rootKeyByAutoSeal(autoSeal, this.#keys.record)).fill(0);
      this.#last = new Elapsed();
      if (!this.#isWell) this.#logger.info('the seal works again', { type: record.config.type });
      this.#isWell = true;
    } catch (error) {
      const text = 'the seal is failing: once sealed, the server might not unseal again';
      this.#logger.warn(text, { type: record.config.type, error: errorText(error) });
      this.#isWell = false;
    }
  }
}
