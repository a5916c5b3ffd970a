import { CofferError, randomBase62, Secret } from '@coffer/base';
import { bucketOf, inEveryBucket, runRepeatable, type Store } from '@coffer/store';
import type { Barrier } from '../barrier/barrier.ts';
import { rowLimit, type TokenEntry, type TokenStore, validToken, WHOLE_LIST } from '@coffer/framework';
import { insertWhile } from '../barrier/insert-while.ts';
import { endOfPrefix } from '../barrier/prefix.ts';
import { epochFrom } from '../epochs/epochs.ts';
import { endExpired, endFamilies, endOrphaning } from './token-ending.ts';
import { leaseIdOf } from './token-lease.ts';
import { sealToken, tokenFromRow } from './token-row.ts';

/** Vault's form for service tokens: `hvs.` and base62. */
const TOKEN_PREFIX = 'hvs.';
const TOKEN_RANDOM = 24;
/** Tokens revoked in one transaction. */
const PAGE = 500;
/** The tokens of each bucket that expired first: `$1` is the time and `$2` how many. */
const OVER = inEveryBucket(
  (bucket) => `SELECT id, expire_time FROM tokens WHERE ${bucket} AND expire_time <= $1 ORDER BY expire_time LIMIT $2`,
);
/** Zero or more is what every one has that ends at all: SQLite would look at all the others first. */
const NEXT_OVER = inEveryBucket(
  (bucket) => `SELECT expire_time FROM tokens WHERE ${bucket} AND expire_time >= 0 ORDER BY expire_time LIMIT 1`,
);
/** Characters of a token that is made here. */
export const TOKEN_LENGTH = TOKEN_PREFIX.length + TOKEN_RANDOM;

export function createTokenStore(store: Store, barrier: Barrier, wake: (dueAt?: number) => void): TokenStore {
  const valid = (entry: TokenEntry | undefined): TokenEntry | undefined => {
    if (entry === undefined || entry.usesLeft < 0) return undefined;
    return entry.expireTime === null || entry.expireTime > Date.now() ? entry : undefined;
  };
  type Key = 'id' | 'accessor' | 'lease';
  const one = async (key: Key, value: string): Promise<TokenEntry | undefined> => {
    const { rows } = await store.run(`SELECT * FROM tokens WHERE ${key} = $1`, [value]);
    return rows[0] === undefined ? undefined : tokenFromRow(barrier, rows[0]);
  };
  const idBy = async (key: Key, value: string): Promise<string | undefined> => {
    const { rows } = await store.run(`SELECT id FROM tokens WHERE ${key} = $1`, [value]);
    return rows[0] === undefined ? undefined : String(rows[0]['id']);
  };

  return {
    async create({ token, provided = [], otherwise = 'permission denied', leased = true, ...rest }) {
      const made = token ?? `${TOKEN_PREFIX}${randomBase62(TOKEN_RANDOM)}`;
      const entry: TokenEntry = {
        ...rest,
        id: barrier.tokenId(made),
        accessor: randomBase62(24),
        usesLeft: rest.numUses,
        lastRenewal: null,
        type: 'service',
      };
      const { sql, params } = insertWhile(
        {
          into: 'tokens (id, accessor, parent, expire_time, uses_left, lease, value, bucket)',
          values: '$1, $2, $3, $4, $5, $6, $7, $8',
          params: [
            ...[entry.id, entry.accessor, entry.parent, entry.expireTime, entry.usesLeft],
            ...[leased ? leaseIdOf(entry) : '', sealToken(barrier, entry), bucketOf(entry.id)],
          ],
          onConflict: 'ON CONFLICT (id) DO NOTHING',
        },
        [...(entry.parent === '' ? [] : [validToken(entry.parent)]), ...provided],
      );
      // Run again, it finds the row that it has made, which has our accessor.
      const { changes } = await runRepeatable(store, sql, params);
      const present = changes === 1 ? entry : await one('id', entry.id);
      if (present === undefined) throw new CofferError('permission-denied', otherwise);
      if (present.accessor !== entry.accessor) {
        throw new CofferError('invalid-request', 'cannot create a token with a duplicate ID');
      }
      wake(entry.expireTime ?? Number.POSITIVE_INFINITY);
      return { token: new Secret(made), entry };
    },
    async arrive(token) {
      // An id is hexadecimal: the empty one is nobody's.
      const { rows } = await store.run(
        "SELECT e.epoch AS store_epoch, t.* FROM epoch e LEFT JOIN tokens t ON t.id = $1 WHERE e.name = 'store'",
        [token === '' ? '' : barrier.tokenId(token)],
      );
      const [row] = rows;
      const entry = typeof row?.['id'] === 'string' ? valid(tokenFromRow(barrier, row)) : undefined;
      return { epoch: epochFrom(row), ...(entry && { entry }) };
    },
    async spend(entry) {
      if (entry.numUses === 0) return entry;
      // The last use leaves -1: the token is spent, and ends with the request that follows.
      const { rows } = await store.run(
        `UPDATE tokens SET uses_left = CASE WHEN uses_left = 1 THEN -1 ELSE uses_left - 1 END
         WHERE id = $1 AND uses_left > 0 RETURNING uses_left`,
        [entry.id],
      );
      if (rows[0] === undefined) return undefined;
      // As it was for this very use: of several that read the same number only one has the last.
      const left = Number(rows[0]['uses_left']);
      return { ...entry, usesLeft: left < 0 ? 1 : left + 1 };
    },
    lookup: async (token) => valid(await one('id', barrier.tokenId(token))),
    byAccessor: async (accessor) => valid(await one('accessor', accessor)),
    idOf: (token) => barrier.tokenId(token),
    idOfAccessor: (accessor) => idBy('accessor', accessor),
    byLease: async (lease) => (lease === '' ? undefined : valid(await one('lease', lease))),
    idOfLease: async (lease) => (lease === '' ? undefined : idBy('lease', lease)),
    async accessors(page = WHOLE_LIST) {
      const { rows } = await store.run('SELECT accessor FROM tokens WHERE accessor > $1 ORDER BY accessor LIMIT $2', [
        page.after,
        rowLimit(page),
      ]);
      return rows.map((row) => String(row['accessor']));
    },
    async revoke(ids) {
      await endFamilies(store, typeof ids === 'string' ? [ids] : ids);
      wake();
    },
    async revokeOrphaning(id) {
      await endOrphaning(store, id);
      wake();
    },
    async revokeIssuedBelow(prefix) {
      for (;;) {
        const { rows } = await store.run(
          'SELECT id FROM tokens WHERE lease > $1 AND lease < $2 ORDER BY lease LIMIT $3',
          [prefix, endOfPrefix(prefix), PAGE],
        );
        if (rows.length === 0) return;
        await this.revoke(rows.map((row) => String(row['id'])));
      }
    },
    async extend(entry, expireTime) {
      const { changes } = await store.run(
        `UPDATE tokens SET expire_time = $2, value = $3
         WHERE id = $1 AND (expire_time IS NULL OR expire_time > store_now())`,
        [entry.id, expireTime, sealToken(barrier, { ...entry, expireTime, lastRenewal: Date.now() })],
      );
      if (changes === 0) throw new CofferError('permission-denied', 'bad token');
      wake(expireTime);
    },
    async expired(now, limit) {
      // Each half has its index, and the orders keep PostgreSQL to it; an OR of the two would read every token.
      const { rows } = await store.run(
        `SELECT id FROM (SELECT id FROM ${OVER} AS overs ORDER BY expire_time LIMIT $2) AS over
         UNION SELECT id FROM (SELECT id FROM tokens WHERE uses_left < 0 ORDER BY uses_left LIMIT $2) AS spent`,
        [now, limit],
      );
      return rows.map((row) => String(row['id']));
    },
    async endExpired(ids) {
      await endExpired(store, ids);
      wake();
    },
    async nextExpiry() {
      const { rows } = await store.run(
        `SELECT CASE WHEN (SELECT uses_left FROM tokens WHERE uses_left < 0 ORDER BY uses_left LIMIT 1) < 0 THEN 0
                     ELSE (SELECT min(expire_time) FROM ${NEXT_OVER} AS overs) END AS next`,
      );
      const next = rows[0]?.['next'];
      return typeof next === 'number' ? next : undefined;
    },
  };
}
