import { CofferError, isCofferError, randomBase62, Secret } from '@coffer/base';
import type { SqlRow, SqlStatement, Store } from '@coffer/store';
import type { Barrier } from '../barrier/barrier.ts';
import { rowLimit, stored, type TokenEntry, type TokenStore, validToken, WHOLE_LIST } from '@coffer/framework';
import { insertWhile } from '../barrier/insert-while.ts';

/** Vault's form for service tokens: `hvs.` and base62. */
const TOKEN_PREFIX = 'hvs.';
/** Where the answers that wrapping tokens hold are kept, by the token's id: they go in the transaction that ends the token. */
export const WRAPPED_ANSWERS = 'core/wrapping';
const TOKEN_RANDOM = 24;
/** Tokens read at once where all have to be read. */
const PAGE = 500;
/** The expire time of tokens that are about to be ended: no request is served for them, and none is made from them. */
const CLOSED = 0;
/** The expire time of a token that is about to be ended without its children: whoever ends it in our place leaves them too. */
const ORPHANING = 2;
/** The expire time of tokens that this transaction ends: no other ever sees it. */
const ENDING = -1;
/** Characters of a token that is made here. */
export const TOKEN_LENGTH = TOKEN_PREFIX.length + TOKEN_RANDOM;

const { boolean, entry, integer, nullable, oneOf, optional, string, stringMap, strings } = stored;
const TOKEN = entry<TokenEntry>({
  id: string(),
  accessor: string(),
  parent: string(),
  displayName: string(),
  policies: strings(),
  path: string(),
  meta: nullable(stringMap()),
  creationTime: integer(),
  creationTtl: integer(),
  expireTime: nullable(integer()),
  lastRenewal: nullable(integer()),
  explicitMaxTtl: integer(),
  period: integer(),
  numUses: integer(),
  usesLeft: integer(),
  renewable: boolean(),
  type: oneOf(['service']),
  role: optional(string()),
  boundCidrs: optional(strings()),
});

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
    async create({ token, provided = [], otherwise = 'permission denied', ...rest }) {
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
          into: 'tokens (id, accessor, parent, expire_time, uses_left, value)',
          values: '$1, $2, $3, $4, $5, $6',
          params: [entry.id, entry.accessor, entry.parent, entry.expireTime, entry.usesLeft, sealToken(barrier, entry)],
          onConflict: 'ON CONFLICT (id) DO NOTHING',
        },
        [...(entry.parent === '' ? [] : [validToken(entry.parent)]), ...provided],
      );
      const { changes } = await store.run(sql, params);
      if (changes === 0) {
        // An id of the server's own making is taken by nobody.
        if (token === undefined || (await one('id', entry.id)) === undefined) {
          throw new CofferError('permission-denied', otherwise);
        }
        throw new CofferError('invalid-request', 'cannot create a token with a duplicate ID');
      }
      wake();
      return { token: new Secret(made), entry };
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
    idOf: (token) => barrier.tokenId(token),
    async idOfAccessor(accessor) {
      const { rows } = await store.run('SELECT id FROM tokens WHERE accessor = $1', [accessor]);
      return rows[0] === undefined ? undefined : String(rows[0]['id']);
    },
    async accessors(page = WHOLE_LIST) {
      const { rows } = await store.run('SELECT accessor FROM tokens WHERE accessor > $1 ORDER BY accessor LIMIT $2', [
        page.after,
        rowLimit(page),
      ]);
      return rows.map((row) => String(row['accessor']));
    },
    async revoke(given) {
      const ids = typeof given === 'string' ? [given] : given;
      if (!store.exclusive) await closeFamilies(store, ids);
      await store.transaction([...ids.map((id) => markFamily(id, ENDING)), ...endOfMarked()]);
      wake();
    },
    async revokeOrphaning(id) {
      const mark = (expireTime: typeof ORPHANING | typeof ENDING): SqlStatement[] => [
        // First: it waits for a child that is being made, so that the next statement finds it.
        { sql: 'UPDATE tokens SET expire_time = $1 WHERE id = $2', params: [expireTime, id] },
        { sql: "UPDATE tokens SET parent = '' WHERE parent = $1", params: [id] },
      ];
      // As in closeFamilies: where it did not find it, the new snapshot of the next transaction does.
      if (!store.exclusive) await store.transaction(mark(ORPHANING));
      await store.transaction([...mark(ENDING), ...endOfMarked()]);
      wake();
    },
    async revokeIssuedBelow(prefix) {
      // Where a token was issued is in its sealed value, so all are looked at, a page at a time.
      for (let after: string | undefined = ''; after !== undefined; ) {
        const { rows } = await store.run('SELECT * FROM tokens WHERE accessor > $1 ORDER BY accessor LIMIT $2', [
          after,
          PAGE,
        ]);
        const last = rows.at(-1);
        after = last && String(last['accessor']);
        const entries = rows.map((row) => readable(barrier, row)).filter((token) => token !== undefined);
        const issued = entries.filter(({ path, expireTime }) => expireTime !== null && `${path}/`.startsWith(prefix));
        if (issued.length > 0) await this.revoke(issued.map((entry) => entry.id));
      }
    },
    async extend(id, expireTime) {
      const entry = await one('id', id);
      const sealed = entry && sealToken(barrier, { ...entry, expireTime, lastRenewal: Date.now() });
      const { changes } =
        sealed === undefined
          ? { changes: 0 }
          : await store.run(
              `UPDATE tokens SET expire_time = $2, value = $3
               WHERE id = $1 AND (expire_time IS NULL OR expire_time > store_now())`,
              [id, expireTime, sealed],
            );
      if (changes === 0) throw new CofferError('permission-denied', 'bad token');
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
    async orphaning() {
      const { rows } = await store.run('SELECT id FROM tokens WHERE expire_time = $1', [ORPHANING]);
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

/**
 * Where several write at once: closes the tokens and their descendants, until there is nothing left to close.
 *
 * Whoever makes a child holds the parent's row (see {@link insertWhile}), so closing the parent waits for it, and the next
 * round finds the child; or the parent was closed first, and there is no child. When a round finds nothing, every member is
 * closed and no more can come. Each round is committed by itself and begins with a new snapshot, so this holds under
 * REPEATABLE READ too, which YugabyteDB has in place of READ COMMITTED unless told otherwise, and where the statements of one
 * transaction would all miss the same late child. If the process dies in between, closed tokens are expired ones: the
 * expiration ends them.
 */
async function closeFamilies(store: Store, ids: readonly string[]): Promise<void> {
  for (;;) {
    const results = await store.transaction(ids.map((id) => markFamily(id, CLOSED)));
    if (results.every(({ changes }) => changes === 0)) return;
  }
}

/** The token, its children, theirs, and so on, each once however they hang together. */
function markFamily(id: string, expireTime: typeof CLOSED | typeof ENDING): SqlStatement {
  return {
    sql: `UPDATE tokens SET expire_time = $1 WHERE (expire_time IS NULL OR expire_time > $1) AND id IN (
            WITH RECURSIVE family (id) AS (
              SELECT id FROM tokens WHERE id = $2
              UNION SELECT tokens.id FROM tokens JOIN family ON tokens.parent = family.id
            ) SELECT id FROM family)`,
    params: [expireTime, id],
  };
}

/** Ends the tokens that this transaction has marked, with what hangs on them. */
function endOfMarked(): SqlStatement[] {
  const marked = '(SELECT id FROM tokens WHERE expire_time = $1)';
  return [
    {
      sql: `UPDATE leases SET state = 'revoking', next_attempt = $2 WHERE token IN ${marked}`,
      params: [ENDING, Date.now()],
    },
    { sql: `DELETE FROM entries WHERE mount = $2 AND name IN ${marked}`, params: [ENDING, WRAPPED_ANSWERS] },
    { sql: 'DELETE FROM tokens WHERE expire_time = $1', params: [ENDING] },
  ];
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

/** Undefined for a token that is damaged: it serves nobody, and must not keep others from being ended. */
function readable(barrier: Barrier, row: SqlRow): TokenEntry | undefined {
  try {
    return tokenFromRow(barrier, row);
  } catch (thrown) {
    if (isCofferError(thrown, 'failed')) return undefined;
    throw thrown;
  }
}

/** @throws CofferError `failed` naming the row, and the field where one is damaged */
function tokenFromRow(barrier: Barrier, row: SqlRow): TokenEntry {
  const place = `tokens/${String(row['id'])}`;
  const columns = {
    id: row['id'],
    accessor: row['accessor'],
    parent: row['parent'],
    expireTime: row['expire_time'],
    usesLeft: row['uses_left'],
  };
  return TOKEN({ ...barrier.open(place, row['value']), ...columns }, place);
}
