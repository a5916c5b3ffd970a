import { CofferError } from '@coffer/base';
import type { EngineContext } from '@coffer/core';

/** Rotations side by side: each is DDL, which a cluster wants one at a time. */
const CONCURRENCY = 4;
/** The longest sleep in milliseconds, Vault's tick: rows may also become due by another node's hand. */
const LONGEST_SLEEP_MS = 5_000;

/**
 * Does what is due of one mount: rotations whose time has come, their retries, and whatever a process that is gone left
 * open. There is no timer for each role: the next due time is an index look-up, and each row is claimed by one worker.
 */
export class RotationWorker {
  readonly #work: (subject: string) => Promise<void>;
  readonly #context: EngineContext;
  readonly #running = new Map<string, Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> | undefined;
  #again = false;
  #stopped = true;

  constructor(work: (subject: string) => Promise<void>, context: EngineContext) {
    this.#work = work;
    this.#context = context;
  }

  start(): void {
    this.#stopped = false;
    // Not at once: the engine is still being made.
    this.#timer = setTimeout(() => this.wake(), 0);
  }

  /** Looks now instead of at the end of the current sleep. */
  wake(): void {
    if (this.#stopped) return;
    if (this.#round !== undefined) {
      this.#again = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#round = this.#look().then((delay) => {
      this.#round = undefined;
      const immediately = this.#again;
      this.#again = false;
      if (!this.#stopped) this.#timer = setTimeout(() => this.wake(), immediately ? 0 : delay);
    });
  }

  /** Starts nothing new and waits for what is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#round;
    await Promise.all(this.#running.values());
  }

  /** Starts what is due and returns how long to sleep, in milliseconds. Never rejects. */
  async #look(): Promise<number> {
    const { intents, logger } = this.#context;
    try {
      const now = Date.now();
      for (const subject of await intents.due(now, CONCURRENCY)) this.#start(subject);
      if (this.#running.size >= CONCURRENCY) return LONGEST_SLEEP_MS;
      const next = (await intents.nextDue()) ?? Number.POSITIVE_INFINITY;
      return Math.min(LONGEST_SLEEP_MS, Math.max(50, next - Date.now()));
    } catch (thrown) {
      logger.error('rotations: the store did not answer', { error: CofferError.from(thrown).message });
      return LONGEST_SLEEP_MS;
    }
  }

  #start(subject: string): void {
    if (this.#running.has(subject) || this.#running.size >= CONCURRENCY) return;
    const work = this.#work(subject)
      .catch((thrown: unknown) =>
        this.#context.logger.error('rotations: an attempt was not recorded', {
          subject,
          error: CofferError.from(thrown).message,
        }),
      )
      .then(() => {
        this.#running.delete(subject);
        this.wake();
      });
    this.#running.set(subject, work);
  }
}
