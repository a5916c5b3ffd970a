import { type JsonObject, PROCESS_ID } from '@coffer/base';
import type { Database } from '@coffer/database-plugin';
import { type ClaimedIntent, stored } from '@coffer/framework';
import { noteOutcomeUnknown } from './claimed-intent.ts';

const { entry, optional, string } = stored;
interface Marked {
  /** The mark of the sessions that change the password, where they are this process's own. */
  readonly sessionMark?: string;
}
const MARKED = entry<Marked>({ sessionMark: optional(string()) });

/** What a row says about the sessions that are going to run `statements`, so that another process can find them. */
export async function sessionMarkOf(database: Database, statements: readonly string[]): Promise<Marked> {
  // A plugin's process may outlive its server for a moment, so that the end of its sessions would prove nothing.
  const sessionMark = await database.sessionMark?.(statements);
  return sessionMark === PROCESS_ID ? { sessionMark } : {};
}

/**
 * Goes on with an open row. When nobody knows what its last worker did, that process's sessions are ended, so that nothing of it
 * can still land; where that cannot be made sure, the row remembers that it may.
 */
export async function resume(
  claimed: ClaimedIntent,
  database: Database,
  statements: readonly string[],
): Promise<ClaimedIntent> {
  if (!claimed.outcomeUnknown) return claimed;
  const { sessionMark } = MARKED(claimed.value, claimed.row);
  const known = sessionMark !== undefined && sessionMark === claimed.deadProcess;
  if (!known || (await database.endMarkedSessions?.(sessionMark)) !== true) return noteOutcomeUnknown(claimed);
  return claimed.save({ value: { ...unmarked(claimed.value), ...(await sessionMarkOf(database, statements)) } });
}

/** What a row holds, without the mark of those who were at it before. */
export function unmarked(value: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([name]) => name !== 'sessionMark'));
}
