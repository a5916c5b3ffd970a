import { CofferError, randomBase62, Secret } from '@coffer/base';
import type { SqlRow, SqlStatement, Store } from '@coffer/store';
import type { Barrier } from './barrier.ts';
import { revokeLeasesOf } from './lease.ts';
import { type ListPage, rowLimit, WHOLE_LIST } from './list-page.ts';
import type { TokenEntry } from './token-entry.ts';

export type NewToken = Omit<TokenEntry, 'id' | 'accessor' | 'usesLeft' | 'lastRenewal' | 'type'> & {
  /** The token itself; made when absent. */
  readonly token?: string;
};

export interface TokenStore {
  create(token: NewToken): Promise<{ token: Secret; entry: TokenEntry }>;
  /** The entry of a token that is valid now and that `allowed` takes, using up one of its uses; otherwise it costs none. */
  use(token: string, allowed?: (entry: TokenEntry) => boolean): Promise<TokenEntry | undefined>;
  /** The entry of a token that is valid now, without using it. */
  lookup(token: string): Promise<TokenEntry | undefined>;
  byId(id: string): Promise<TokenEntry | undefined>;
  byAccessor(accessor: string): Promise<TokenEntry | undefined>;
  /** The accessors of all tokens, sorted. */
  accessors(page?: ListPage): Promise<string[]>;
  /** Ends tokens, their descendants and all their leases, in one transaction. */
  revoke(ids: string | readonly string[]): Promise<void>;
  /** Ends a token and its leases. Its children stay, without a parent. */
  revokeOrphaning(id: string): Promise<void>;
  extend(id: string, expireTime: number): Promise<void>;
  /** Ends every token that was issued by a request below `prefix` (`auth/userpass/`), as {@link revoke}. */
  revokeIssuedBelow(prefix: string): Promise<void>;
  /** The ids of tokens to be ended: of `limit` whose time is over, and of `limit` whose uses are. */
  expired(now: number, limit: number): Promise<string[]>;
  /** When the next token is to be ended, in milliseconds since 1970. */
  nextExpiry(): Promise<number | undefined>;
}

/** Vault's form for service tokens: `hvs.` and base62. */
const TOKEN_PREFIX = 'hvs.';
/** Where the answers that wrapping tokens hold are kept, by the token's id: they go in the transaction that ends the token. */
export const WRAPPED_ANSWERS = 'core/wrapping';
const TOKEN_RANDOM = 24;
/** Tokens read at once where all have to be read. */
const PAGE = 500;
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
    async use(token, allowed = () => true) {
      const entry = valid(await one('id', barrier.tokenId(token)));
      if (entry === undefined || !allowed(entry)) return undefined;
      if (entry.numUses === 0) return entry;
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
    async accessors(page = WHOLE_LIST) {
      const { rows } = await store.run('SELECT accessor FROM tokens WHERE accessor > $1 ORDER BY accessor LIMIT $2', [
        page.after,
        rowLimit(page),
      ]);
      return rows.map((row) => String(row['accessor']));
    },
    async revoke(given) {
      const ids = typeof given === 'string' ? [given] : given;
      const families = await Promise.all(ids.map((id) => descendants(store, id)));
      await store.transaction(endingOf([...new Set(families.flat())]));
      wake();
    },
    async revokeOrphaning(id) {
      const orphan = { sql: "UPDATE tokens SET parent = '' WHERE parent = $1", params: [id] };
      await store.transaction([orphan, ...endingOf([id])]);
      wake();
    },
    async revokeIssuedBelow(prefix) {
      // Where a token was issued is in its sealed value, so all are looked at, a page at a time.
      for (let after: string | undefined = ''; after !== undefined; ) {
        const { rows } = await store.run('SELECT * FROM tokens WHERE accessor > $1 ORDER BY accessor LIMIT $2', [
          after,
          PAGE,
        ]);
        const entries = rows.map((row) => tokenFromRow(barrier, row));
        after = entries.at(-1)?.accessor;
        const issued = entries.filter((entry) => entry.path.startsWith(prefix));
        if (issued.length > 0) await this.revoke(issued.map((entry) => entry.id));
      }
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
    async expired(now, limit) {
      // Each half has its index, and the orders keep PostgreSQL to it; an OR of the two would read every token.
      const { rows } = await store.run(
        `SELECT id FROM (SELECT id FROM tokens WHERE expire_time <= $1 ORDER BY expire_time LIMIT $2) AS over
         UNION SELECT id FROM (SELECT id FROM tokens WHERE uses_left < 0 ORDER BY uses_left LIMIT $2) AS spent`,
        [now, limit],
      );
      return rows.map((row) => String(row['id']));
    },
    async nextExpiry() {
      const { rows } = await store.run(
        `SELECT CASE WHEN (SELECT uses_left FROM tokens WHERE uses_left < 0 ORDER BY uses_left LIMIT 1) < 0 THEN 0
                     ELSE (SELECT min(expire_time) FROM tokens) END AS next`,
      );
      const next = rows[0]?.['next'];
      return typeof next === 'number' ? next : undefined;
    },
  };
}

/** Ends these tokens and nothing else of their families. */
function endingOf(ids: readonly string[]): SqlStatement[] {
  return [
    ...revokeLeasesOf(ids, Date.now()),
    ...ids.flatMap((id) => [
      { sql: 'DELETE FROM entries WHERE mount = $1 AND name = $2', params: [WRAPPED_ANSWERS, id] },
      { sql: 'DELETE FROM tokens WHERE id = $1', params: [id] },
    ]),
  ];
}

/** The token itself, whether or not it is there, its children, theirs, and so on. */
async function descendants(store: Store, id: string): Promise<string[]> {
  const { rows } = await store.run(
    `WITH RECURSIVE family (id) AS (
       SELECT id FROM tokens WHERE parent = $1 UNION ALL SELECT tokens.id FROM tokens JOIN family ON tokens.parent = family.id
     ) SELECT id FROM family`,
    [id],
  );
  return [id, ...rows.map((row) => String(row['id']))];
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
