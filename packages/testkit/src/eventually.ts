import { AssertionError } from 'node:assert';
import { setTimeout as sleep } from 'node:timers/promises';

const PATIENCE_MS = 60_000;
const FIRST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 50;

export interface Patience {
  /** Default: a minute, far longer than it takes, since a busy machine is not a failure. */
  readonly patienceMs?: number;
  /** The pause between two calls, for looks that are expensive. Default: from 2 ms growing to 50. */
  readonly everyMs?: number;
}

/**
 * Calls `look` until it returns something other than `false` or `undefined`, and returns that.
 *
 * @param what what is waited for, as in "the end of the login", or what to say when it does not come
 * @throws AssertionError when it does not come in time; whatever `look` throws
 */
export async function eventually<T>(
  look: () => T | Promise<T>,
  what: string | (() => string | Promise<string>),
  { patienceMs = PATIENCE_MS, everyMs }: Patience = {},
): Promise<Exclude<T, false | undefined>> {
  const deadline = performance.now() + patienceMs;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 1.5, LONGEST_PAUSE_MS)) {
    const seen = await look();
    if (seen !== false && seen !== undefined) return seen as Exclude<T, false | undefined>;
    if (performance.now() > deadline) {
      const message = typeof what === 'string' ? `within ${patienceMs} ms: ${what}` : await what();
      throw new AssertionError({ message: `it did not come to pass: ${message}`, stackStartFn: eventually });
    }
    await sleep(everyMs ?? pause);
  }
}
