import type { Logger, Metrics } from '@coffer/base';
import type { Cluster, SessionPool } from '@coffer/yb-connection';
import type { YsqlSettings } from '../settings/settings.ts';
import type { AdvisoryLock } from './advisory-lock.ts';
import type { DdlQueue } from './ddl-queue.ts';
import type { OwedSessions } from './owed-sessions.ts';

/** Everything that one configured connection works with. None of it is shared with another connection. */
export interface Access {
  readonly settings: YsqlSettings;
  readonly cluster: Cluster;
  readonly pool: SessionPool;
  readonly queue: DdlQueue;
  readonly advisoryLock: AdvisoryLock;
  /** Sessions that are still to be ended, on nodes that could not be reached. */
  readonly owed: OwedSessions;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Set while our own user's password is being changed: access to the same cluster with the new password. */
  readonly successor?: Access;
}
