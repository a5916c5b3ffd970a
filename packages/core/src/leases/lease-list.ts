import { type Lease, type LeaseState, type ListPage, WHOLE_LIST } from '@coffer/framework';
import type { Store } from '@coffer/store';
import type { Barrier } from '../barrier/barrier.ts';
import { endOfPrefix, LAST_CHARACTER } from '../barrier/prefix.ts';
import { leaseFromRow } from './lease-row.ts';

/** Ids read at a time where there may be very many. */
export const PAGE = 1000;

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

  /**
   * The ids below `prefix` (with trailing slash), sorted, one level deep: a deeper level shows as `name/`, and the store skips
   * everything in it.
   */
  async list(prefix: string, page: ListPage = WHOLE_LIST): Promise<string[]> {
    const limit = page.limit > 0 ? page.limit : Number.POSITIVE_INFINITY;
    const names: string[] = [];
    let after = prefix + levelOf(page.after);
    // One at first, to see whether there are levels here: if so, each id read shows the next one.
    for (let size = 1; names.length < limit; ) {
      const ids = await this.idsBelow(prefix, after, Math.min(size, limit - names.length), "AND state <> 'creating'");
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

  async count(state?: LeaseState): Promise<number> {
    const store = this.#store;
    const { rows } =
      state === undefined
        ? await store.run('SELECT count(*) AS n FROM leases')
        : await store.run('SELECT count(*) AS n FROM leases WHERE state = $1', [state]);
    return Number(rows[0]?.['n'] ?? 0);
  }

  /** The next ids below `prefix` that come after `after`, which is one of them or the prefix itself. */
  async idsBelow(prefix: string, after: string, limit: number, condition = ''): Promise<string[]> {
    const { rows } = await this.#store.run(
      `SELECT id FROM leases WHERE id > $1 AND id < $2 ${condition} ORDER BY id LIMIT $3`,
      [after, endOfPrefix(prefix), limit],
    );
    return rows.map((row) => String(row['id']));
  }
}

/** `name` itself; for `name/…`, what sorts after everything below `name/`. */
function levelOf(after: string): string {
  const slash = after.indexOf('/');
  return slash < 0 ? after : `${after.slice(0, slash)}/${LAST_CHARACTER}`;
}
