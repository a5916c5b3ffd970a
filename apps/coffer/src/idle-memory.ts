import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Logger } from '@coffer/base';

/** How often it is looked whether there is something to give back, in milliseconds. */
const LOOK_MS = 10_000;
/** Of one processor: below, nobody is kept waiting by a collection. */
const QUIET_SHARE = 0.1;
/** What is resident may grow by that much before it is worth a collection. */
const GROWTH = 1.15;

/**
 * Gives back what work has left behind, once there is next to none: V8 collects its old generation when it needs room, and a server
 * with nothing to do needs none, so that it would keep what its busiest hour took. A collection takes some tens of milliseconds.
 * Returns what ends the watch.
 */
export function watchIdleMemory(logger: Logger): () => void {
  const collect = collector();
  let used = process.cpuUsage();
  let least = process.memoryUsage.rss();
  const look = (): void => {
    const { user, system } = process.cpuUsage(used);
    used = process.cpuUsage();
    const before = process.memoryUsage.rss();
    const isQuiet = (user + system) / 1_000 < LOOK_MS * QUIET_SHARE;
    if (!isQuiet || before < least * GROWTH) return;
    const begin = performance.now();
    collect();
    least = process.memoryUsage.rss();
    logger.debug('gave back memory', { before, after: least, ms: Math.round(performance.now() - begin) });
    used = process.cpuUsage();
  };
  const timer = setInterval(look, LOOK_MS).unref();
  return () => clearInterval(timer);
}

function collector(): () => void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as NodeJS.GCFunction;
  return () => collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
