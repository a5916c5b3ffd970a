import { AssertionError } from 'node:assert';
import { setTimeout as sleep } from 'node:timers/promises';

const PATIENCE_MS = 60_000;
const FIRST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 50;

export interface Patience {
  /** Default a minute: what is waited for comes long before, and a busy machine is no failure. */
  readonly patienceMs?: number;
  /** The pause between two looks, where one is dear. Default 2 ms at first, then more and more, up to 50. */
  readonly everyMs?: number;
}

/**
 * Looks until there is something else to see than `false` or `undefined`, and returns that.
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
