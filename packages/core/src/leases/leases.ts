import { awaiting, currentDeadline, type Metrics, NO_METRICS, pause, timed } from '@coffer/base';
import { inEveryBucket, runRepeatable } from '@coffer/store';
import type { TokenEntry } from '@coffer/framework';
import { HeldClaim } from './claim.ts';
import { type ClaimedLease, giveBackAll } from './claimed-lease.ts';
import { type RenewedLease, renewLease } from './lease-renewal.ts';
import { CLAIM_MS } from './lease-row.ts';
import type { LeasesOptions } from './leases-options.ts';
import { ClaimedRevocations, owedOf, type Revoked } from './revoke-claimed.ts';
import { type PrefixOptions, PrefixRevocation } from './revoke-prefix.ts';

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

/**
 * Renews and revokes leases: those of credentials, on which work is claimed by the row, so that only one worker is at one;
 * and those of tokens, which the token store ends at once, whether or not anybody waits.
 */
export class Leases {
  readonly #options: LeasesOptions;
  readonly #metrics: Metrics;
  readonly #claimed: ClaimedRevocations;

  constructor(options: LeasesOptions) {
    this.#options = options;
    this.#metrics = options.metrics ?? NO_METRICS;
    this.#claimed = new ClaimedRevocations(options);
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
    for await (const page of list.pagesBelow(below)) {
      const range = [page[0]?.id ?? '', page.at(-1)?.id ?? '', Date.now()];
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
      if (lease !== undefined) return owedOf(id, await this.#claimed.revoke(lease));
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
  revokePrefix(prefix: string, options: PrefixOptions = {}): Promise<string | undefined> {
    const what = options.force === true ? 'vault.expire.revoke-force' : 'vault.expire.revoke-prefix';
    return timed(this.#metrics, what, () => this.#revokePrefix(prefix, options));
  }

  async #revokePrefix(prefix: string, options: PrefixOptions): Promise<string | undefined> {
    const { list, tokens } = this.#options;
    const revocation = new PrefixRevocation(
      { ...this.#options, claimed: this.#claimed, revoke: (id) => this.revoke(id) },
      options,
    );
    if (await list.has(prefix)) {
      if (options.force !== true) return this.revoke(prefix);
      await revocation.one(prefix);
      return revocation.outcome;
    }
    const below = withSlash(prefix);
    await tokens.revokeIssuedBelow(below);
    await revocation.below(below);
    const reason = currentDeadline()?.reason;
    if (reason === undefined) return revocation.outcome;
    // Nobody waits any more, but it was asked for: the expiration revokes the rest.
    await this.revokePrefixLater(below);
    throw reason;
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
    const leases = await Promise.all(
      // One that cannot be read must keep nobody else from being revoked.
      rows.map((row) => this.#claimed.read(row, claim.again()).catch(() => undefined)),
    );
    return leases.filter((lease) => lease !== undefined);
  }

  /** When the next unclaimed lease is due, in milliseconds since 1970. */
  async nextDue(): Promise<number | undefined> {
    const { rows } = await this.#options.store.run(`SELECT min(next_attempt) AS next FROM ${NEXT_DUE} AS due`);
    const next = rows[0]?.['next'];
    return typeof next === 'number' ? next : undefined;
  }

  /** Revokes leases that this worker has claimed, each by its id; plans the retry of those that fail. */
  revokeClaimed(leases: readonly ClaimedLease[]): ReadonlyMap<string, Promise<Revoked>> {
    return this.#claimed.revokeAll(leases);
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
    return rows[0] && this.#claimed.read(rows[0], claim);
  }
}

/** `database/creds/a` does not stand for `database/creds/ab`. */
function withSlash(prefix: string): string {
  return prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`;
}
