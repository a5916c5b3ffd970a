import type { Logger } from '@coffer/base';
import type { Access } from './access.ts';
import { AdvisoryLock } from './advisory-lock.ts';
import { Batches } from './batches.ts';
import { Cluster } from './cluster.ts';
import { connect } from './connect.ts';
import { createTogether } from './create-batch.ts';
import { DdlQueue } from './ddl-queue.ts';
import { dropTogether } from './drop-batch.ts';
import { OwedSessions } from './owed-sessions.ts';
import { SessionPool } from './session-pool.ts';
import { endOnNode, endRoleSessions } from './sessions.ts';
import type { YsqlSettings } from './settings.ts';

export function createAccess(settings: YsqlSettings, logger: Logger): Access {
  const cluster = new Cluster(settings, (target, database) => connect(settings, target, database), logger);
  const pool = new SessionPool(settings, logger, (wish) => cluster.open(wish));
  const access: Access = {
    settings,
    cluster,
    pool,
    queue: new DdlQueue(),
    advisoryLock: new AdvisoryLock(),
    creations: new Batches(
      { batches: Math.min(settings.maxOpen, CREATING_CONNECTIONS), items: BATCH_ITEMS },
      (creations) => createTogether(access, creations),
    ),
    drops: new Batches({ batches: 1, items: BATCH_ITEMS }, (names) => dropTogether(access, names)),
    endings: new Batches({ batches: ENDING_BATCHES, items: BATCH_ITEMS }, async (oids) => {
      await endRoleSessions(access, oids);
      return oids;
    }),
    owed: new OwedSessions((node, oids, signal) => endOnNode(cluster, node, oids, signal), logger),
    logger,
  };
  return access;
}

/** Under SCRAM the server computes for milliseconds on each new password: as many processes of its work at that. */
const CREATING_CONNECTIONS = 4;
/** Bounds the locks of one transaction and the length of one statement. */
const BATCH_ITEMS = 64;
/** A session that takes its time to end holds up nobody but who was told together with it. */
const ENDING_BATCHES = 8;
