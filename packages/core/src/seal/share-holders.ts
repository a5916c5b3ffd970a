import type { Logger } from '@coffer/base';
import { createAwaitedRootToken } from '../tokens/root-token.ts';
import { createGenerateRoot } from './generate-root.ts';
import type { OpenSeal } from './open-seal.ts';
import { createRekey } from './rekey.ts';
import type { SealControl } from './seal-control.ts';
import type { SealRecord } from './seal-rows.ts';

export interface ShareHoldersParts {
  /** Whether the seal opens by itself: the shares are then of the recovery key. */
  readonly byItself: boolean;
  readonly record: () => Promise<SealRecord>;
  /** @throws CofferError `sealed` */
  readonly open: () => OpenSeal;
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  readonly logger: Logger;
}

/** What the holders of the present shares agree on, share by share, while the seal is open. */
export class ShareHolders {
  readonly rekey: SealControl['rekey'];
  readonly rekeyRecovery: SealControl['rekeyRecovery'];
  readonly generateRoot: SealControl['generateRoot'];

  constructor({ byItself, open, ...rest }: ShareHoldersParts) {
    const parts = {
      ...rest,
      requireOpen: open,
      verifyKey: (key: Uint8Array, record: SealRecord) => open().keys.isHoldersKey(key, record),
    };
    this.rekey = createRekey({
      ...parts,
      what: 'barrier',
      byItself,
      replace: (counts) => open().keys.replaceRootKey(counts),
    });
    this.rekeyRecovery = createRekey({
      ...parts,
      what: 'recovery',
      byItself,
      replace: (counts) => open().keys.replaceRecoveryKey(counts),
    });
    this.generateRoot = createGenerateRoot({
      ...parts,
      createToken: async () => (await createAwaitedRootToken(open().core.services.tokens)).reveal(),
    });
  }

  /** Ends whatever is under way. `reason`: for the log. */
  cancel(reason: string): void {
    for (const attempt of [this.rekey, this.rekeyRecovery, this.generateRoot]) attempt.cancel(undefined, reason);
  }
}
