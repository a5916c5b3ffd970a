import { CofferError, randomBase62, Secret } from '@coffer/base';
import type { SqlRow, Store } from '@coffer/store';
import type { Barrier } from './barrier.ts';
import { revokeLeasesOf } from './lease.ts';
import type { TokenEntry } from './token-entry.ts';

export type NewToken = Omit<TokenEntry, 'id' | 'accessor' | 'usesLeft' | 'lastRenewal' | 'type'> & {
  /** The token itself; made when absent. */
  readonly token?: string;
};

export interface TokenStore {
  create(token: NewToken): Promise<{ token: Secret; entry: TokenEntry }>;
  /** The entry of a token that is valid now, using up one of its uses. */
  use(token: string): Promise<TokenEntry | undefined>;
  /** The entry of a token that is valid now, without using it. */
  lookup(token: string): Promise<TokenEntry | undefined>;
  byId(id: string): Promise<TokenEntry | undefined>;
  byAccessor(accessor: string): Promise<TokenEntry | undefined>;
  accessors(): Promise<string[]>;
  /** Ends a token, its descendants and all their leases. `orphanChildren` keeps the descendants, without a parent. */
  revoke(id: string, options?: { orphanChildren?: boolean }): Promise<void>;
  extend(id: string, expireTime: number): Promise<void>;
  /** Ends every token that was issued by a request below `prefix` (`auth/userpass/`), as {@link revoke}. */
  revokeIssuedBelow(prefix: string): Promise<void>;
  /** Ends the tokens whose time is over. Returns how many. */
  revokeExpired(now: number): Promise<number>;
}

/** Vault's form for service tokens: `hvs.` and base62. */
const TOKEN_PREFIX = 'hvs.';
/** Where the answers that wrapping tokens hold are kept, by the token's id: they go in the transaction that ends the token. */
export const WRAPPED_ANSWERS = 'core/wrapping';
const TOKEN_RANDOM = 24;
/** Characters of a token that is made here. */
export const TOKEN_LENGTH = TOKEN_PREFIX.length + TOKEN_RANDOM;

export function createTokenStore(store: Store, barrier: Barrier, wake: () => void): TokenStore {
  const valid = (entry: TokenEntry | undefined): TokenEntry | undefined => {
    if (entry === undefined || (entry.expireTime !== null && entry.expireTime <= Date.now())) return undefined;
    return entry;
  };
  const one = async (where: string, value: string): Promise<TokenEntry | undefined> => {
    const { rows } = await store.run(`SELECT * FROM tokens WHERE ${where} = $1`, [value]);
    return rows[0] === undefined ? undefined : tokenFromRow(barrier, rows[0]);
  };

  return {
    async create({ token = `${TOKEN_PREFIX}${randomBase62(TOKEN_RANDOM)}`, ...rest }) {
      const entry: TokenEntry = {
        ...rest,
        id: barrier.tokenId(token),
        accessor: randomBase62(24),
        usesLeft: rest.numUses,
        lastRenewal: null,
        type: 'service',
      };
      if ((await one('id', entry.id)) !== undefined) {
        throw new CofferError('invalid-request', 'cannot create a token with a duplicate ID');
      }
      await store.run(
        'INSERT INTO tokens (id, accessor, parent, expire_time, uses_left, value) VALUES ($1, $2, $3, $4, $5, $6)',
        [entry.id, entry.accessor, entry.parent, entry.expireTime, entry.usesLeft, sealToken(barrier, entry)],
      );
      wake();
      return { token: new Secret(token), entry };
    },
    async use(token) {
      const entry = valid(await one('id', barrier.tokenId(token)));
      if (entry === undefined || entry.numUses === 0) return entry;
      // The last use leaves -1: the token is spent, and ends with the request that follows.
      const { changes } = await store.run(
        `UPDATE tokens SET uses_left = CASE WHEN uses_left = 1 THEN -1 ELSE uses_left - 1 END
         WHERE id = $1 AND uses_left > 0`,
        [entry.id],
      );
      return changes === 1 ? entry : undefined;
    },
    async lookup(token) {
      const entry = valid(await one('id', barrier.tokenId(token)));
      return entry !== undefined && entry.usesLeft >= 0 ? entry : undefined;
    },
    byId: async (id) => valid(await one('id', id)),
    byAccessor: async (accessor) => valid(await one('accessor', accessor)),
    async accessors() {
      const { rows } = await store.run('SELECT accessor FROM tokens ORDER BY accessor');
      return rows.map((row) => String(row['accessor']));
    },
    async revoke(id, { orphanChildren = false } = {}) {
      const ids = orphanChildren ? [id] : await descendants(store, id);
      await store.transaction([
        ...revokeLeasesOf(ids, Date.now()),
        ...(orphanChildren ? [{ sql: "UPDATE tokens SET parent = '' WHERE parent = $1", params: [id] }] : []),
        ...ids.flatMap((each) => [
          { sql: 'DELETE FROM entries WHERE mount = $1 AND name = $2', params: [WRAPPED_ANSWERS, each] },
          { sql: 'DELETE FROM tokens WHERE id = $1', params: [each] },
        ]),
      ]);
      wake();
    },
    async revokeIssuedBelow(prefix) {
      const { rows } = await store.run('SELECT * FROM tokens');
      const entries = rows.map((row) => tokenFromRow(barrier, row)).filter((entry) => entry.path.startsWith(prefix));
      for (const entry of entries) await this.revoke(entry.id);
    },
    async extend(id, expireTime) {
      const entry = await one('id', id);
      if (entry === undefined) throw new CofferError('not-found', 'token not found');
      await store.run('UPDATE tokens SET expire_time = $2, value = $3 WHERE id = $1', [
        id,
        expireTime,
        sealToken(barrier, { ...entry, expireTime, lastRenewal: Date.now() }),
      ]);
      wake();
    },
    async revokeExpired(now) {
      const { rows } = await store.run(
        'SELECT id FROM tokens WHERE (expire_time IS NOT NULL AND expire_time <= $1) OR uses_left < 0 LIMIT 100',
        [now],
      );
      for (const row of rows) await this.revoke(String(row['id']));
      return rows.length;
    },
  };
}

async function descendants(store: Store, id: string): Promise<string[]> {
  const { rows } = await store.run(
    `WITH RECURSIVE family (id) AS (
       SELECT CAST($1 AS TEXT) UNION ALL SELECT tokens.id FROM tokens JOIN family ON tokens.parent = family.id
     ) SELECT id FROM family`,
    [id],
  );
  return rows.map((row) => String(row['id']));
}

function sealToken(barrier: Barrier, entry: TokenEntry): Uint8Array {
  // The other fields are columns of their own: a token is found by them.
  const { displayName, policies, path, meta, creationTime, creationTtl, lastRenewal } = entry;
  const { explicitMaxTtl, period, numUses, renewable, type, role, boundCidrs } = entry;
  return barrier.seal(`tokens/${entry.id}`, {
    ...{ displayName, policies, path, meta, creationTime, creationTtl, lastRenewal },
    ...{ explicitMaxTtl, period, numUses, renewable, type },
    ...(role !== undefined && { role }),
    ...(boundCidrs !== undefined && { boundCidrs }),
  });
}

function tokenFromRow(barrier: Barrier, row: SqlRow): TokenEntry {
  const id = String(row['id']);
  const sealed = barrier.open(`tokens/${id}`, row['value'] as Uint8Array) as unknown as Omit<
    TokenEntry,
    'id' | 'accessor' | 'parent' | 'expireTime' | 'usesLeft'
  >;
  return {
    ...sealed,
    id,
    accessor: String(row['accessor']),
    parent: String(row['parent']),
    expireTime: row['expire_time'] === null ? null : Number(row['expire_time']),
    usesLeft: Number(row['uses_left']),
  };
}
