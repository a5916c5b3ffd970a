import type { Store } from '@coffer/store';
import { CLUSTER_IDENTITY } from './cluster-identity.ts';

/**
 * Takes the rows away that initializing a store has made: whoever should have got the keys is gone, and nobody else will.
 * Rows of any other make are not touched.
 */
export async function undoInit(store: Store, rootTokenId: string): Promise<void> {
  const { mount, name } = CLUSTER_IDENTITY;
  await store.transaction([
    { sql: 'DELETE FROM tokens WHERE id = $1', params: [rootTokenId] },
    { sql: 'DELETE FROM entries WHERE mount = $1 AND name = $2', params: [mount, name] },
    // Last: a reader that finds no keyring must be able to begin anew.
    { sql: 'DELETE FROM keyring' },
  ]);
}
