import { errorText, isCofferError } from '@coffer/base';
import type { EngineContext } from './engine.ts';
import { loggedName } from './names.ts';
import type { PathRequest } from './path.ts';

/** Lines about refused logins in one second; the next line says how many more there were. */
const LOGGED_REFUSALS = 20;
const refusals = { since: 0, logged: 0, unlogged: 0 };

/** Undefined when there have been enough lines: anybody can be refused as often as they like, and a disk is finite. */
function refusalFields(): { readonly unlogged?: number } | undefined {
  const now = Date.now();
  if (now - refusals.since >= 1000 || now < refusals.since) Object.assign(refusals, { since: now, logged: 0 });
  if (refusals.logged >= LOGGED_REFUSALS) {
    refusals.unlogged++;
    return undefined;
  }
  refusals.logged++;
  const { unlogged } = refusals;
  refusals.unlogged = 0;
  return unlogged === 0 ? {} : { unlogged };
}

/**
 * A login whose refusal leaves a line in the log: with the name that was tried, if any, never with what should have proven it. Where
 * the caller is not told everything, the line has the rest: the CofferError that is the refusal's cause.
 */
export async function loggedLogin<T>(
  { logger }: Pick<EngineContext, 'logger'>,
  { id, remoteAddress }: Pick<PathRequest, 'id' | 'remoteAddress'>,
  name: string,
  login: () => Promise<T>,
): Promise<T> {
  try {
    return await login();
  } catch (thrown) {
    const more = refusalFields();
    if (more === undefined) throw thrown;
    const whose = name === '' ? {} : { name: loggedName(name) };
    const fields = { ...whose, remote_address: remoteAddress, request_id: id };
    const cause = thrown instanceof Error && isCofferError(thrown.cause) ? { cause: thrown.cause.message } : {};
    logger.warn('login failed', { ...fields, reason: errorText(thrown), ...cause, ...more });
    throw thrown;
  }
}
