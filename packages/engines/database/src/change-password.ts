import { setTimeout as sleep } from 'node:timers/promises';
import { CofferError, isOutcomeUnknown, type Secret } from '@coffer/base';
import type { ClaimedIntent } from '@coffer/framework';
import { type Database, isPluginGone, type LoginAnswer, saysMayLand } from '@coffer/database-plugin';
import { hasLanded, noteOutcomeUnknown, noteSilentNode } from './claimed-intent.ts';

/** Between the two looks at a password that was set but does not log in: another node may not know it yet. */
const SECOND_LOOK_MS = 1_000;

export interface PasswordChange {
  readonly username: string;
  readonly newPassword: Secret;
  /** Undefined when it is not known. */
  readonly oldPassword: Secret | undefined;
  readonly statements: readonly string[];
  /** Whether an earlier attempt with this very password may have taken effect. */
  readonly begun: boolean;
  /** False: an earlier attempt may still land, so that a failure says nothing. */
  readonly landed: boolean;
  /** False: where a login cannot be tried, the database's word that it changed the password is enough. */
  readonly mustLogIn: boolean;
  /** What the server makes of a password; undefined when it cannot be asked. */
  readonly ask: (password: Secret) => Promise<LoginAnswer | undefined>;
}

/**
 * `changed`: the new password is the one that counts. `unchanged`: the old one is, and nothing under way will change
 * that. `unknown`: neither can be said; try again with the same new password.
 */
export type PasswordOutcome =
  | {
      readonly outcome: 'changed';
      readonly answer: LoginAnswer | undefined;
      /** What the database warned of. */
      readonly warnings: readonly string[];
    }
  | { readonly outcome: 'unchanged' | 'unknown'; readonly error: CofferError };

/**
 * Changes a password and finds out what came of it. A failure alone proves nothing, since the statement may have taken
 * effect all the same: the server is asked, by logging in with the new password and only then with the old one.
 *
 * @throws PluginGoneError when the plugin's process has ended: call again with a new one
 */
export async function changePassword(database: Database, change: PasswordChange): Promise<PasswordOutcome> {
  const { username, newPassword, statements } = change;
  if (change.begun && (await answerTo(change, newPassword)) === 'accepted') {
    return { outcome: 'changed', answer: 'accepted', warnings: [] };
  }
  const warnings: string[] = [];
  try {
    await database.updateUser({
      username,
      password: { newPassword, statements },
      warn: (warning) => warnings.push(warning),
    });
  } catch (thrown) {
    if (isPluginGone(thrown)) throw thrown;
    return afterFailure(change, CofferError.from(thrown));
  }
  return afterSuccess(change, warnings);
}

/**
 * `begun`: an earlier attempt may have taken effect. `landed`: every earlier attempt has taken effect by now or never
 * will.
 */
export type PasswordAttempt = (begun: boolean, landed: boolean) => Promise<PasswordOutcome>;

/**
 * Makes an attempt at {@link changePassword}, and another one that sees what came of the first when the plugin's process ended
 * half-way, or when a node of the database fell silent over it. The row that it resolves with, `claimed` or what has become of
 * it, keeps in mind until when an attempt may still land. Never rejects.
 */
export async function changeDespiteLosses(
  claimed: ClaimedIntent,
  begun: boolean,
  attempt: PasswordAttempt,
): Promise<{ readonly outcome: PasswordOutcome; readonly row: ClaimedIntent }> {
  let row = claimed;
  try {
    const first = await unlessGone(() => attempt(begun, hasLanded(row)));
    if (first !== undefined && !isLost(first)) return { outcome: first, row };
    row = await note(row, first);
    if (first !== undefined && !saysMayLand(first.error)) return { outcome: first, row };
    const second = await attempt(true, hasLanded(row));
    if (isLost(second)) row = await note(row, second);
    return { outcome: second, row };
  } catch (thrown) {
    return { outcome: { outcome: 'unknown', error: CofferError.from(thrown) }, row };
  }
}

/** Undefined when the plugin's process has ended. */
async function unlessGone<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (thrown) {
    if (isPluginGone(thrown)) return undefined;
    throw thrown;
  }
}

type Lost = Extract<PasswordOutcome, { outcome: 'unknown' | 'unchanged' }>;

function note(row: ClaimedIntent, lost: Lost | undefined): Promise<ClaimedIntent> {
  return saysMayLand(lost?.error) ? noteSilentNode(row) : noteOutcomeUnknown(row);
}

function isLost(result: PasswordOutcome): result is Lost {
  return result.outcome === 'unknown' && isOutcomeUnknown(result.error);
}

async function afterSuccess(change: PasswordChange, warnings: readonly string[]): Promise<PasswordOutcome> {
  let answer = await answerTo(change, change.newPassword);
  if (answer === 'refused') {
    // Twice and not more: login profiles lock a user out after some failures.
    await sleep(SECOND_LOOK_MS);
    answer = await answerTo(change, change.newPassword);
  }
  if (answer instanceof CofferError) {
    return change.mustLogIn
      ? { outcome: 'unknown', error: answer }
      : { outcome: 'changed', answer: undefined, warnings };
  }
  if (answer !== 'refused') return { outcome: 'changed', answer, warnings };
  const error = new CofferError(
    'failed',
    `the rotation statements ran, but the new password of "${change.username}" does not log in: make sure that they ` +
      `set '{{password}}', and that its VALID UNTIL has not passed`,
  );
  return { outcome: (await oldLogsIn(change)) ? 'unchanged' : 'unknown', error };
}

async function afterFailure(change: PasswordChange, error: CofferError): Promise<PasswordOutcome> {
  const answer = await answerTo(change, change.newPassword);
  if (answer === 'accepted') return { outcome: 'changed', answer, warnings: [] };
  // What the plugin sent before it went silent may still land: that it has not landed yet proves nothing.
  if (answer !== 'refused' || isOutcomeUnknown(error)) return { outcome: 'unknown', error };
  // With no old password to try, a server that refuses the new one after the change was given up is all there is.
  const unchanged = change.landed && (change.oldPassword === undefined || (await oldLogsIn(change)));
  return { outcome: unchanged ? 'unchanged' : 'unknown', error };
}

async function oldLogsIn(change: PasswordChange): Promise<boolean> {
  if (change.oldPassword === undefined) return false;
  return (await answerTo(change, change.oldPassword)) === 'accepted';
}

async function answerTo(change: PasswordChange, password: Secret): Promise<LoginAnswer | undefined | CofferError> {
  try {
    return await change.ask(password);
  } catch (thrown) {
    if (isPluginGone(thrown)) throw thrown;
    return CofferError.from(thrown);
  }
}
