import { trimEndOf } from '@coffer/base';
import type { Store } from '@coffer/store';
import type { Barrier } from '../barrier/barrier.ts';
import { readableToken } from './token-row.ts';

/** Rows given a lease in one transaction. */
const PAGE = 500;
/** Characters of a path in a lease id: PostgreSQL's indexes have no room for the longest paths, which only wrapping tokens have. */
const PATH_LENGTH = 512;
/** Where the first root token of a server says that it comes from. */
export const ROOT_TOKEN_PATH = 'auth/token/root';

/**
 * The id of a token's lease, in Vault's form: where it was issued, and the keyed hash by which it is stored, from which nobody
 * gets back to the token (hashicorp/vault:vault/expiration.go RegisterAuth).
 */
export function leaseIdOf({ path, id }: { readonly path: string; readonly id: string }): string {
  return `${trimEndOf(path.slice(0, PATH_LENGTH).toWellFormed(), '/')}/h${id}`;
}

/** Gives tokens that an earlier version made the lease that theirs have now. Damaged ones, which serve nobody, stay without. */
export async function giveLeases(store: Store, barrier: Barrier): Promise<void> {
  for (let after = ''; ; ) {
    const { rows } = await store.run(
      'SELECT * FROM tokens WHERE lease IS NULL AND id > $1 ORDER BY lease, id LIMIT $2',
      [after, PAGE],
    );
    const last = rows.at(-1);
    if (last === undefined) return;
    after = String(last['id']);
    const tokens = rows.map((row) => readableToken(barrier, row)).filter((token) => token !== undefined);
    await store.transaction(
      tokens.map((token) => ({
        sql: 'UPDATE tokens SET lease = $2 WHERE id = $1',
        params: [token.id, token.path === ROOT_TOKEN_PATH ? '' : leaseIdOf(token)],
      })),
    );
  }
}
