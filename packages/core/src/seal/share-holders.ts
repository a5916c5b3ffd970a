import type { Logger } from '@coffer/base';
import type { TokenStore } from '@coffer/framework';
import { createAwaitedRootToken } from '../tokens/root-token.ts';
import { createGenerateRoot } from './generate-root.ts';
import { createRekey } from './rekey.ts';
import type { SealControl } from './seal-control.ts';
import type { SealKeys } from './seal-keys.ts';
import type { SealRecord } from './seal-rows.ts';

export interface ShareHoldersParts {
  /** Whether the seal opens by itself: the shares are then of the recovery key. */
  readonly byItself: boolean;
  readonly record: () => Promise<SealRecord>;
  /** @throws CofferError `sealed` */
  readonly keys: () => SealKeys;
  /** @throws CofferError `sealed` */
  readonly tokens: () => TokenStore;
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  readonly logger: Logger;
}

/** What the holders of the present shares agree on, share by share, while the seal is open. */
export class ShareHolders {
  readonly rekey: SealControl['rekey'];
  readonly rekeyRecovery: SealControl['rekeyRecovery'];
  readonly generateRoot: SealControl['generateRoot'];

  constructor({ byItself, keys, tokens, ...rest }: ShareHoldersParts) {
    const parts = {
      ...rest,
      requireOpen: keys,
      verifyKey: (key: Uint8Array, record: SealRecord) => keys().isHoldersKey(key, record),
    };
    this.rekey = createRekey({
      ...parts,
      what: 'barrier',
      byItself,
      replace: (counts) => keys().replaceRootKey(counts),
    });
    this.rekeyRecovery = createRekey({
      ...parts,
      what: 'recovery',
      byItself,
      replace: (counts) => keys().replaceRecoveryKey(counts),
    });
    this.generateRoot = createGenerateRoot({
      ...parts,
      createToken: async () => (await createAwaitedRootToken(tokens())).reveal(),
    });
  }

  /** Ends whatever is under way. `reason`: for the log. */
  cancel(reason: string): void {
    for (const attempt of [this.rekey, this.rekeyRecovery, this.generateRoot]) attempt.cancel(undefined, reason);
  }
}
