import { CofferError, currentDeadline } from '@coffer/base';
import { runRepeatable, type SqlRow } from '@coffer/store';
import { HeldClaim } from './claim.ts';
import { giveBackAll, listOf } from './claimed-lease.ts';
import { CLAIM_MS } from './lease-row.ts';
import type { LeasesOptions } from './leases-options.ts';
import { type ClaimedRevocations, owedOf, stillOwed } from './revoke-claimed.ts';

/** Leases claimed by one statement: as many as our plugin drops by one. */
const CLAIMED_TOGETHER = 128;
/**
 * Leases that one process revokes side by side: two batches of our plugin, so that the next one has been claimed, opened and asked for
 * when the first is dropped. Vault has 200 workers.
 */
export const REVOCATIONS_AT_ONCE = 2 * CLAIMED_TOGETHER;

export interface PrefixOptions {
  readonly force?: boolean;
  readonly last?: boolean;
}

export interface PrefixRevocationParts extends LeasesOptions {
  readonly claimed: ClaimedRevocations;
  /** Revokes one lease, whoever is at it. */
  readonly revoke: (id: string) => Promise<string | undefined>;
}

/** Revokes many leases, and goes on after a failure. */
export class PrefixRevocation {
  readonly #parts: PrefixRevocationParts;
  readonly #options: PrefixOptions;
  readonly #places = new Places(REVOCATIONS_AT_ONCE);
  #revoked = 0;
  #failed = 0;
  #firstError: CofferError | undefined;
  #firstOwed: string | undefined;
  /** Why what came of a lease could not be written down: nothing more is begun then. */
  #broken: { readonly error: unknown } | undefined;

  constructor(parts: PrefixRevocationParts, options: PrefixOptions) {
    this.#parts = parts;
    this.#options = options;
  }

  /** What may still go on of the first lease of which something may. @throws CofferError as `Leases.revokePrefix` does */
  get outcome(): string | undefined {
    if (this.#firstError === undefined) return this.#firstOwed;
    const what = `${this.#failed} of ${this.#revoked + this.#failed} leases could not be revoked`;
    throw stillOwed(what, this.#firstError);
  }

  async one(id: string): Promise<void> {
    await this.#note(id, () => this.#parts.revoke(id));
    this.#requireWhole();
  }

  /** All below `prefix`, with trailing slash or empty; no more than were begun once nobody waits any more. */
  async below(prefix: string): Promise<void> {
    const begun: Promise<void>[] = [];
    const isOver = (): boolean => this.#broken !== undefined || currentDeadline()?.over === true;
    for await (const page of this.#parts.list.pagesBelow(prefix)) {
      // What was issued together lies together: the store writes half as much for each claim and each removal.
      const ids = page.toSorted((a, b) => a.issueTime - b.issueTime).map(({ id }) => id);
      for (let at = 0; at < ids.length && !isOver(); at += CLAIMED_TOGETHER) {
        const some = ids.slice(at, at + CLAIMED_TOGETHER);
        await this.#places.take(some.length);
        if (!isOver()) begun.push(this.#together(some));
      }
      if (isOver()) break;
    }
    await Promise.all(begun);
    this.#requireWhole();
  }

  #requireWhole(): void {
    if (this.#broken !== undefined) throw this.#broken.error;
  }

  /** Makes room as soon as an engine is done with a lease: its removal goes with the next claims then. Never rejects. */
  async #together(ids: readonly string[]): Promise<void> {
    const left = new Set(ids);
    const makeRoom = (id: string): void => void (left.delete(id) && this.#places.give());
    const revoke = await this.#begin(ids, makeRoom).catch(
      (error: unknown) => () => Promise.reject(CofferError.from(error)),
    );
    const all = ids.map(async (id) => {
      await this.#note(id, () => revoke(id));
      makeRoom(id);
    });
    await Promise.all(all);
  }

  /** Begins with those that no other worker holds. Resolves with what is to be waited for, of each of the ids. */
  async #begin(
    ids: readonly string[],
    ended: (id: string) => void,
  ): Promise<(id: string) => Promise<string | undefined>> {
    const { claimed, revoke } = this.#parts;
    const { claim, rows } = await this.#claim(ids);
    const found = new Map(rows.map((row) => [row['id'], claimed.read(row, claim.again())]));
    const read = await Promise.allSettled(found.values());
    const leases = read.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    const begun = claimed.revokeAll(leases, ended);
    return async (id) => {
      const revoked = begun.get(id);
      if (revoked !== undefined) return owedOf(id, await revoked);
      await found.get(id);
      // Another worker is at it, or it is gone.
      return revoke(id);
    };
  }

  /** Claims those that no other worker holds, and marks them to be revoked. */
  async #claim(ids: readonly string[]): Promise<{ readonly claim: HeldClaim; readonly rows: readonly SqlRow[] }> {
    const { store, node } = this.#parts;
    const claim = new HeldClaim(node);
    const { places, params } = listOf(ids, 3);
    // Run again, it finds its own claim: nobody else has these leases then, nor would wait for us in vain.
    const { rows } = await runRepeatable(
      store,
      `UPDATE leases SET claim = $2, claimed_until = store_now() + $1, next_attempt = store_now() + $1, state = 'revoking'
       WHERE id IN (${places}) AND (claimed_until <= store_now() OR claim = $2) RETURNING *`,
      [CLAIM_MS, claim.name, ...params],
    ).catch(async (error: unknown) => {
      await giveBackAll(store, claim);
      throw error;
    });
    return { claim, rows };
  }

  /** Never rejects. */
  async #note(id: string, revoke: () => Promise<string | undefined>): Promise<void> {
    const { force, last } = this.#options;
    try {
      const owed = await revoke();
      this.#revoked++;
      if (owed !== undefined && (force ?? last) === true) await this.#forget(id, owed);
      this.#firstOwed ??= owed;
    } catch (thrown) {
      const error = CofferError.from(thrown);
      if (force === true) return this.#forget(id, error.message).catch((cause: unknown) => this.#break(cause));
      this.#failed++;
      this.#firstError ??= error;
    }
  }

  async #forget(id: string, why: string): Promise<void> {
    const { store, logger } = this.#parts;
    await store.run('DELETE FROM leases WHERE id = $1', [id]);
    logger.warn('lease forgotten by force: its user may still exist', { lease_id: id, error: why });
  }

  #break(error: unknown): void {
    this.#broken ??= { error };
  }
}

/** Room for so many at once, for one that waits. */
class Places {
  #free: number;
  #wanted = 0;
  #ready: (() => void) | undefined;

  constructor(free: number) {
    this.#free = free;
  }

  async take(count: number): Promise<void> {
    if (this.#free < count) {
      this.#wanted = count;
      await new Promise<void>((resolve) => (this.#ready = resolve));
    }
    this.#free -= count;
  }

  give(): void {
    this.#free++;
    if (this.#free < this.#wanted) return;
    this.#ready?.();
    this.#ready = undefined;
  }
}
