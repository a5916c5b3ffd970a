import type { Logger } from '@coffer/base';
import { connect, type SessionProfile } from '../session/connect.ts';
import { ReadOnlyPlaces } from '../session/target-session.ts';
import type { ConnectionSettings } from '../settings/connection-settings.ts';
import { Cluster } from './cluster.ts';
import { SessionPool } from './session-pool.ts';

/** A cluster as one user of it knows it, and the pool of connections to its nodes. */
export interface Connections {
  readonly cluster: Cluster;
  readonly pool: SessionPool;
}

/** Connects to nothing until the pool is used. `waited`: see {@link SessionPool}. */
export function createConnections(
  settings: ConnectionSettings,
  profile: SessionProfile,
  logger: Logger,
  waited?: (ms: number) => void,
): Connections {
  const readOnly = new ReadOnlyPlaces();
  const cluster = new Cluster(
    settings,
    (target, database, how) => connect(settings, profile, target, database, { ...how, readOnly }),
    logger,
  );
  const pool = new SessionPool(
    settings,
    logger,
    (wish) => cluster.open(wish),
    () => cluster.size,
    waited,
  );
  return { cluster, pool };
}

/** Closes the connections, those in use as they come back, and ends what is under way in the background. */
export async function closeConnections({ cluster, pool }: Connections): Promise<void> {
  cluster.close();
  await pool.close();
}
