import { type Logger, type Metrics, NO_METRICS, statesOf } from '@coffer/base';
import { closeConnections, type Connections, createConnections } from '@coffer/yb-connection';
import type { Access } from '../ddl/access.ts';
import { AdvisoryLock } from '../ddl/advisory-lock.ts';
import { Batches } from '../ddl/batches.ts';
import { DdlQueue } from '../ddl/ddl-queue.ts';
import { OwedSessions } from '../ddl/owed-sessions.ts';
import { sessionProfile } from '../ddl/session-profile.ts';
import type { YsqlSettings } from '../settings/settings.ts';
import { createTogether, type Creation, type CreationOutcome } from './create-batch.ts';
import { type DropOutcome, dropTogether } from './drop-batch.ts';
import { endOnNode, endRoleSessions } from './end-sessions.ts';

/** {@link Access}, plus the work on users that is done in batches with whatever else is waiting. */
export interface UserAccess extends Access {
  /** Users to create. */
  readonly creations: Batches<Creation, CreationOutcome>;
  /** Roles to drop, by name. */
  readonly drops: Batches<string, DropOutcome>;
  /** Roles that a batch has left for later: whoever asks for one next drops it alone. */
  readonly left: Set<string>;
  /** Roles whose sessions to end, by oid. */
  readonly endings: Batches<string, string>;
  /** Nobody looks at it any more. */
  readonly unwatch: () => void;
}

export function createUserAccess(settings: YsqlSettings, logger: Logger, metrics = NO_METRICS): UserAccess {
  const { cluster, pool } = createConnections(settings, sessionProfile(settings, metrics), logger, (ms) =>
    metrics.took('coffer.database.queue.seconds', ms, { queue: 'pool' }),
  );
  const access: UserAccess = {
    settings,
    cluster,
    pool,
    queue: new DdlQueue(),
    advisoryLock: new AdvisoryLock(),
    creations: new Batches(
      { batches: Math.min(settings.maxOpen, CREATING_CONNECTIONS), items: BATCH_ITEMS },
      (creations) => createTogether(access, creations),
    ),
    drops: new Batches({ batches: 1, items: DROPPED_TOGETHER }, (names) => dropTogether(access, names)),
    left: new Set(),
    endings: new Batches({ batches: ENDING_BATCHES, items: BATCH_ITEMS }, async (oids) => {
      await endRoleSessions(access, oids);
      return oids;
    }),
    owed: new OwedSessions((node, oids, signal) => endOnNode(cluster, node, oids, signal), logger),
    unwatch: watchAccess(metrics, { cluster, pool }, () => access.owed.users),
    metrics,
    logger,
  };
  return access;
}

function watchAccess(metrics: Metrics, { cluster, pool }: Connections, owed: () => number): () => void {
  const stops = [
    metrics.gauge('coffer.database.pool.connections', () => statesOf({ ...pool.counts })),
    metrics.gauge('coffer.database.nodes', () => {
      const { up, setAside } = cluster.nodeCounts;
      return statesOf({ up, set_aside: setAside });
    }),
    metrics.gauge('coffer.database.sessions.owed', owed),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

/** Closes its connections and ends what is under way in the background. */
export async function closeAccess(access: UserAccess): Promise<void> {
  access.unwatch();
  access.owed.close();
  await closeConnections(access);
}

/** With SCRAM each new password takes the server milliseconds to compute; this many of its processes work on that. */
const CREATING_CONNECTIONS = 4;
/** Limits the locks that one transaction takes, and the length of one statement. */
const BATCH_ITEMS = 64;
/** More, since a role that is dropped takes one lock, and whatever the server does once for each statement is most of it. */
const DROPPED_TOGETHER = 128;
/** Several, so that a session that is slow to end only holds up those in its own batch. */
const ENDING_BATCHES = 8;
