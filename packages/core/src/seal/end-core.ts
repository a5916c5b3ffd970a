import { setTimeout as delay } from 'node:timers/promises';
import { errorText, type Logger } from '@coffer/base';
import type { LiveCore } from './live-core.ts';

export interface EndCoreOptions {
  /** How long the keys are kept for what is still under way, in milliseconds. Default: until all of it has ended. */
  readonly keysMs?: number;
  readonly wipeKeys: () => Promise<void>;
  readonly logger: Logger;
}

/**
 * Ends a core, and wipes the keys when nothing needs them any more or their time is over: what hangs, with a database say,
 * then fails without them, and the next start finishes or undoes it. Resolves when both are done.
 */
export async function endCore(live: LiveCore, { keysMs, wipeKeys, logger }: EndCoreOptions): Promise<void> {
  const ended = live
    .close()
    .catch((error: unknown) => logger.error('the core did not end well', { error: errorText(error) }));
  await (keysMs === undefined ? ended : Promise.race([ended, delay(keysMs, undefined, { ref: false })]));
  await wipeKeys();
  await ended;
}
