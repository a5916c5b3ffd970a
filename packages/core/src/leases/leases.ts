import { awaiting, type Backoff, backoffMs, CofferError, currentDeadline, type Logger, pause } from '@coffer/base';
import type { SqlRow, Store } from '@coffer/store';
import type { Barrier } from '../barrier/barrier.ts';
import type { Engine, Lease } from '@coffer/framework';
import { leaseFromRow, sealLease } from './lease-row.ts';
import { endOfPrefix } from '../barrier/prefix.ts';
import { type LeaseList, PAGE } from './lease-list.ts';

/** How long a claim lasts, in milliseconds: longer than any revocation or renewal, so a live worker never loses its own. */
const CLAIM_MS = 120_000;
const RETRIES: Backoff = { firstMs: 1_000, longestMs: 300_000 };
const ERROR_LENGTH = 500;
/**
 * Leases that one process revokes side by side: two batches of a plugin that drops 64 logins by one statement, so that the
 * next batch waits while one is dropped. Single runs on a busy machine went up from 16 at once (397 a second) over 64 (717)
 * to 128 (833); beyond that two sweeps disagreed (512: half as fast again, and slower). Vault has 200 workers.
 */
export const REVOCATIONS_AT_ONCE = 128;

export interface RenewedLease {
  readonly lease: Lease;
  /** Seconds from now. */
  readonly ttl: number;
  readonly warnings: readonly string[];
}

export interface LeasesOptions {
  readonly store: Store;
  readonly barrier: Barrier;
  readonly list: LeaseList;
  /** Tells the engine that a lease's path belongs to. */
  readonly mounts: { engineFor(path: string): Engine | undefined };
  readonly logger: Logger;
  /** Tells the expiration loop that something may be due. */
  readonly wake: () => void;
}

/** Renews and revokes leases. Work on one lease is claimed by its row, so that only one worker is at it. */
export class Leases {
  readonly #options: LeasesOptions;

  constructor(options: LeasesOptions) {
    this.#options = options;
  }

  /**
   * Extends a lease: first in the outside world, then here, so that a crash between the two can only shorten it.
   * @throws CofferError `invalid-request` when there is no such lease or it cannot be renewed
   */
  async renew(id: string, increment: number): Promise<RenewedLease> {
    const lease = await this.#claimActive(id);
    try {
      if (!lease.renewable) throw new CofferError('invalid-request', 'lease is not renewable');
      const engine = this.#options.mounts.engineFor(lease.path);
      if (engine?.renew === undefined) throw new CofferError('invalid-request', 'lease is not renewable');
      const { ttl, warnings, data = lease.data } = await engine.renew(lease, increment);
      const now = Date.now();
      const renewed: Lease = { ...lease, expireTime: now + ttl * 1000, lastRenewal: now, data };
      const { changes } = await this.#options.store.run(
        `UPDATE leases SET expire_time = $2, last_renewal = $3, next_attempt = $2, value = $4
         WHERE id = $1 AND state = 'active'`,
        [id, renewed.expireTime, now, sealLease(this.#options.barrier, id, renewed)],
      );
      // Revoked meanwhile. Whoever did that is waiting for this claim, and ends what was extended.
      if (changes === 0) throw new CofferError('invalid-request', 'lease not found');
      return { lease: renewed, ttl, warnings };
    } finally {
      await this.#options.store.run('UPDATE leases SET claimed_until = 0 WHERE id = $1', [id]);
      this.#options.wake();
    }
  }

  /** Marks a lease to be revoked soon. Does nothing when it does not exist. */
  async revokeLater(id: string): Promise<void> {
    await this.#options.store.run("UPDATE leases SET state = 'revoking', next_attempt = $2 WHERE id = $1", [
      id,
      Date.now(),
    ]);
    this.#options.wake();
  }

  async revokePrefixLater(prefix: string): Promise<void> {
    await this.#options.store.run("UPDATE leases SET state = 'revoking', next_attempt = $3 WHERE id > $1 AND id < $2", [
      prefix,
      endOfPrefix(prefix),
      Date.now(),
    ]);
    this.#options.wake();
  }

  /**
   * Revokes now and waits until that is over. Does nothing when the lease does not exist.
   * @throws CofferError `failed` with what is still owed; the lease stays and is retried
   */
  async revoke(id: string): Promise<void> {
    try {
      await this.#revoke(id);
    } catch (error) {
      // Nobody waits any more, but it was asked for.
      if (currentDeadline()?.over === true) await this.revokeLater(id);
      throw error;
    }
  }

  async #revoke(id: string): Promise<void> {
    for (;;) {
      const lease = await this.#claimToRevoke(id);
      if (lease !== undefined) {
        const error = await this.revokeClaimed(lease);
        if (error === undefined) return;
        throw new CofferError('failed', `failed to revoke ${JSON.stringify(id)}: ${error}`);
      }
      // Another worker holds it: when its claim ends, the lease is gone or is left marked as here.
      const { changes } = await this.#options.store.run("UPDATE leases SET state = 'revoking' WHERE id = $1", [id]);
      if (changes === 0) return;
      await awaiting(`whoever is at the lease ${id}`, () => pause(20));
    }
  }

  /**
   * Revokes every lease below `prefix`. Goes on after a failure.
   * With `force`, a lease whose revocation fails is dropped anyway, and what it stood for is left behind.
   * @throws CofferError `failed` naming the first error and how many leases remain
   */
  async revokePrefix(prefix: string, options: { force?: boolean } = {}): Promise<void> {
    const { list } = this.#options;
    let [revoked, failed] = [0, 0];
    let firstError: string | undefined;
    const revokeOne = async (id: string): Promise<void> => {
      try {
        await this.revoke(id);
        revoked++;
      } catch (thrown) {
        const { message } = CofferError.from(thrown);
        if (options.force === true) return this.#forget(id, message);
        failed++;
        firstError ??= message;
      }
    };
    for (let after: string | undefined = prefix; after !== undefined; ) {
      const ids: string[] = await list.idsBelow(prefix, after, PAGE);
      after = ids.at(-1);
      const worker = async (): Promise<void> => {
        for (let id = ids.pop(); id !== undefined && currentDeadline()?.over !== true; id = ids.pop())
          await revokeOne(id);
      };
      await Promise.all(Array.from({ length: Math.min(REVOCATIONS_AT_ONCE, ids.length) }, worker));
      const reason = currentDeadline()?.reason;
      if (reason === undefined) continue;
      // Nobody waits any more, but it was asked for: the expiration revokes the rest.
      await this.revokePrefixLater(prefix);
      throw reason;
    }
    if (firstError === undefined) return;
    throw new CofferError('failed', `${failed} of ${revoked + failed} leases could not be revoked: ${firstError}`);
  }

  /** Leases whose time has come, claimed for this worker. */
  async claimDue(now: number, limit: number): Promise<Lease[]> {
    const { rows } = await this.#options.store.run(
      `UPDATE leases SET claimed_until = store_now() + $2, state = 'revoking'
       WHERE claimed_until <= store_now() AND next_attempt <= $1 AND id IN (
         SELECT id FROM leases WHERE next_attempt <= $1 AND claimed_until <= store_now() ORDER BY next_attempt LIMIT $3
       ) RETURNING *`,
      [now, CLAIM_MS, limit],
    );
    const leases: Lease[] = [];
    for (const row of rows) {
      // One that cannot be read must keep nobody else from being revoked.
      const lease = await this.#claimed(row).catch(() => undefined);
      if (lease !== undefined) leases.push(lease);
    }
    return leases;
  }

  /** When the next unclaimed lease is due, in milliseconds since 1970. */
  async nextDue(): Promise<number | undefined> {
    const { rows } = await this.#options.store.run(
      'SELECT next_attempt FROM leases WHERE claimed_until <= store_now() ORDER BY next_attempt LIMIT 1',
    );
    return rows[0] === undefined ? undefined : Number(rows[0]['next_attempt']);
  }

  /** Revokes a lease that this worker has claimed. If that fails, plans the retry and returns the error's text. */
  async revokeClaimed(lease: Lease): Promise<string | undefined> {
    const { store, mounts, logger } = this.#options;
    try {
      const engine = mounts.engineFor(lease.path);
      if (engine === undefined) throw new CofferError('failed', `no engine is mounted at ${lease.path}`);
      await engine.revoke?.(lease);
      await store.run('DELETE FROM leases WHERE id = $1', [lease.id]);
      logger.debug('revoked lease', { lease_id: lease.id });
      return undefined;
    } catch (thrown) {
      return this.#planRetry(lease, thrown);
    }
  }

  /** Gives a claimed lease back, with the error and the time of the next attempt. Returns the error's text. */
  async #planRetry({ id, attempts }: Pick<Lease, 'id' | 'attempts'>, thrown: unknown): Promise<string> {
    const { store, logger } = this.#options;
    const error = CofferError.from(thrown).message.slice(0, ERROR_LENGTH);
    const nextAttempt = Date.now() + Math.round(backoffMs(RETRIES, attempts + 1));
    await store.run(
      'UPDATE leases SET claimed_until = 0, attempts = attempts + 1, last_error = $2, next_attempt = $3 WHERE id = $1',
      [id, error, nextAttempt],
    );
    logger.error('failed to revoke lease', { lease_id: id, attempt: attempts + 1, error });
    return error;
  }

  async #forget(id: string, error: string): Promise<void> {
    await this.#options.store.run('DELETE FROM leases WHERE id = $1', [id]);
    this.#options.logger.warn('lease forgotten by force: what it stood for may still exist', { lease_id: id, error });
  }

  /** Claims a lease that no other worker holds, and marks it to be revoked. */
  async #claimToRevoke(id: string): Promise<Lease | undefined> {
    const { rows } = await this.#options.store.run(
      `UPDATE leases SET claimed_until = store_now() + $2, next_attempt = store_now() + $2, state = 'revoking'
       WHERE id = $1 AND claimed_until <= store_now() RETURNING *`,
      [id, CLAIM_MS],
    );
    return rows[0] && this.#claimed(rows[0]);
  }

  /** A lease that was claimed to be revoked. One that cannot be read is given back, to be tried again later. */
  async #claimed(row: SqlRow): Promise<Lease> {
    try {
      return leaseFromRow(this.#options.barrier, row);
    } catch (thrown) {
      await this.#planRetry({ id: String(row['id']), attempts: Number(row['attempts']) }, thrown);
      throw thrown;
    }
  }

  async #claimToRenew(id: string): Promise<Lease | undefined> {
    const { rows } = await this.#options.store.run(
      `UPDATE leases SET claimed_until = store_now() + $2
       WHERE id = $1 AND claimed_until <= store_now() AND state = 'active' RETURNING *`,
      [id, CLAIM_MS],
    );
    try {
      return rows[0] && leaseFromRow(this.#options.barrier, rows[0]);
    } catch (thrown) {
      await this.#options.store.run('UPDATE leases SET claimed_until = 0 WHERE id = $1', [id]);
      throw thrown;
    }
  }

  /** Claims a lease for renewal; waits for another renewal of the same lease. */
  async #claimActive(id: string): Promise<Lease> {
    for (;;) {
      const lease = await this.#claimToRenew(id);
      if (lease !== undefined && lease.expireTime > Date.now()) return lease;
      if (lease !== undefined) {
        await this.#options.store.run('UPDATE leases SET claimed_until = 0 WHERE id = $1', [id]);
        throw new CofferError('invalid-request', 'lease expired');
      }
      if ((await this.#options.list.lookup(id))?.state !== 'active')
        throw new CofferError('invalid-request', 'lease not found');
      await awaiting(`whoever is at the lease ${id}`, () => pause(20));
    }
  }
}
