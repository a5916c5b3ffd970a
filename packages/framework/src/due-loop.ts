import { CofferError, type Logger, withoutDeadline } from '@coffer/base';

/** Work whose items are in the store, each with the time at which it is due. */
export interface DueWork<Item> {
  /** At most `limit` items that are due and that nobody is working on, the most overdue first. */
  due(limit: number): Promise<readonly Item[]>;
  /** When the next item that nobody is working on is due, in milliseconds since 1970; undefined when there is none. */
  nextDue(): Promise<number | undefined>;
  /**
   * Does items, and resolves for each when it is done. Rejects only when its outcome could not be written down: it then becomes due again
   * by itself.
   */
  run(items: readonly Item[]): readonly Promise<void>[];
  /** Names an item in the log; of items with the same name only one runs at a time. */
  nameOf(item: Item): string;
}

export interface DueLoopOptions {
  /** Items run side by side. */
  readonly concurrency: number;
  /** In milliseconds. Another node may make rows due without anybody here being told. */
  readonly longestSleepMs: number;
  /** In milliseconds: an item may stay due for a moment, while its worker has not claimed it yet. */
  readonly shortestSleepMs: number;
  readonly logger: Logger;
}

/**
 * Does what is due, and sleeps until something is due again. There is no timer per item: the next time is an index look-up,
 * so memory does not grow with the number of items.
 */
export class DueLoop<Item> {
  readonly #work: DueWork<Item>;
  readonly #options: DueLoopOptions;
  readonly #running = new Map<string, Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> | undefined;
  #again = false;
  #failed = false;
  #stopped = true;

  constructor(work: DueWork<Item>, options: DueLoopOptions) {
    this.#work = work;
    this.#options = options;
  }

  /** Looks soon, not at once: whoever starts the loop may still be under construction. */
  start(): void {
    this.#stopped = false;
    this.#timer = setTimeout(() => this.wake(), 0);
  }

  /**
   * Looks now instead of at the end of the current sleep, unless nothing is due before that (milliseconds since 1970): whoever issues
   * for an hour must not cost a look each time.
   */
  wake(dueAt = 0): void {
    if (this.#stopped || dueAt > Date.now() + this.#options.longestSleepMs) return;
    if (this.#round !== undefined) {
      this.#again = true;
      return;
    }
    clearTimeout(this.#timer);
    // It may be woken by a request, whose deadline is not that of the work.
    this.#round = withoutDeadline(() => this.#look()).then((delay) => {
      this.#round = undefined;
      const immediately = this.#again;
      this.#again = false;
      if (!this.#stopped) this.#timer = setTimeout(() => this.wake(), immediately ? 0 : delay);
    });
  }

  /** Starts nothing new, and waits for what is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#round;
    await Promise.all(this.#running.values());
  }

  /** Starts what is due and returns how long to sleep, in milliseconds. Never rejects. */
  async #look(): Promise<number> {
    const { concurrency, longestSleepMs, shortestSleepMs, logger } = this.#options;
    if (this.#failed) {
      // A store that can be read but not written, as on a full disk, would offer the same item again and again.
      this.#failed = false;
      return longestSleepMs;
    }
    try {
      // What ends together makes room together.
      await new Promise<void>((resolve) => process.nextTick(resolve));
      const free = concurrency - this.#running.size;
      if (free > 0) this.#startAll(await this.#work.due(free));
      // Whichever ends next wakes the loop.
      if (this.#running.size >= concurrency) return longestSleepMs;
      const next = (await this.#work.nextDue()) ?? Number.POSITIVE_INFINITY;
      return Math.min(longestSleepMs, Math.max(shortestSleepMs, next - Date.now()));
    } catch (thrown) {
      logger.error('failed to read from the store what is due', { error: CofferError.from(thrown).message });
      return longestSleepMs;
    }
  }

  #startAll(due: readonly Item[]): void {
    const items = new Map<string, Item>();
    for (const item of due) {
      const name = this.#work.nameOf(item);
      if (!this.#running.has(name)) items.set(name, item);
    }
    const works = this.#work.run([...items.values()]);
    for (const [at, name] of [...items.keys()].entries()) this.#follow(name, works[at] ?? Promise.resolve());
  }

  #follow(name: string, begun: Promise<void>): void {
    const work = begun
      .catch((thrown: unknown) => {
        this.#failed = true;
        this.#options.logger.error('failed to record the result', {
          item: name,
          error: CofferError.from(thrown).message,
        });
      })
      .then(() => {
        this.#running.delete(name);
        this.wake();
      });
    this.#running.set(name, work);
  }
}
