import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Departure, type Leaving } from './departure.ts';
import { CofferError } from './error.ts';

/** The longest that a timer of Node.js can wait, in milliseconds. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** Nested calls end this much earlier, so that their reason still reaches the caller: a tenth of the time, at most this. */
const MAX_RESERVE_MS = 10_000;

const current = new AsyncLocalStorage<Deadline | undefined>();

/**
 * How long a caller waits for what is being done, and whether it still does: what a `context.Context` is in Go. It is
 * carried along by {@link withDeadline} and not by arguments; whatever serves more than one caller leaves it behind with
 * {@link withoutDeadline}.
 */
export class Deadline {
  readonly totalMs: number;
  readonly #end: number;
  readonly #over = new Departure();
  #reason: CofferError | undefined;
  readonly #timer: NodeJS.Timeout;
  #awaited: Set<{ readonly what: string }> | undefined;

  /** `gone` is aborted when the caller stops waiting. `setting` is named in the error when the time is over. */
  constructor(totalMs: number, options: { readonly gone?: Leaving; readonly setting?: string } = {}) {
    const { gone, setting } = options;
    this.totalMs = totalMs;
    this.#end = performance.now() + totalMs;
    const expire = (): void => this.#stop(this.#exceeded(setting));
    this.#timer = setTimeout(expire, Math.min(totalMs, LONGEST_TIMER_MS)).unref();
    const leave = (): void => this.#stop(new CofferError('failed', 'context canceled: the client disconnected'));
    if (gone?.aborted === true) leave();
    else gone?.addEventListener('abort', leave);
  }

  /** Tells when nobody waits any more. */
  get leaving(): Leaving {
    return this.#over;
  }

  /** Aborted when nobody waits any more. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /** Why nobody waits any more, as an error to reject with; undefined while somebody does. */
  get reason(): CofferError | undefined {
    return this.#reason;
  }

  get over(): boolean {
    return this.#reason !== undefined;
  }

  /** What is left for nested calls, in milliseconds: they end a little earlier. 0 when the time is over. */
  get leftMs(): number {
    if (this.over) return 0;
    return Math.max(0, this.#end - performance.now() - Math.min(MAX_RESERVE_MS, this.totalMs / 10));
  }

  /** Stops the timer: the answer is there. */
  clear(): void {
    clearTimeout(this.#timer);
  }

  /** Remembers what is being waited for, to name it in the error. */
  async await<T>(what: string, work: () => Promise<T>): Promise<T> {
    const entry = { what };
    const awaited = (this.#awaited ??= new Set());
    awaited.add(entry);
    try {
      return await work();
    } finally {
      awaited.delete(entry);
    }
  }

  #stop(reason: CofferError): void {
    this.#reason ??= reason;
    this.#over.abort();
  }

  /** Vault's text (hashicorp/vault passes Go's on), and what took so long. */
  #exceeded(setting: string | undefined): CofferError {
    const last = [...(this.#awaited ?? [])].at(-1);
    const within = `no answer in ${this.totalMs / 1000} s${setting === undefined ? '' : ` (${setting})`}`;
    const on = last === undefined ? '' : `; it is waiting for ${last.what}`;
    return new CofferError('failed', `context deadline exceeded: ${within}${on}`);
  }
}

/** Runs `work`, and all that it starts, with this deadline. */
export function withDeadline<T>(deadline: Deadline, work: () => T): T {
  return current.run(deadline, work);
}

/** Runs what must be finished whether or not anybody waits, or what serves more than one caller. */
export function withoutDeadline<T>(work: () => T): T {
  return current.run(undefined, work);
}

export function currentDeadline(): Deadline | undefined {
  return current.getStore();
}

/** How long a nested call may take, in milliseconds: `mostMs`, or less when the deadline comes earlier. */
export function timeLeft(mostMs: number): number {
  return Math.min(mostMs, current.getStore()?.leftMs ?? mostMs);
}

/**
 * To be called right before something is begun: nothing should be, once nobody waits for it.
 * @throws CofferError `failed`
 */
export function requireTime(): void {
  const reason = current.getStore()?.reason;
  if (reason !== undefined) throw reason;
}

/** Sleeps. @throws CofferError `failed` as soon as nobody waits any more */
export async function pause(milliseconds: number): Promise<void> {
  const deadline = current.getStore();
  try {
    await sleep(milliseconds, undefined, deadline && { signal: deadline.signal });
  } catch (error) {
    throw deadline?.reason ?? error;
  }
}

/**
 * Waits for something that we cannot end; it goes on when nobody waits for it any more.
 * @throws CofferError `failed` as soon as nobody waits any more, and whatever `work` rejects with
 */
export function whileAwaited<T>(work: Promise<T>): Promise<T> {
  const deadline = current.getStore();
  if (deadline === undefined) return work;
  const { leaving } = deadline;
  return new Promise<T>((resolve, reject) => {
    const stop = (): void => reject(deadline.reason ?? new Error('the request was abandoned'));
    if (leaving.aborted) stop();
    else leaving.addEventListener('abort', stop);
    const settled = (): void => leaving.removeEventListener('abort', stop);
    work.then(resolve, reject).then(settled, settled);
  });
}

/** Names what is waited for, should the deadline pass meanwhile: `the store`. */
export function awaiting<T>(what: string, work: () => Promise<T>): Promise<T> {
  const deadline = current.getStore();
  return deadline === undefined ? work() : deadline.await(what, work);
}
