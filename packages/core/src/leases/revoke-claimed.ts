import { type Backoff, backoffMs, CofferError, type Metrics, NO_METRICS, timed, underClaim } from '@coffer/base';
import type { Engine } from '@coffer/framework';
import type { SqlRow } from '@coffer/store';
import { isDead } from '../nodes/nodes.ts';
import { claimLost, type HeldClaim } from './claim.ts';
import {
  changeClaimed,
  checkOf,
  checkOfAll,
  type ClaimedLease,
  type ClaimedRow,
  GIVE_BACK,
  isThere,
  writeClaimed,
} from './claimed-lease.ts';
import { leaseFromRow } from './lease-row.ts';
import type { LeasesOptions } from './leases-options.ts';
import { Removals } from './removals.ts';

/** When to look again whether what goes on of a lease that is over has ended. */
const OWED_MS = 10_000;
const RETRIES: Backoff = { firstMs: 1_000, longestMs: 300_000 };
const ERROR_LENGTH = 500;

/** What came of a revocation: what it failed with, or what may go on although it is over; usually neither. */
export interface Revoked {
  readonly error?: CofferError;
  readonly owed?: string;
}

/** Of a lease that is revoked among others. */
interface Among {
  /** The ids of those that are over already. */
  readonly over?: Promise<ReadonlySet<string>> | undefined;
  readonly ended?: ((id: string) => void) | undefined;
}

/** Revokes leases that this worker has claimed, and plans the retry of what fails. */
export class ClaimedRevocations {
  readonly #options: LeasesOptions;
  readonly #metrics: Metrics;
  readonly #removals: Removals;

  constructor(options: LeasesOptions) {
    this.#options = options;
    this.#metrics = options.metrics ?? NO_METRICS;
    this.#removals = new Removals(options.store);
  }

  /** A lease that was claimed to be revoked. One that cannot be read is given back, to be tried again later. */
  async read(row: SqlRow, claim: HeldClaim): Promise<ClaimedLease> {
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

  /** If it fails, the retry is planned. */
  revoke(lease: ClaimedLease, among: Among = {}): Promise<Revoked> {
    return timed(this.#metrics, 'vault.expire.revoke', () => this.#revoke(lease, among));
  }

  /**
   * The same for each of several, by its id. What an engine can end together it does; whatever has to be revoked by itself keeps none of
   * the others waiting. `ended`: called for each when its engine has done what it could, before that is written down.
   */
  revokeAll(leases: readonly ClaimedLease[], ended?: (id: string) => void): ReadonlyMap<string, Promise<Revoked>> {
    const { mounts } = this.#options;
    const groups = Map.groupBy(leases, ({ path }) => mounts.engineFor(path));
    const begun = new Map<string, Promise<Revoked>>();
    for (const [engine, some] of groups) {
      const over = this.#endTogether(engine, some);
      for (const lease of some) begun.set(lease.id, this.revoke(lease, { over, ended }));
    }
    return begun;
  }

  /** Undefined when there is nothing to be done together. Resolves with the ids of those that are over. */
  #endTogether(engine: Engine | undefined, leases: readonly ClaimedLease[]): Promise<ReadonlySet<string>> | undefined {
    if (engine?.revokeTogether === undefined || leases.length === 1) return undefined;
    const work = underClaim(checkOfAll(this.#options.store, leases), async () => engine.revokeTogether?.(leases));
    // What is wrong with each is found out alone.
    return work.then(
      (over) => new Set(over),
      () => new Set(),
    );
  }

  async #revoke(claimed: ClaimedLease, { over, ended }: Among): Promise<Revoked> {
    try {
      const owed = await this.#end(claimed, over).finally(() => ended?.(claimed.id));
      if (owed !== undefined) return await this.#keepOwed(claimed, owed);
      await this.#removals.remove(claimed);
      this.#options.logger.debug('revoked lease', { lease_id: claimed.id });
      return {};
    } catch (thrown) {
      return await this.#planRetry(claimed, thrown);
    }
  }

  /** Ends what it stands for, unless that is over already. */
  async #end({ claim, ...lease }: ClaimedLease, over: Among['over']): Promise<string | undefined> {
    if ((await over)?.has(lease.id) === true) return undefined;
    const { store, mounts } = this.#options;
    const engine = mounts.engineFor(lease.path);
    if (engine === undefined) throw new CofferError('failed', `no engine is mounted at ${lease.path}`);
    return await underClaim(checkOf(store, { id: lease.id, claim }), async () => engine.revoke?.(lease));
  }

  /** The lease is over, and stays to say what may go on of it: an error without a failed attempt. */
  async #keepOwed(row: ClaimedRow, text: string): Promise<Revoked> {
    const owed = text.slice(0, ERROR_LENGTH);
    const sql = `${GIVE_BACK}, attempts = 0, last_error = $3, next_attempt = $4`;
    await writeClaimed(this.#options.store, row, sql, [owed, Date.now() + OWED_MS]);
    this.#options.logger.debug('a lease is revoked, but sessions of its user may still be open', {
      lease_id: row.id,
      owed,
    });
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
      logger.warn('another node has taken over a lease, and revokes it', { lease_id: id });
      return { error: claimLost(id) };
    }
    logger.error('failed to revoke lease', { lease_id: id, attempt: attempts + 1, error });
    return { error: new CofferError(code, error) };
  }
}

/**
 * What came of it, for whoever waits for it. Resolves with what may still go on of the lease, if there is anything.
 * @throws CofferError `unavailable` or `failed`, with what is still owed
 */
export function owedOf(id: string, { error, owed }: Revoked): string | undefined {
  if (error === undefined) return owed;
  throw stillOwed(`failed to revoke ${JSON.stringify(id)}`, error);
}

export function stillOwed(what: string, { code, message }: CofferError): CofferError {
  return new CofferError(code === 'unavailable' ? code : 'failed', `${what}: ${message}`);
}
