import { DueLoop, type EngineContext } from '@coffer/framework';

/** Rotations at a time: each is DDL, which a cluster handles best one by one. */
const CONCURRENCY = 4;
/** Vault's tick. */
const LONGEST_SLEEP_MS = 5_000;
const SHORTEST_SLEEP_MS = 50;

/** What rotates in the background. `wake()` tells it that something may be due earlier than it expected. */
export type RotationWorker = DueLoop<string>;

/**
 * Does what is due of one mount: rotations whose time has come, their retries, and whatever a process that is gone left
 * open. `rotate` claims the row of its subject, so that only one worker handles it.
 */
export function createRotationWorker(
  rotate: (subject: string) => Promise<void>,
  { intents, catchUp, logger }: EngineContext,
): RotationWorker {
  return new DueLoop(
    {
      due: async (limit) => {
        const subjects = await intents.due(Date.now(), limit);
        if (subjects.length > 0) await catchUp();
        return subjects;
      },
      nextDue: () => intents.nextDue(),
      run: (subjects) => subjects.map(rotate),
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
