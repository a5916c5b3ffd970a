import { errorText, type Logger } from '@coffer/base';
import type { EntryStorage, TokenStore } from '@coffer/framework';
import { createAwaitedRootToken } from '../tokens/root-token.ts';
import { createGenerateRoot } from './generate-root.ts';
import type { Attempted } from './operator-attempt.ts';
import { createRekey } from './rekey.ts';
import type { RekeyControl, SealControl } from './seal-control.ts';
import type { SealKeys } from './seal-keys.ts';
import type { SealRecord } from './seal-rows.ts';

export interface ShareHoldersParts {
  /** Whether the seal opens by itself: the shares are then of the recovery key. */
  readonly byItself: boolean;
  /** @throws CofferError `sealed` */
  readonly keys: () => SealKeys;
  /** Where attempts are kept. @throws CofferError `sealed` */
  readonly storage: () => EntryStorage;
  /** @throws CofferError `sealed` */
  readonly tokens: () => TokenStore;
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  readonly logger: Logger;
}

/** What the holders of the present shares agree on, share by share, while the seal is open. */
export class ShareHolders {
  readonly rekey: Attempted<RekeyControl>;
  readonly rekeyRecovery: Attempted<RekeyControl>;
  readonly generateRoot: Attempted<SealControl['generateRoot']>;
  readonly #logger: Logger;

  constructor({ byItself, keys, tokens, ...rest }: ShareHoldersParts) {
    this.#logger = rest.logger;
    const parts = {
      ...rest,
      record: async () => {
        await keys().follow();
        return keys().record;
      },
      verifyKey: (key: Uint8Array, record: SealRecord) => keys().isHoldersKey(key, record),
    };
    this.rekey = createRekey({
      ...parts,
      what: 'barrier',
      byItself,
      replace: async (counts, agreed) => {
        const shares = await keys().replaceRootKey(counts, agreed);
        if (!byItself) await this.#sharesReplaced([this.generateRoot]);
        return shares;
      },
    });
    this.rekeyRecovery = createRekey({
      ...parts,
      what: 'recovery',
      byItself,
      replace: async (counts, agreed) => {
        const shares = await keys().replaceRecoveryKey(counts, agreed);
        await this.#sharesReplaced([this.rekey, this.generateRoot]);
        return shares;
      },
    });
    this.generateRoot = createGenerateRoot({
      ...parts,
      createToken: async () => (await createAwaitedRootToken(tokens())).reveal(),
    });
  }

  /** Ends whatever is under way. `reason`: for the log. `storage`: that of a seal which is closing. */
  async cancel(reason: string, storage?: EntryStorage): Promise<void> {
    for (const { attempt } of [this.rekey, this.rekeyRecovery, this.generateRoot]) {
      await attempt.cancel(undefined, reason, storage);
    }
  }

  /** Whoever gets the new shares must get them, whatever becomes of this. */
  async #sharesReplaced(others: readonly Attempted<unknown>[]): Promise<void> {
    try {
      for (const { attempt } of others) await attempt.forgetShares();
    } catch (error) {
      this.#logger.warn('an attempt in progress still has shares of the replaced key', { error: errorText(error) });
    }
  }
}
