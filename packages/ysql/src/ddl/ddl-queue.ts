import { whileAwaited } from '@coffer/base';

/**
 * `shared`: statements that only create, change or drop roles of their own.
 * `exclusive`: anything else. PostgreSQL answers "tuple concurrently updated" when two GRANTs meet on one object.
 */
export type DdlMode = 'shared' | 'exclusive';

/** Starts work in order of arrival, as `mayStart` allows. Nothing waits for work that came after it. */
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

  /** @throws CofferError `failed` when the caller has given up; its place in the queue is then free */
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
 * The DDL of one Database instance. On PostgreSQL it runs side by side, except for what touches shared privileges. It runs one
 * after the other on YugabyteDB, which wants only one role DDL at a time in the whole cluster, and on a server that we have not
 * seen at work yet.
 */
export class DdlQueue {
  #sideBySide = false;
  readonly #all = new Gate((running) => this.#sideBySide || running === 0);
  readonly #privileges = new Gate((running) => running === 0);

  /** How many pieces of work are running or waiting. */
  get load(): number {
    return this.#all.load;
  }

  /** Reports what has been seen of the server: whether its DDL is part of the transaction around it. */
  learn(transactional: boolean): void {
    this.#sideBySide = transactional;
    this.#all.advance();
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    return await this.#all.run(work);
  }

  /** For the part of the work that touches shared privileges: on any server, one at a time. */
  async withPrivileges<T>(work: () => Promise<T>): Promise<T> {
    return await this.#privileges.run(work);
  }
}
