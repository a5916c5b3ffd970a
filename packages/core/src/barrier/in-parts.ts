import type { SqlResult } from '@coffer/store';

/** Rows that one statement changes. A database gives a statement 30 s, which is less than it takes for a million rows. */
const PART = 1000;

/** Runs `change`, which changes at most so many rows, until there are none left. */
export async function inParts(change: (limit: number) => Promise<SqlResult>): Promise<void> {
  while ((await change(PART)).changes === PART);
}
