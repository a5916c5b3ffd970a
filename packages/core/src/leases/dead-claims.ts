import { errorText, type Logger } from '@coffer/base';
import type { Store } from '@coffer/store';
import { CREATION_CLAIM_MS } from './lease-issuer.ts';

/**
 * Releases the claims that a killed process left behind, where the store is ours alone: whoever made them is gone, so nobody
 * needs to wait until they run out. Call it once the store is open and before anything works on it.
 *
 * A login that was being made keeps its claim. The database may still be about to make it, and whoever looks for it too
 * early finds nothing to drop. Even a lease that is being revoked may have a creation that has not come to an end.
 */
export async function releaseDeadClaims(store: Store, logger: Logger): Promise<void> {
  if (!store.exclusive) return;
  try {
    await release(store);
  } catch (error) {
    // A full disk is no reason not to start: without this the claims run out by themselves.
    logger.warn('the claims of the process before this one could not be released', { error: errorText(error) });
  }
}

async function release(store: Store): Promise<void> {
  await store.transaction([
    {
      sql: `UPDATE leases SET claimed_until = CASE state WHEN 'active' THEN 0 ELSE issue_time + $1 END,
              next_attempt = CASE state WHEN 'active' THEN next_attempt ELSE issue_time + $1 END
            WHERE claimed_until > store_now()`,
      params: [CREATION_CLAIM_MS],
    },
    // The claim itself stays: whoever takes the row over must know that somebody was cut off there.
    { sql: 'UPDATE intents SET claimed_until = 0 WHERE claimed_until > 0' },
  ]);
}
