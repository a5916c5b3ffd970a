/**
 * `shared`: statements that only make roles, which may run side by side.
 * `exclusive`: anything else. PostgreSQL answers "tuple concurrently updated" when two GRANTs meet on one object, and
 * YugabyteDB wants DDL on shared objects one at a time in the whole cluster.
 */
export type DdlMode = 'shared' | 'exclusive';

interface Waiter {
  readonly mode: DdlMode;
  readonly start: () => void;
}

/** Lets DDL of one Database instance through in order of arrival, exclusive transactions alone. */
export class DdlQueue {
  readonly #waiting: Waiter[] = [];
  #running = 0;
  #exclusive = false;

  async run<T>(mode: DdlMode, work: () => Promise<T>): Promise<T> {
    await new Promise<void>((start) => {
      this.#waiting.push({ mode, start });
      this.#advance();
    });
    try {
      return await work();
    } finally {
      this.#running--;
      this.#exclusive = false;
      this.#advance();
    }
  }

  #advance(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#exclusive || (next.mode === 'exclusive' && this.#running > 0)) return;
      this.#waiting.shift();
      this.#running++;
      this.#exclusive = next.mode === 'exclusive';
      next.start();
    }
  }
}
