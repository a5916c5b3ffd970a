import { DueLoop, type EngineContext } from '@coffer/framework';

/** Rotations side by side: each is DDL, which a cluster wants one at a time. */
const CONCURRENCY = 4;
/** Vault's tick. */
const LONGEST_SLEEP_MS = 5_000;
const SHORTEST_SLEEP_MS = 50;

/** What rotates in the background. `wake()` tells it that something may be due sooner than it knew. */
export type RotationWorker = DueLoop<string>;

/**
 * Does what is due of one mount: rotations whose time has come, their retries, and whatever a process that is gone left
 * open. `rotate` claims the row of its subject, so that one worker is at it.
 */
export function createRotationWorker(
  rotate: (subject: string) => Promise<void>,
  { intents, logger }: EngineContext,
): RotationWorker {
  return new DueLoop(
    {
      due: (limit) => intents.due(Date.now(), limit),
      nextDue: () => intents.nextDue(),
      run: rotate,
      nameOf: (subject) => subject,
    },
    {
      concurrency: CONCURRENCY,
      longestSleepMs: LONGEST_SLEEP_MS,
      shortestSleepMs: SHORTEST_SLEEP_MS,
      logger: logger.named('rotations'),
    },
  );
}
