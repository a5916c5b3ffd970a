import { errorText, type Logger } from '@coffer/base';
import { ANY_BUCKET, type SqlRow, type Store } from '@coffer/store';
import type { Barrier } from '../barrier/barrier.ts';
import { CREATION_CLAIM_MS, leaseFromRow } from './lease-row.ts';

/**
 * Releases the claims that a killed process left behind, where the store is ours alone: whoever made them is gone, so nobody
 * needs to wait until they run out. Call it once the store is open and before anything works on it.
 *
 * A login that was being made keeps its claim. The database may still be about to make it, and whoever looks for it too
 * early finds nothing to drop. Even a lease that is being revoked may have a creation that has not come to an end. Which of
 * them can be ended sooner is known once the rows can be read: see {@link releaseDeadCreations}.
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

/**
 * Makes due at once what a killed process was making: whoever takes such a row over ends what is left of that process in the
 * database, and needs to wait only where that cannot be done (docs/decisions/0018-a-dead-process.md). Call it when the rows
 * can be read and before anything works on them. Rows of an older version do not say who was at them, and keep their time.
 */
export async function releaseDeadCreations(store: Store, barrier: Barrier, logger: Logger): Promise<void> {
  if (!store.exclusive) return;
  try {
    // Their next attempt is when their claim runs out, and there is an index for that. PostgreSQL uses it only where the time is
    // a subquery, which is evaluated once.
    const { rows } = await store.run(
      `SELECT * FROM leases WHERE ${ANY_BUCKET} AND next_attempt > (SELECT store_now())
       AND next_attempt <= (SELECT store_now()) + $1 AND claimed_until > store_now() AND state <> 'active'`,
      [CREATION_CLAIM_MS],
    );
    const ids = rows.filter((row) => isOfDead(barrier, row)).map((row) => row['id'] ?? '');
    for (const id of ids) {
      await store.run('UPDATE leases SET claimed_until = 0, next_attempt = 0 WHERE id = $1', [id]);
    }
  } catch (error) {
    logger.warn('the creations of the process before this one could not be released', { error: errorText(error) });
  }
}

/** A seal that was closed and opened again leaves rows of this very process, which may still be at them. */
function isOfDead(barrier: Barrier, row: SqlRow): boolean {
  try {
    return leaseFromRow(barrier, row).creation !== undefined;
  } catch {
    // Whoever comes to the damaged row says so.
    return false;
  }
}
