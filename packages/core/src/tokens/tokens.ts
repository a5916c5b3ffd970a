import { CofferError } from '@coffer/base';
import { inEveryBucket, type SqlRow, type Store } from '@coffer/store';
import type { Barrier } from '../barrier/barrier.ts';
import { type Arrival, isBatchToken, rowLimit, type TokenEntry, type TokenStore, WHOLE_LIST } from '@coffer/framework';
import { endOfPrefix } from '../barrier/prefix.ts';
import { epochFrom, Epochs } from '../epochs/epochs.ts';
import { Identities } from '../identity/identities.ts';
import { isUnderNewTerm, openBatchToken } from './batch-token.ts';
import { createToken } from './create-token.ts';
import { endExpired, endFamilies, endOrphaning } from './token-ending.ts';
import { KeptArrivals } from './kept-arrivals.ts';
import { hasItsEntity, sealToken, tokenFromRow } from './token-row.ts';

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
/** A request's first query: the token `$1`, and how far the store has come. */
const ARRIVAL =
  "SELECT e.epoch AS store_epoch, t.* FROM epoch e LEFT JOIN tokens t ON t.id = $1 WHERE e.name = 'store'";

export function createTokenStore(
  store: Store,
  barrier: Barrier,
  wake: (dueAt?: number) => void,
  identities = new Identities(store, barrier, new Epochs(store)),
): TokenStore {
  const valid = (row: SqlRow | undefined): TokenEntry | undefined => {
    const entry = typeof row?.['id'] === 'string' ? tokenFromRow(barrier, row) : undefined;
    if (row === undefined || entry === undefined || entry.usesLeft < 0 || !hasItsEntity(row, entry)) return undefined;
    return entry.expireTime === null || entry.expireTime > Date.now() ? entry : undefined;
  };
  type Key = 'id' | 'accessor' | 'lease';
  const one = async (key: Key, value: string): Promise<TokenEntry | undefined> => {
    const { rows } = await store.run(`SELECT * FROM tokens WHERE ${key} = $1`, [value]);
    return valid(rows[0]);
  };
  const idBy = async (key: Key, value: string): Promise<string | undefined> => {
    const { rows } = await store.run(`SELECT id FROM tokens WHERE ${key} = $1`, [value]);
    return rows[0] === undefined ? undefined : String(rows[0]['id']);
  };
  const openBatch = async (token: string): Promise<TokenEntry | undefined> => {
    if (isUnderNewTerm(barrier, token)) await identities.epochs.refresh();
    return openBatchToken(barrier, token);
  };
  /** An id is hexadecimal: the empty one is nobody's. */
  const arrivalOf = async (id: string): Promise<Arrival> => {
    const { rows } = await store.run(ARRIVAL, [id]);
    const entry = valid(rows[0]);
    return { epoch: epochFrom(rows[0]), ...(entry && { entry }) };
  };
  /** A batch token has no row, but its parent has. */
  const batchArrival = async (token: string): Promise<Arrival> => {
    const batch = await openBatch(token);
    const { epoch, entry: parent } = await arrivalOf(batch?.parent ?? '');
    const isValid = batch !== undefined && (batch.parent === '' || parent !== undefined);
    return { epoch, ...(isValid && { entry: batch }) };
  };
  const kept = KeptArrivals.of(store);

  return {
    async create(given) {
      const created = await createToken({ store, barrier, identities }, given);
      const { type, expireTime } = created.entry;
      if (type !== 'batch') wake(expireTime ?? Number.POSITIVE_INFINITY);
      return created;
    },
    arrive(token) {
      barrier.requireOpen();
      if (isBatchToken(token)) return batchArrival(token);
      if (token === '') return arrivalOf('');
      const ask = (): Promise<Arrival> => arrivalOf(barrier.tokenId(token));
      return kept === undefined ? ask() : kept.get(token, ask);
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
    async lookup(token) {
      if (!isBatchToken(token)) return one('id', barrier.tokenId(token));
      const batch = await openBatch(token);
      const isOver = batch !== undefined && batch.parent !== '' && (await one('id', batch.parent)) === undefined;
      return isOver ? undefined : batch;
    },
    byAccessor: async (accessor) => (accessor === '' ? undefined : one('accessor', accessor)),
    idOf: (token) => barrier.tokenId(token),
    idOfAccessor: (accessor) => idBy('accessor', accessor),
    byLease: async (lease) => (lease === '' ? undefined : one('lease', lease)),
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
