import { type Logger, type Metrics } from '@coffer/base';
import { type TtlLimits, type BuiltinPlugin, type UserLockout } from '@coffer/framework';
import type { Store } from '@coffer/store';
import { type AuditSetup } from './audit/audit-setup.ts';
import type { Barrier } from './barrier/barrier.ts';
import type { Epochs } from './epochs/epochs.ts';
import { type NodeLife } from './nodes/node-life.ts';

export interface CoreOptions {
  readonly store: Store;
  readonly barrier: Barrier;
  /** Of the store. Default: new ones. */
  readonly epochs?: Epochs;
  /** This one. Default: nobody else is there. */
  readonly node?: NodeLife;
  readonly builtinPlugins: readonly BuiltinPlugin[];
  /** For mounts that have no limits of their own. Default: Vault's 768 hours. */
  readonly systemTtl?: TtlLimits;
  /** Of the users of a type of auth method. Default: Vault's. */
  readonly userLockout?: (type: string) => UserLockout;
  /** What the configuration says of audit devices. Default: nothing. */
  readonly audit?: AuditSetup;
  /** Told who the client of each request is, as `sys/in-flight-req` shows it. */
  readonly onClient?: (requestId: string, clientId: () => string) => void;
  /** Default: nobody watches. */
  readonly metrics?: Metrics;
  /** How often tokens are counted: see {@link UsageGauges}. Default: 10 minutes. */
  readonly usagePeriodMs?: number;
  readonly logger: Logger;
}
