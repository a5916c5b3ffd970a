import type { Logger, Metrics } from '@coffer/base';
import type { Engine, TokenStore } from '@coffer/framework';
import type { Store } from '@coffer/store';
import type { Barrier } from '../barrier/barrier.ts';
import type { Epochs } from '../epochs/epochs.ts';
import type { NodeLife } from '../nodes/node-life.ts';
import type { LeaseList } from './lease-list.ts';

export interface LeasesOptions {
  readonly store: Store;
  readonly barrier: Barrier;
  readonly list: LeaseList;
  /** Tokens have leases too: their rows are in there. */
  readonly tokens: Pick<TokenStore, 'byLease' | 'idOfLease' | 'revoke' | 'revokeIssuedBelow'>;
  readonly epochs: Epochs;
  /** This one. Default: nobody else is there. */
  readonly node?: NodeLife;
  /** Tells the engine that a lease's path belongs to. */
  readonly mounts: { engineFor(path: string): Engine | undefined };
  /** Default: nobody watches. */
  readonly metrics?: Metrics;
  readonly logger: Logger;
  /** Tells the expiration loop that something may be due, now or at a time in milliseconds since 1970. */
  readonly wake: (dueAt?: number) => void;
}
