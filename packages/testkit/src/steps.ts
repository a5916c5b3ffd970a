import { setTimeout as sleep } from 'node:timers/promises';
import type { SqlStatement, SqlValue, Store } from '@coffer/store';

/** Where an operation was stopped: before or after its call number `call`, counted from 0. */
export interface StoppingPoint {
  readonly call: number;
  readonly when: 'before' | 'after';
  /** The SQL of the call, or another name for it. */
  readonly what: string;
}

export interface Interleaving {
  /** Sets everything up afresh for each stopping point. */
  readonly prepare: () => Promise<void>;
  /** The operation that is stopped at each of its calls in turn. Its rejections are ignored. */
  readonly stopped: () => Promise<unknown>;
  /**
   * Runs as a whole while the other one is stopped. If it waits for the other one, that goes on as soon as nothing else
   * does. If it rejects, the test fails.
   */
  readonly meanwhile: () => Promise<unknown>;
  /** Called when `meanwhile` has resolved with the other one still stopped. */
  readonly whileStopped?: (point: StoppingPoint) => Promise<void>;
  /** Called when both are over. */
  readonly afterwards: (point: StoppingPoint) => Promise<void>;
}

/** An operation that has no call under way for so long is taken to wait for the one that is stopped, in milliseconds. */
const IDLE_MS = 30;

/**
 * The calls that whatever is tested awaits, in the order in which they are made. Wrap its store with {@link steppedStore}, and
 * anything else that it awaits with {@link Steps.pass}.
 */
export class Steps {
  #stop: { readonly call: number; readonly when: StoppingPoint['when'] } | undefined;
  #calls = 0;
  #underWay = 0;
  #reached = Promise.withResolvers<StoppingPoint>();
  #resume = Promise.withResolvers<void>();

  /** Does a call that may be stopped before it begins, and after it is done but before its result is seen. */
  async pass<T>(what: string, work: () => Promise<T>): Promise<T> {
    const call = this.#calls++;
    await this.#stopAt({ call, when: 'before', what });
    this.#underWay++;
    try {
      return await work();
    } finally {
      this.#underWay--;
      await this.#stopAt({ call, when: 'after', what });
    }
  }

  /**
   * Stops an operation at every point there is, and runs another one meanwhile.
   * @returns the points, in order: none when the operation awaits nothing
   */
  async interleave(test: Interleaving): Promise<StoppingPoint[]> {
    const points: StoppingPoint[] = [];
    for (let call = 0; ; call++) {
      for (const when of ['before', 'after'] as const) {
        await test.prepare();
        const point = await this.#interleaveAt({ call, when }, test);
        if (point === undefined) return points;
        points.push(point);
      }
    }
  }

  async #interleaveAt(
    stop: { readonly call: number; readonly when: StoppingPoint['when'] },
    { stopped, meanwhile, whileStopped, afterwards }: Interleaving,
  ): Promise<StoppingPoint | undefined> {
    this.#calls = 0;
    this.#reached = Promise.withResolvers();
    this.#resume = Promise.withResolvers();
    this.#stop = stop;
    const first = stopped().catch(() => undefined);
    const point = await Promise.race([this.#reached.promise, first.then(() => undefined)]);
    this.#stop = undefined;
    if (point === undefined) return undefined;
    try {
      const second = meanwhile();
      if (await this.#endsByItself(second)) await whileStopped?.(point);
      this.#resume.resolve();
      await second;
    } finally {
      this.#resume.resolve();
      await first;
    }
    await afterwards(point);
    return point;
  }

  /** False when it still runs while no call is under way: then it waits for the one that is stopped. */
  async #endsByItself(work: Promise<unknown>): Promise<boolean> {
    let over = false;
    const ended = work.finally(() => (over = true)).catch(() => undefined);
    for (let idle = 0; !over && idle < IDLE_MS; idle = this.#underWay > 0 ? 0 : idle + 1) {
      await Promise.race([ended, sleep(1)]);
    }
    return over;
  }

  async #stopAt(point: StoppingPoint): Promise<void> {
    if (this.#stop?.call !== point.call || this.#stop.when !== point.when) return;
    this.#stop = undefined;
    this.#reached.resolve(point);
    await this.#resume.promise;
  }
}

/** A store whose every call is a step, or every one that has a statement like `counted`: others are done as they come. */
export function steppedStore(inner: Store, steps: Steps, counted = /^/): Store {
  const transaction = (statements: readonly SqlStatement[]): ReturnType<Store['transaction']> => {
    const what = statements.map(({ sql }) => sql.replace(/\s+/g, ' ').trim()).join('; ');
    const work = (): ReturnType<Store['transaction']> => inner.transaction(statements);
    return counted.test(what) ? steps.pass(what, work) : work();
  };
  return {
    exclusive: inner.exclusive,
    ...(inner.rewrites && { rewrites: inner.rewrites.bind(inner) }),
    async run(sql: string, params?: readonly SqlValue[]) {
      const [result] = await transaction([{ sql, ...(params && { params }) }]);
      return result ?? { rows: [], changes: 0 };
    },
    transaction,
    close: () => inner.close(),
  };
}
