import {
  awaiting,
  type Backoff,
  backoffMs,
  CofferError,
  currentDeadline,
  type Metrics,
  NO_METRICS,
  pause,
  timed,
  underClaim,
} from '@coffer/base';
import { inEveryBucket, runRepeatable, type SqlRow } from '@coffer/store';
import type { TokenEntry } from '@coffer/framework';
import { isDead } from '../nodes/nodes.ts';
import { claimLost, HeldClaim } from './claim.ts';
import {
  changeClaimed,
  checkOf,
  type ClaimedLease,
  type ClaimedRow,
  GIVE_BACK,
  giveBackAll,
  isThere,
  removeClaimed,
  writeClaimed,
} from './claimed-lease.ts';
import { type RenewedLease, renewLease } from './lease-renewal.ts';
import { CLAIM_MS, leaseFromRow } from './lease-row.ts';
import type { LeasesOptions } from './leases-options.ts';

/** When to look again whether what goes on of a lease that is over has ended. */
const OWED_MS = 10_000;
const RETRIES: Backoff = { firstMs: 1_000, longestMs: 300_000 };
const ERROR_LENGTH = 500;
/**
 * Leases that one process revokes side by side: two batches of a plugin that drops 64 logins by one statement, so that the
 * next batch waits while one is dropped. Single runs on a busy machine went up from 16 at once (397 a second) over 64 (717)
 * to 128 (833); beyond that two sweeps disagreed (512: half as fast again, and slower). Vault has 200 workers.
 */
export const REVOCATIONS_AT_ONCE = 128;

/** The most overdue of each bucket: `$1` is the time and `$3` how many. */
const DUE = inEveryBucket(
  (bucket) => `SELECT id, next_attempt FROM leases WHERE ${bucket} AND next_attempt <= $1
    AND claimed_until <= store_now() ORDER BY next_attempt LIMIT $3`,
);
const CLAIM_DUE = `UPDATE leases SET claim = $4, claimed_until = store_now() + $2, state = 'revoking'
  WHERE claimed_until <= store_now() AND next_attempt <= $1 AND id IN (
    SELECT id FROM ${DUE} AS due ORDER BY next_attempt LIMIT $3
  ) RETURNING *`;
const NEXT_DUE = inEveryBucket(
  (bucket) => `SELECT next_attempt FROM leases WHERE ${bucket} AND claimed_until <= store_now()
    ORDER BY next_attempt LIMIT 1`,
);

/** What came of a revocation: what it failed with, or what may go on although it is over; usually neither. */
export interface Revoked {
  readonly error?: CofferError;
  readonly owed?: string;
}

/**
 * Renews and revokes leases: those of credentials, on which work is claimed by the row, so that only one worker is at one;
 * and those of tokens, which the token store ends at once, whether or not anybody waits.
 */
export class Leases {
  readonly #options: LeasesOptions;
  readonly #metrics: Metrics;

  constructor(options: LeasesOptions) {
    this.#options = options;
    this.#metrics = options.metrics ?? NO_METRICS;
  }

  /** See {@link renewLease}. */
  renew(id: string, increment: number, caller?: TokenEntry): Promise<RenewedLease> {
    return timed(this.#metrics, 'vault.expire.renew', () => renewLease(this.#options, id, increment, caller));
  }

  /** Marks a lease to be revoked soon. Does nothing when it does not exist. */
  async revokeLater(id: string): Promise<void> {
    const { changes } = await this.#options.store.run(
      "UPDATE leases SET state = 'revoking', next_attempt = $2 WHERE id = $1",
      [id, Date.now()],
    );
    if (changes === 0) return this.#revokeToken(id);
    this.#options.wake();
  }

  /** As {@link revokeLater}, what {@link revokePrefix} revokes. */
  async revokePrefixLater(prefix: string): Promise<void> {
    const { store, list, tokens, wake } = this.#options;
    if (await list.has(prefix)) return this.revokeLater(prefix);
    const below = withSlash(prefix);
    await tokens.revokeIssuedBelow(below);
    // One statement for a million of them would take longer than a statement may.
    for await (const ids of list.pagesBelow(below)) {
      const range = [ids[0] ?? '', ids.at(-1) ?? '', Date.now()];
      await store.run("UPDATE leases SET state = 'revoking', next_attempt = $3 WHERE id >= $1 AND id <= $2", range);
    }
    wake();
  }

  /**
   * Revokes now and waits until that is over. Does nothing when the lease does not exist. Resolves with what may still go on
   * of it, if there is anything: see `Engine.revoke`.
   * @throws CofferError `unavailable` when what it stands for is away, `failed` otherwise, with what is still owed; the lease stays
   *   and is retried
   */
  async revoke(id: string): Promise<string | undefined> {
    try {
      return await this.#revoke(id);
    } catch (error) {
      // Nobody waits any more, but it was asked for.
      if (currentDeadline()?.over === true) await this.revokeLater(id);
      throw error;
    }
  }

  async #revoke(id: string): Promise<string | undefined> {
    for (;;) {
      const lease = await this.#claimToRevoke(id);
      if (lease !== undefined) {
        const { error, owed } = await this.revokeClaimed(lease);
        if (error === undefined) return owed;
        throw stillOwed(`failed to revoke ${JSON.stringify(id)}`, error);
      }
      // Another worker holds it: when its claim ends, the lease is gone or is left marked as here.
      const { changes } = await this.#options.store.run("UPDATE leases SET state = 'revoking' WHERE id = $1", [id]);
      if (changes === 0) {
        await this.#revokeToken(id);
        return undefined;
      }
      await awaiting(`whoever is at the lease ${id}`, () => pause(20));
    }
  }

  async #revokeToken(lease: string): Promise<void> {
    const { tokens } = this.#options;
    const token = await tokens.idOfLease(lease);
    if (token !== undefined) await tokens.revoke(token);
  }

  /**
   * Revokes every lease below `prefix`; or the one lease whose id it is. Goes on after a failure.
   * With `force`, a lease whose revocation fails is dropped anyway, and what it stood for is left behind. With `last`, nobody is
   * there to look after them later: those that are over are dropped, whatever may go on of them.
   * Resolves with what may still go on of the first lease of which something may.
   * @throws CofferError `unavailable` or `failed`, as the first error, naming it and how many leases remain
   */
  revokePrefix(prefix: string, options: { force?: boolean; last?: boolean } = {}): Promise<string | undefined> {
    const what = options.force === true ? 'vault.expire.revoke-force' : 'vault.expire.revoke-prefix';
    return timed(this.#metrics, what, () => this.#revokePrefix(prefix, options));
  }

  async #revokePrefix(prefix: string, options: { force?: boolean; last?: boolean }): Promise<string | undefined> {
    const { list, tokens } = this.#options;
    let firstOwed: string | undefined;
    let [revoked, failed] = [0, 0];
    let firstError: CofferError | undefined;
    const revokeOne = async (id: string): Promise<void> => {
      try {
        const owed = await this.revoke(id);
        revoked++;
        if (owed !== undefined && (options.force ?? options.last) === true) await this.#forget(id, owed);
        firstOwed ??= owed;
      } catch (thrown) {
        const error = CofferError.from(thrown);
        if (options.force === true) return this.#forget(id, error.message);
        failed++;
        firstError ??= error;
      }
    };
    if (await list.has(prefix)) {
      if (options.force !== true) return this.revoke(prefix);
      await revokeOne(prefix);
      return firstOwed;
    }
    const below = withSlash(prefix);
    await tokens.revokeIssuedBelow(below);
    for await (const ids of list.pagesBelow(below)) {
      const worker = async (): Promise<void> => {
        for (let id = ids.pop(); id !== undefined && currentDeadline()?.over !== true; id = ids.pop())
          await revokeOne(id);
      };
      await Promise.all(Array.from({ length: Math.min(REVOCATIONS_AT_ONCE, ids.length) }, worker));
      const reason = currentDeadline()?.reason;
      if (reason === undefined) continue;
      // Nobody waits any more, but it was asked for: the expiration revokes the rest.
      await this.revokePrefixLater(below);
      throw reason;
    }
    if (firstError === undefined) return firstOwed;
    throw stillOwed(`${failed} of ${revoked + failed} leases could not be revoked`, firstError);
  }

  /** Leases whose time has come, claimed for this worker. */
  async claimDue(now: number, limit: number): Promise<ClaimedLease[]> {
    const claim = new HeldClaim(this.#options.node);
    const { store } = this.#options;
    const { rows } = await store.run(CLAIM_DUE, [now, CLAIM_MS, limit, claim.name]).catch(async (error: unknown) => {
      await giveBackAll(store, claim);
      throw error;
    });
    // No request has brought this node up to date. If nothing can, the store is away for the revocations as well.
    if (rows.length > 0) await this.#options.epochs.refresh().catch(() => undefined);
    const leases: ClaimedLease[] = [];
    for (const row of rows) {
      // One that cannot be read must keep nobody else from being revoked.
      const lease = await this.#claimed(row, claim.again()).catch(() => undefined);
      if (lease !== undefined) leases.push(lease);
    }
    return leases;
  }

  /** When the next unclaimed lease is due, in milliseconds since 1970. */
  async nextDue(): Promise<number | undefined> {
    const { rows } = await this.#options.store.run(`SELECT min(next_attempt) AS next FROM ${NEXT_DUE} AS due`);
    const next = rows[0]?.['next'];
    return typeof next === 'number' ? next : undefined;
  }

  /** Revokes a lease that this worker has claimed. If that fails, plans the retry. */
  revokeClaimed(lease: ClaimedLease): Promise<Revoked> {
    return timed(this.#metrics, 'vault.expire.revoke', () => this.#revokeClaimed(lease));
  }

  async #revokeClaimed({ claim, ...lease }: ClaimedLease): Promise<Revoked> {
    const { store, mounts, logger } = this.#options;
    const row = { id: lease.id, claim, attempts: lease.attempts };
    try {
      const engine = mounts.engineFor(lease.path);
      if (engine === undefined) throw new CofferError('failed', `no engine is mounted at ${lease.path}`);
      const owed = await underClaim(checkOf(store, row), async () => engine.revoke?.(lease));
      if (owed !== undefined) return await this.#keepOwed(row, owed);
      await removeClaimed(store, row);
      logger.debug('revoked lease', { lease_id: lease.id });
      return {};
    } catch (thrown) {
      return await this.#planRetry(row, thrown);
    }
  }

  /** The lease is over, and stays to say what may go on of it: an error without a failed attempt. */
  async #keepOwed(row: ClaimedRow, text: string): Promise<Revoked> {
    const owed = text.slice(0, ERROR_LENGTH);
    const sql = `${GIVE_BACK}, attempts = 0, last_error = $3, next_attempt = $4`;
    await writeClaimed(this.#options.store, row, sql, [owed, Date.now() + OWED_MS]);
    this.#options.logger.debug('a lease is over, but something of it may go on', { lease_id: row.id, owed });
    return { owed };
  }

  /**
   * Gives a claimed lease back, with the error and the time of the next attempt, unless another node has it meanwhile, or has
   * revoked it.
   */
  async #planRetry(row: ClaimedRow & { readonly attempts: number }, thrown: unknown): Promise<Revoked> {
    const { id, attempts } = row;
    const { store, logger } = this.#options;
    const { code, message } = CofferError.from(thrown);
    const error = message.slice(0, ERROR_LENGTH);
    const nextAttempt = Date.now() + Math.round(backoffMs(RETRIES, attempts + 1));
    const sql = `${GIVE_BACK}, attempts = attempts + 1, last_error = $3, next_attempt = $4`;
    if (!(await changeClaimed(store, row, sql, [error, nextAttempt]))) {
      if (!(await isThere(store, id))) return {};
      logger.warn('a lease was taken over by another node, which revokes it', { lease_id: id });
      return { error: claimLost(id) };
    }
    logger.error('failed to revoke lease', { lease_id: id, attempt: attempts + 1, error });
    return { error: new CofferError(code, error) };
  }

  async #forget(id: string, error: string): Promise<void> {
    await this.#options.store.run('DELETE FROM leases WHERE id = $1', [id]);
    this.#options.logger.warn('lease forgotten by force: what it stood for may still exist', { lease_id: id, error });
  }

  /** Claims a lease that no other worker holds, and marks it to be revoked. */
  async #claimToRevoke(id: string): Promise<ClaimedLease | undefined> {
    const claim = new HeldClaim(this.#options.node);
    // Run again, it finds its own claim: nobody else has the lease then, nor would wait for us in vain.
    const { rows } = await runRepeatable(
      this.#options.store,
      `UPDATE leases SET claim = $3, claimed_until = store_now() + $2, next_attempt = store_now() + $2, state = 'revoking'
       WHERE id = $1 AND (claimed_until <= store_now() OR claim = $3) RETURNING *`,
      [id, CLAIM_MS, claim.name],
    );
    return rows[0] && this.#claimed(rows[0], claim);
  }

  /** A lease that was claimed to be revoked. One that cannot be read is given back, to be tried again later. */
  async #claimed(row: SqlRow, claim: HeldClaim): Promise<ClaimedLease> {
    const { store, barrier } = this.#options;
    try {
      const { creation, ...lease } = leaseFromRow(barrier, row);
      if (creation === undefined) return { ...lease, claim };
      const { process = '', mayLandUntil } = creation;
      // It may only be slow: then nobody may end its sessions.
      const dead = process !== '' && (await isDead(store, process));
      return { ...lease, claim, creation: { mayLandUntil, ...(dead && { process }) } };
    } catch (thrown) {
      await this.#planRetry({ id: String(row['id']), claim, attempts: Number(row['attempts']) }, thrown);
      throw thrown;
    }
  }
}

function stillOwed(what: string, { code, message }: CofferError): CofferError {
  return new CofferError(code === 'unavailable' ? code : 'failed', `${what}: ${message}`);
}

/** `database/creds/a` does not stand for `database/creds/ab`. */
function withSlash(prefix: string): string {
  return prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`;
}
