import { whileAwaited } from '@coffer/base';

/**
 * `shared`: statements that only make, change or drop roles of their own.
 * `exclusive`: anything else. PostgreSQL answers "tuple concurrently updated" when two GRANTs meet on one object.
 */
export type DdlMode = 'shared' | 'exclusive';

/** Lets work through in order of arrival, as `mayStart` allows; none waits for work that came after it. */
class Gate {
  readonly #mayStart: (running: number) => boolean;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(mayStart: (running: number) => boolean) {
    this.#mayStart = mayStart;
  }

  get load(): number {
    return this.#running + this.#waiting.length;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting.length === 0 && this.#mayStart(this.#running)) this.#running++;
    else await this.#turn();
    try {
      return await work();
    } finally {
      this.#running--;
      this.advance();
    }
  }

  /** @throws CofferError `failed` when nobody waits any more: the place is then given up */
  async #turn(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    try {
      await whileAwaited(promise);
    } catch (error) {
      const at = this.#waiting.indexOf(resolve);
      if (at >= 0) this.#waiting.splice(at, 1);
      else {
        // The turn came at the same moment.
        this.#running--;
        this.advance();
      }
      throw error;
    }
  }

  advance(): void {
    while (this.#mayStart(this.#running)) {
      const start = this.#waiting.shift();
      if (start === undefined) return;
      this.#running++;
      start();
    }
  }
}

/**
 * The DDL of one Database instance. On PostgreSQL it runs side by side but for what touches shared privileges; on
 * YugabyteDB, which wants role DDL one at a time in the whole cluster, and on a server that nobody has seen at work yet,
 * one after the other.
 */
export class DdlQueue {
  #sideBySide = false;
  readonly #all = new Gate((running) => this.#sideBySide || running === 0);
  readonly #privileges = new Gate((running) => running === 0);

  /** How much is running or waiting. */
  get load(): number {
    return this.#all.load;
  }

  /** Tells what was seen of the server: whether its DDL is part of the transaction that it stands in. */
  learn(transactional: boolean): void {
    this.#sideBySide = transactional;
    this.#all.advance();
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    return await this.#all.run(work);
  }

  /** For the part of `run` that touches shared privileges: one at a time everywhere. */
  async withPrivileges<T>(work: () => Promise<T>): Promise<T> {
    return await this.#privileges.run(work);
  }
}
