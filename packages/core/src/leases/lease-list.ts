import { type Lease, type LeaseState, type ListPage, WHOLE_LIST } from '@coffer/framework';
import { inEveryBucket, type SqlRow, type Store } from '@coffer/store';
import type { Barrier } from '../barrier/barrier.ts';
import { endOfPrefix, LAST_CHARACTER } from '../barrier/prefix.ts';
import { leaseFromRow } from './lease-row.ts';

/** Ids read at a time where there may be very many. */
const PAGE = 1000;

/**
 * Leases of tokens have no rows of their own: the token's row has the id (see `token-lease.ts`). Those that are over are left
 * out before anybody has cleared them away.
 */
const ISSUED_TOKENS = `SELECT lease AS id FROM tokens WHERE lease > $1 AND lease < $2 AND uses_left >= 0
  AND (expire_time IS NULL OR expire_time > store_now()) ORDER BY lease LIMIT $3`;
const ISSUED_CREDENTIALS = `SELECT id FROM leases WHERE id > $1 AND id < $2 AND state <> 'creating' ORDER BY id LIMIT $3`;

/** So many failed attempts make a lease irrevocable in Vault. The index `leases_given_up` has the number too. */
const IRREVOCABLE_ATTEMPTS = 6;
const IRREVOCABLE = `attempts >= ${IRREVOCABLE_ATTEMPTS}`;
const FIRST_IRREVOCABLE = inEveryBucket(
  (
    bucket,
  ) => `SELECT id, last_error, issue_time, expire_time, attempts, next_attempt FROM leases WHERE ${bucket} AND ${IRREVOCABLE}
    ORDER BY expire_time, id LIMIT $1`,
);

export type IrrevocableLease = Pick<
  Lease,
  'id' | 'lastError' | 'issueTime' | 'expireTime' | 'attempts' | 'nextAttempt'
>;

export type ListedLease = Pick<Lease, 'id' | 'issueTime'>;

/** Which leases there are. */
export class LeaseList {
  readonly #store: Store;
  readonly #barrier: Barrier;

  constructor(store: Store, barrier: Barrier) {
    this.#store = store;
    this.#barrier = barrier;
  }

  /** An issued lease. One that is being revoked is still there, with what is owed; one being created is not yet. */
  async lookup(id: string): Promise<Lease | undefined> {
    const { rows } = await this.#store.run('SELECT * FROM leases WHERE id = $1', [id]);
    const lease = rows[0] && leaseFromRow(this.#barrier, rows[0]);
    return lease?.state === 'creating' ? undefined : lease;
  }

  /** Whether it is the id of a lease, a token's included: one that is being revoked or is over is there until that is done. */
  async has(id: string): Promise<boolean> {
    if (id === '' || id.endsWith('/')) return false;
    const { rows } = await this.#store.run(
      'SELECT 1 AS n FROM leases WHERE id = $1 UNION ALL SELECT 1 AS n FROM tokens WHERE lease = $1',
      [id],
    );
    return rows.length > 0;
  }

  /**
   * The ids below `prefix` (with trailing slash, or empty), those of tokens included, sorted, one level deep: a deeper level
   * shows as `name/`, and the store skips everything in it.
   */
  async list(prefix: string, page: ListPage = WHOLE_LIST): Promise<string[]> {
    const limit = page.limit > 0 ? page.limit : Number.POSITIVE_INFINITY;
    const names: string[] = [];
    let after = prefix + levelOf(page.after);
    // One at first, to see whether there are levels here: if so, each id read shows the next one.
    for (let size = 1; names.length < limit; ) {
      const ids = await this.#issuedBelow(prefix, after, Math.min(size, limit - names.length));
      if (ids.length === 0) break;
      for (const id of ids) {
        const [name = ''] = /^[^/]*\/?/.exec(id.slice(prefix.length)) ?? [];
        names.push(name);
        const level = name.endsWith('/');
        size = level ? 1 : PAGE;
        after = level ? prefix + name + LAST_CHARACTER : id;
        if (level) break;
      }
    }
    return names;
  }

  /** The leases of credentials. */
  async count(state?: LeaseState): Promise<number> {
    const store = this.#store;
    return counted(
      state === undefined
        ? await store.run('SELECT count(*) AS n FROM leases')
        : await store.run('SELECT count(*) AS n FROM leases WHERE state = $1', [state]),
    );
  }

  /** The service tokens that are valid, those of wrapped answers included. */
  async countTokens(): Promise<number> {
    return counted(
      await this.#store.run(
        'SELECT count(*) AS n FROM tokens WHERE uses_left >= 0 AND (expire_time IS NULL OR expire_time > store_now())',
      ),
    );
  }

  /** How many of the leases below `prefix` are {@link isIrrevocable irrevocable}. */
  async countIrrevocable(prefix = ''): Promise<number> {
    const range = [prefix, endOfPrefix(prefix)];
    return counted(
      await this.#store.run(`SELECT count(*) AS n FROM leases WHERE ${IRREVOCABLE} AND id > $1 AND id < $2`, range),
    );
  }

  /** The first so many that are {@link isIrrevocable irrevocable}, by the time at which they should have ended. */
  async irrevocable(limit: number): Promise<IrrevocableLease[]> {
    const { rows } = await this.#store.run(
      `SELECT * FROM ${FIRST_IRREVOCABLE} AS irrevocable ORDER BY expire_time, id LIMIT $1`,
      [limit],
    );
    return rows.map((row) => ({
      id: String(row['id']),
      lastError: String(row['last_error']),
      issueTime: Number(row['issue_time']),
      expireTime: Number(row['expire_time']),
      attempts: Number(row['attempts']),
      nextAttempt: Number(row['next_attempt']),
    }));
  }

  /** The leases of credentials below `prefix`, sorted by their ids, so many at a time as one statement may change. */
  async *pagesBelow(prefix: string): AsyncGenerator<readonly ListedLease[]> {
    for (let after: string | undefined = prefix; after !== undefined; ) {
      const page = [after, endOfPrefix(prefix), PAGE];
      const { rows } = await this.#store.run(
        'SELECT id, issue_time FROM leases WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3',
        page,
      );
      const leases = rows.map((row) => ({ id: String(row['id']), issueTime: Number(row['issue_time']) }));
      after = leases.length < PAGE ? undefined : leases.at(-1)?.id;
      if (leases.length > 0) yield leases;
    }
  }

  async #issuedBelow(prefix: string, after: string, limit: number): Promise<string[]> {
    const { rows } = await this.#store.run(
      `SELECT id FROM (${ISSUED_CREDENTIALS}) AS credentials UNION ALL SELECT id FROM (${ISSUED_TOKENS}) AS issued
       ORDER BY id LIMIT $3`,
      [after, endOfPrefix(prefix), limit],
    );
    return idsOf(rows);
  }
}

/** Whether it is what Vault calls irrevocable. Here its revocation is tried again all the same. */
export function isIrrevocable({ attempts }: Pick<Lease, 'attempts'>): boolean {
  return attempts >= IRREVOCABLE_ATTEMPTS;
}

function idsOf(rows: readonly SqlRow[]): string[] {
  return rows.map((row) => String(row['id']));
}

function counted({ rows }: { readonly rows: readonly SqlRow[] }): number {
  return Number(rows[0]?.['n'] ?? 0);
}

/** `name` itself; for `name/…`, what sorts after everything below `name/`. */
function levelOf(after: string): string {
  const slash = after.indexOf('/');
  return slash < 0 ? after : `${after.slice(0, slash)}/${LAST_CHARACTER}`;
}
