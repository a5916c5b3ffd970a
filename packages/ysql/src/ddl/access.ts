import type { Logger } from '@coffer/base';
import type { Cluster } from '../connection/cluster.ts';
import type { SessionPool } from '../connection/session-pool.ts';
import type { YsqlSettings } from '../settings/settings.ts';
import type { AdvisoryLock } from './advisory-lock.ts';
import type { DdlQueue } from './ddl-queue.ts';
import type { OwedSessions } from './owed-sessions.ts';

/** Everything that one configured connection works with; nothing of it is shared with another one. */
export interface Access {
  readonly settings: YsqlSettings;
  readonly cluster: Cluster;
  readonly pool: SessionPool;
  readonly queue: DdlQueue;
  readonly advisoryLock: AdvisoryLock;
  /** Sessions to be ended on nodes that could not be reached. */
  readonly owed: OwedSessions;
  readonly logger: Logger;
  /** While the password of our own user changes: the same cluster by the new one. */
  readonly successor?: Access;
}
