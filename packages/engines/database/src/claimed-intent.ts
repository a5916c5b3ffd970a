import {
  type Backoff,
  backoffMs,
  CofferError,
  formatTime,
  mayLandUntil,
  mayStillLand,
  pause,
  timeLeft,
} from '@coffer/base';
import { type ClaimedIntent, type EngineContext, type Intent, type IntentChange, stored } from '@coffer/framework';

/** How long a request waits for a rotation that is under way, in milliseconds. */
export const PATIENCE_MS = 10_000;
const POLL_MS = 25;
const LONGEST_PAUSE_MS = 300_000;
/** Settling an open change cannot wait as long as a rotation that failed. */
const SETTLING: Backoff = { firstMs: 1_000, longestMs: LONGEST_PAUSE_MS };
/** As in Vault (hashicorp/vault:builtin/logical/database/rotation.go). */
const ROTATING: Backoff = { firstMs: 10_000, longestMs: LONGEST_PAUSE_MS };
const ERROR_LENGTH = 500;

/**
 * Runs `work` with the claim on a row, waiting while another worker holds it; it sees what that worker wrote. Undefined when there is
 * no such row.
 * @throws CofferError `unavailable` when it does not become free in time
 */
export async function claimIntent<T>(
  { intents, catchUp }: EngineContext,
  subject: string,
  work: (claimed: ClaimedIntent) => Promise<T>,
): Promise<{ result: T } | undefined> {
  const use = async (claimed: ClaimedIntent): Promise<T> => {
    await catchUp();
    return work(claimed);
  };
  const deadline = Date.now() + timeLeft(PATIENCE_MS);
  for (;;) {
    const done = await intents.claim(subject, use);
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
  return new CofferError('unavailable', 'a password rotation of this login is in progress; try again in a few seconds');
}

/** Writes down until when what was sent for this row may still land. */
export function noteOutcomeUnknown(claimed: ClaimedIntent): Promise<ClaimedIntent> {
  return claimed.save({ value: { ...claimed.value, mayLandUntil: mayLandUntil() } });
}

/** The same, for a change that is made again elsewhere while a silent node may still have it in hand: see {@link requireAlone}. */
export function noteSilentNode(claimed: ClaimedIntent): Promise<ClaimedIntent> {
  const until = mayLandUntil();
  return claimed.save({ value: { ...claimed.value, mayLandUntil: until, silentUntil: until } });
}

const { entry, integer } = stored;
const LANDING = entry<{ readonly mayLandUntil: number; readonly silentUntil: number }>({
  mayLandUntil: integer(0),
  silentUntil: integer(0),
});

/** Whether what earlier attempts sent has taken effect by now, or never will. */
export function hasLanded({ value, row }: Intent): boolean {
  return !mayStillLand(LANDING(value, row).mayLandUntil);
}

/** Until when a silent node may still set the last password, in milliseconds since 1970; undefined when none can. */
export function silentUntil({ value, row }: Intent): number | undefined {
  const until = LANDING(value, row).silentUntil;
  return mayStillLand(until) ? until : undefined;
}

/**
 * A password that is set late does no harm, unless another one has been set meanwhile.
 *
 * @throws CofferError `unavailable` while a silent node may still set the last one
 */
export function requireAlone(intent: Intent): void {
  const until = silentUntil(intent);
  if (until === undefined) return;
  throw new CofferError(
    'unavailable',
    'a node of the database stopped answering during the last rotation and may still set that password: you can set ' +
      `another one after ${formatTime(until)}`,
  );
}

/** When to retry a rotation that has just failed again, after so many failures before, in milliseconds since 1970. */
export function nextRetry(attempts: number): number {
  return later(ROTATING, attempts);
}

/** Whole milliseconds, as the column holds them. */
function later(backoff: Backoff, attempts: number): number {
  return Date.now() + Math.round(backoffMs(backoff, attempts + 1));
}

/** What a row remembers of an attempt that failed. */
export function failedAttempt(
  { attempts }: ClaimedIntent,
  error: CofferError,
): { readonly attempts: number; readonly lastError: string } {
  return { attempts: attempts + 1, lastError: error.message.slice(0, ERROR_LENGTH) };
}

/** As {@link failedAttempt} for one whose outcome is unknown: the row stays open, and is settled soon. */
export function unknownAttempt(
  claimed: ClaimedIntent,
  error: CofferError,
): IntentChange & ReturnType<typeof failedAttempt> {
  return { ...failedAttempt(claimed, error), state: 'open', nextAttempt: later(SETTLING, claimed.attempts) };
}
