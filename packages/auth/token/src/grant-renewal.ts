import { CofferError } from '@coffer/base';
import { type EngineContext, grantTtl, type TokenEntry, type TtlAnswer } from '@coffer/framework';
import { readTokenRole } from './role-entry.ts';

/** The TTL that a token created from another token gets when it is renewed. */
export async function grantRenewal(context: EngineContext, entry: TokenEntry, increment: number): Promise<TtlAnswer> {
  const role = entry.role === undefined ? undefined : await readTokenRole(context.storage, entry.role);
  if (entry.role !== undefined && role === undefined) {
    throw new CofferError('invalid-request', `original token role "${entry.role}" could not be found, not renewing`);
  }
  const now = Date.now();
  const period = role?.period || entry.period;
  return grantTtl({
    increment: period || increment || entry.creationTtl,
    limits: [{ defaultTtl: 0, maxTtl: entry.explicitMaxTtl }, ...context.ttlLimits()],
    // The system's maximum does not bound a periodic token; its explicit maximum does.
    issueTime: period > 0 && entry.explicitMaxTtl === 0 ? now : entry.creationTime,
    now,
  });
}
