import type { Logger } from '@coffer/base';
import { collectGarbage } from '@coffer/core';

/** How often it is looked whether there is something to give back, in milliseconds. */
const LOOK_MS = 10_000;
/** Of one processor: below, nobody is kept waiting by a collection. */
const QUIET_SHARE = 0.1;
/** What is resident may grow by that much before it is worth a collection. */
const GROWTH = 1.15;

/**
 * Gives back what work has left behind, once there is next to none: V8 collects its old generation when it needs room, and a server
 * with nothing to do needs none, so that it would keep what its busiest hour took. A collection takes some tens of milliseconds.
 */
export class IdleMemory {
  readonly #logger: Logger;
  #used = process.cpuUsage();
  #since = performance.now();
  /** Resident after the last collection. */
  #least = process.memoryUsage.rss();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Collects if there was little to do since the last look, and there is something to be had. */
  look(): void {
    const isQuiet = this.#share() < QUIET_SHARE;
    this.#begin();
    const before = process.memoryUsage.rss();
    if (!isQuiet || before < this.#least * GROWTH) return;
    const begin = performance.now();
    collectGarbage();
    this.#least = process.memoryUsage.rss();
    const ms = Math.round(performance.now() - begin);
    this.#logger.debug('returned memory to the system', { before, after: this.#least, ms });
    this.#begin();
  }

  /** Of one processor, since the last look. */
  #share(): number {
    const { user, system } = process.cpuUsage(this.#used);
    return (user + system) / 1_000 / (performance.now() - this.#since);
  }

  #begin(): void {
    this.#used = process.cpuUsage();
    this.#since = performance.now();
  }
}

/** Looks from time to time; returns what ends that. */
export function watchIdleMemory(logger: Logger): () => void {
  const memory = new IdleMemory(logger);
  const timer = setInterval(() => memory.look(), LOOK_MS).unref();
  return () => clearInterval(timer);
}
