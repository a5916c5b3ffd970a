import { errorText, type Logger } from '@coffer/base';
import { ANY_BUCKET, type SqlRow, type SqlStatement, type SqlValue, type Store } from '@coffer/store';
import type { Barrier } from '../barrier/barrier.ts';
import { deadNodes, forgetDead } from '../nodes/nodes.ts';
import { claimsOf } from './claim.ts';
import { CREATION_CLAIM_MS, leaseFromRow } from './lease-row.ts';

/**
 * Releases the claims that a killed process left behind, where the store is ours alone: whoever made them is gone, so nobody
 * needs to wait until they run out. Call it once the store is open and before anything works on it.
 *
 * A login that a process of an older version was making keeps its claim: the database may still be about to make it, and whoever
 * looks for it too early finds nothing to drop. Which of them can be ended sooner is known once the rows can be read: see
 * {@link releaseDeadCreations}.
 */
export async function releaseDeadClaims(store: Store, logger: Logger): Promise<void> {
  if (!store.exclusive) return;
  try {
    await store.transaction(release({ leases: 'claimed_until > store_now()', intents: 'claimed_until > 0' }));
  } catch (error) {
    // A full disk is no reason not to start: without this the claims run out by themselves.
    logger.warn('failed to release the claims of the previous process', { error: errorText(error) });
  }
}

/**
 * Takes the nodes out of the store that were not heard any more, with their claims. One that only slept finds its row gone, and
 * its claims: every write under them says so. Several nodes may do this at once.
 */
export async function takeOverDead(store: Store, logger: Logger): Promise<void> {
  for (const id of await deadNodes(store)) {
    const claimed = "claim <> '' AND claim > $2 AND claim < $3 AND NOT EXISTS (SELECT 1 FROM nodes WHERE id = $4)";
    const params = [claimsOf(id), `${claimsOf(id)}~`, id];
    const statements = release({ leases: claimed, intents: claimed, params });
    // The row first: a beat that comes meanwhile waits for it, and either finds it gone or keeps it, and the claims with it.
    const [forgotten] = await store.transaction([forgetDead(id), ...statements]);
    if (forgotten?.changes === 1) logger.warn('a node is dead: taking over its unfinished work', { node: id });
  }
}

interface Released {
  /** Which rows. `$1` is taken. */
  readonly leases: string;
  readonly intents: string;
  readonly params?: readonly SqlValue[];
}

/**
 * Whoever takes over a login that was being made ends what is left of its maker in the database, and drops it again until
 * nothing of it can land (docs/decisions/0018-a-dead-process.md). Only rows of an older version do not say who that was: they
 * have no claim, but their time.
 */
function release({ leases, intents, params = [] }: Released): SqlStatement[] {
  const until = "CASE WHEN state = 'active' OR claim <> '' THEN 0 ELSE issue_time + $1 END";
  const due = "CASE WHEN state = 'active' THEN next_attempt WHEN claim <> '' THEN 0 ELSE issue_time + $1 END";
  return [
    {
      sql: `UPDATE leases SET claim = '', claimed_until = ${until}, next_attempt = ${due} WHERE ${leases}`,
      params: [CREATION_CLAIM_MS, ...params],
    },
    // The claim itself stays: whoever takes the row over must know that somebody was cut off there.
    {
      sql: `UPDATE intents SET claimed_until = CAST($1 AS BIGINT) WHERE ${intents}`,
      params: [0, ...params],
    },
  ];
}

/**
 * Makes due at once what a killed process of an older version was making: whoever takes such a row over ends what is left of that
 * process in the database, and needs to wait only where that cannot be done. Call it when the rows can be read and before
 * anything works on them. Rows that do not say who was at them keep their time.
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
    logger.warn('failed to release the unfinished leases of the previous process', { error: errorText(error) });
  }
}

/** A seal that was closed and opened again leaves rows of this very process, which may still be at them. */
function isOfDead(barrier: Barrier, row: SqlRow): boolean {
  try {
    return leaseFromRow(barrier, row).creation?.process !== undefined;
  } catch {
    // Whoever comes to the damaged row says so.
    return false;
  }
}
