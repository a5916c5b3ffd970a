import { ANY_BUCKET, type SqlStatement, type Store } from '@coffer/store';

/** Where the answers that wrapping tokens hold are kept, by the token's id: they go in the transaction that ends the token. */
export const WRAPPED_ANSWERS = 'core/wrapping';
/** Where cubbyholes are kept, by the token's id: they go in the same way. */
export const CUBBYHOLES = 'core/cubbyholes';
/** The expire time of tokens that are about to be ended: no request is served for them, and none is made from them. */
const CLOSED = 0;
/** The expire time of a token that is about to be ended without its children: whoever ends it in our place leaves them too. */
const ORPHANING = 2;
/** The expire time of tokens that this transaction ends: no other ever sees it. */
const ENDING = -1;

/** Ends tokens with their descendants and what hangs on them, in one transaction. */
export async function endFamilies(store: Store, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  if (!store.exclusive) await closeFamilies(store, ids);
  await store.transaction([markFamilies(ids, ENDING), ...endOfMarked()]);
}

/** Ends a token with what hangs on it. Its children stay, without a parent. */
export async function endOrphaning(store: Store, id: string): Promise<void> {
  const mark = (expireTime: typeof ORPHANING | typeof ENDING): SqlStatement[] => [
    // First: it waits for a child that is being made, so that the next statement finds it.
    { sql: 'UPDATE tokens SET expire_time = $1 WHERE id = $2', params: [expireTime, id] },
    { sql: "UPDATE tokens SET parent = '' WHERE parent = $1", params: [id] },
  ];
  // As in closeFamilies: where it did not find it, the new snapshot of the next transaction does.
  if (!store.exclusive) await store.transaction(mark(ORPHANING));
  await store.transaction([...mark(ENDING), ...endOfMarked()]);
}

/** Ends tokens that are over: with their children, but those that somebody has begun to end without them. */
export async function endExpired(store: Store, ids: readonly string[]): Promise<void> {
  const { rows } = await store.run(`SELECT id FROM tokens WHERE ${ANY_BUCKET} AND expire_time = $1`, [ORPHANING]);
  const orphaning = new Set(rows.map((row) => String(row['id'])));
  for (const id of ids.filter((each) => orphaning.has(each))) await endOrphaning(store, id);
  const others = ids.filter((each) => !orphaning.has(each));
  await endFamilies(store, others);
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
    const [closed] = await store.transaction([markFamilies(ids, CLOSED)]);
    if (closed?.changes === 0) return;
  }
}

/**
 * The tokens, their children, theirs, and so on, each once however they hang together. A LEFT JOIN, since its left side comes first:
 * PostgreSQL, which knows that most tokens have no parent, or one and the same, would otherwise read all of them to look who is
 * of the family. What it adds is one row without an id.
 */
function markFamilies(ids: readonly string[], expireTime: typeof CLOSED | typeof ENDING): SqlStatement {
  return {
    sql: `UPDATE tokens SET expire_time = $1 WHERE (expire_time IS NULL OR expire_time > $1) AND id IN (
            WITH RECURSIVE family (id) AS (
              SELECT id FROM tokens WHERE id IN (${ids.map((_, index) => `$${index + 2}`).join(', ')})
              UNION SELECT tokens.id FROM family LEFT JOIN tokens ON tokens.parent = family.id
            ) SELECT id FROM family)`,
    params: [expireTime, ...ids],
  };
}

/** Ends the tokens that this transaction has marked, with what hangs on them. */
function endOfMarked(): SqlStatement[] {
  const marked = `(SELECT id FROM tokens WHERE ${ANY_BUCKET} AND expire_time = $1)`;
  return [
    {
      sql: `UPDATE leases SET state = 'revoking', next_attempt = $2 WHERE token IN ${marked}`,
      params: [ENDING, Date.now()],
    },
    {
      sql: `DELETE FROM entries WHERE mount IN ($2, $3) AND name IN ${marked}`,
      params: [ENDING, WRAPPED_ANSWERS, CUBBYHOLES],
    },
    { sql: `DELETE FROM tokens WHERE ${ANY_BUCKET} AND expire_time = $1`, params: [ENDING] },
  ];
}
