/**
 * Outcome unknown: a change was sent, and no answer came. It may have taken effect, it may not have, and for a while it still
 * may. Whoever meets it looks before acting (DESIGN invariant 5), and believes a look that finds nothing only when the change
 * can no longer land. To settle such a change is to find out what came of it, and to finish or undo it.
 */

/** An error that says of itself whether what it speaks of may have taken effect all the same. */
export interface OutcomeError extends Error {
  readonly outcomeUnknown: boolean;
}

/** Whether a failure leaves the outcome unknown. The first error along its causes that can say so decides. */
export function isOutcomeUnknown(thrown: unknown): boolean {
  for (let error = thrown; error instanceof Error; error = error.cause) {
    if ('outcomeUnknown' in error) return error.outcomeUnknown === true;
  }
  return false;
}

/** An error that says of itself whether nothing at all was done, because nobody could be asked to. */
export interface NothingDoneError extends Error {
  readonly nothingDone: boolean;
}

/** Whether nothing was done, and the same may well succeed later. The first error along its causes that can say so decides. */
export function isNothingDone(thrown: unknown): boolean {
  for (let error = thrown; error instanceof Error; error = error.cause) {
    if ('nothingDone' in error) return error.nothingDone === true;
  }
  return false;
}

/**
 * For this many milliseconds after nobody waits for its answer any more, a statement may still take effect in the database:
 * longer than statement_timeout is by default, and than a connection needs to be found dead.
 */
export const LANDING_MS = 45_000;

/** Until when a change whose outcome became unknown just now may still land, in milliseconds since 1970. */
export function mayLandUntil(): number {
  return Date.now() + LANDING_MS;
}

/** Whether a change that may land until `until` (see {@link mayLandUntil}; undefined: there is none) still may. */
export function mayStillLand(until: number | undefined): boolean {
  return until !== undefined && Date.now() < until;
}
