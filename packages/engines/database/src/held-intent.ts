import { CofferError, pause, timeLeft } from '@coffer/base';
import { type ClaimedIntent, type IntentChange, type Intents, stored } from '@coffer/framework';

/** How long a request waits for a rotation that is under way, in milliseconds. */
export const PATIENCE_MS = 10_000;
const POLL_MS = 25;
/** Settling an open change cannot wait as long as a rotation that failed. */
const FIRST_SETTLE_MS = 1_000;
const ERROR_LENGTH = 500;

/**
 * Runs `work` with the claim on a row, waiting for whoever is at it. Undefined when there is no such row.
 * @throws CofferError `unavailable` when it does not become free in time
 */
export async function withIntent<T>(
  intents: Intents,
  subject: string,
  work: (claimed: ClaimedIntent) => Promise<T>,
): Promise<{ result: T } | undefined> {
  const deadline = Date.now() + timeLeft(PATIENCE_MS);
  for (;;) {
    const done = await intents.claim(subject, work);
    if (done !== undefined) return done;
    if ((await intents.get(subject)) === undefined) return undefined;
    if (Date.now() >= deadline) throw busy();
    await pause(POLL_MS);
  }
}

/** Waits until `look` finds what it wants. @throws CofferError `unavailable` with `reason` when the time is over */
export async function waitFor<T>(look: () => Promise<T | undefined>, reason: () => CofferError): Promise<T> {
  const deadline = Date.now() + timeLeft(PATIENCE_MS);
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() >= deadline) throw reason();
    await pause(POLL_MS);
  }
}

export function busy(): CofferError {
  return new CofferError('unavailable', 'a password rotation of this login is under way; try again in a few seconds');
}

/**
 * For how long a statement of a worker that is gone may still take effect, in milliseconds: longer than statement_timeout
 * is by default, and than a connection needs to be found dead.
 */
const LANDING_MS = 45_000;

/** Goes on with an open row; when its worker was cut off, writes down that it may still be at work in the database. */
export async function resume(claimed: ClaimedIntent): Promise<ClaimedIntent> {
  return claimed.takenOver ? await noteCutOff(claimed) : claimed;
}

/** Writes down until when what was sent for this row, by somebody who is gone now, may still take effect. */
export function noteCutOff(claimed: ClaimedIntent): Promise<ClaimedIntent> {
  return claimed.save({ value: { ...claimed.value, mayLandUntil: Date.now() + LANDING_MS } });
}

const { entry, integer } = stored;
const LANDING = entry<{ readonly mayLandUntil: number }>({ mayLandUntil: integer(0) });

/** Whether what earlier attempts sent has taken effect by now, or never will. */
export function hasLanded({ value, row }: ClaimedIntent): boolean {
  return Date.now() >= LANDING(value, row).mayLandUntil;
}

/** Milliseconds until a failed attempt is repeated: `first`, doubled with each failure, up to five minutes. */
export function retryDelay(attempts: number, first: number): number {
  return Math.min(300_000, first * 2 ** Math.min(attempts, 10));
}

/** What a row remembers of an attempt that failed. */
export function failedAttempt(
  { attempts }: ClaimedIntent,
  error: CofferError,
): { readonly attempts: number; readonly lastError: string } {
  return { attempts: attempts + 1, lastError: error.message.slice(0, ERROR_LENGTH) };
}

/** As {@link failedAttempt} for one whose outcome is not known: the row stays open, and is settled soon. */
export function unsettledAttempt(
  claimed: ClaimedIntent,
  error: CofferError,
): IntentChange & ReturnType<typeof failedAttempt> {
  const nextAttempt = Date.now() + retryDelay(claimed.attempts, FIRST_SETTLE_MS);
  return { ...failedAttempt(claimed, error), state: 'open', nextAttempt };
}
