import type { Logger } from '@coffer/base';
import type { Path } from '@coffer/framework';
import type { Store } from '@coffer/store';
import type { BuiltCore, OpenParts } from './open-seal.ts';
import type { AutoSeal } from './seal/auto-seal.ts';
import type { SealControl, SealState } from './seal/seal-control.ts';

export interface SealableCoreOptions {
  readonly store: Store;
  /** Opens the seal without people; without it, shares are needed. Forgotten when the seal closes or the core stops. */
  readonly autoSeal?: AutoSeal;
  /** The one that a store is to be moved away from, if it still has it. Forgotten likewise, and once the store is open. */
  readonly formerSeal?: AutoSeal;
  /** Keeps a seal that opens by itself closed, since it was closed on purpose. The seals themselves are then not needed. */
  readonly staySealed?: boolean;
  /** Called when the seal has closed and the keys are wiped: what was behind it has ended, or is no longer waited for. */
  readonly onSealed?: (seal: { readonly state: SealState }) => void;
  /** Where clients reach this node, for the others to see. */
  readonly address?: string;
  /** The name that the cluster gets when its store is opened for the first time. Default: a random one. */
  readonly clusterName?: string;
  /** Makes the core that works behind the open seal, each time it opens. */
  readonly build: (parts: OpenParts) => BuiltCore;
  /** The paths under `sys/` that answer while sealed. */
  readonly sealedPaths: (control: SealControl) => readonly Path[];
  readonly logger: Logger;
}
