import type { Store } from '@coffer/store';

/** How far this machine's clock may be from the store's, in milliseconds: what a login is valid for is told by ours. */
export const CLOCK_MS = 30_000;

/**
 * By how much this machine's clock is surely ahead of the store's, in milliseconds; negative when it is behind. The store read its
 * clock at some time between the question and its answer, so a slow answer proves less.
 */
export async function clockDifference(store: Pick<Store, 'run'>): Promise<number> {
  const asked = Date.now();
  const { rows } = await store.run('SELECT store_now() AS now');
  const answered = Date.now();
  const now = Number(rows[0]?.['now']);
  if (now < asked) return asked - now;
  return Math.min(0, answered - now);
}

/** What is wrong with a clock that is so far ahead, and what to do; undefined when nothing is. */
export function clockProblem(difference: number): string | undefined {
  if (Math.abs(difference) <= CLOCK_MS) return undefined;
  const seconds = Math.round(Math.abs(difference) / 1000);
  return (
    `the clock of this machine is ${seconds} s ${difference > 0 ? 'ahead of' : 'behind'} that of the store's database, ` +
    `and ${CLOCK_MS / 1000} s are allowed: synchronize both with NTP`
  );
}
