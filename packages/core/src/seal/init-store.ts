import { currentDeadline, type Logger, type Secret } from '@coffer/base';
import type { Store } from '@coffer/store';
import { entriesOf } from '../barrier/entry-storage.ts';
import { CLUSTER_IDENTITY, loadClusterIdentity } from './cluster-identity.ts';
import type { ShareCounts } from './key-shares.ts';
import { createRootToken } from '../tokens/root-token.ts';
import { createSealKeys } from './create-seal-keys.ts';
import type { SealRecord, SealRows } from './seal-rows.ts';
import type { StaticSeal } from './static-seal.ts';
import { createTokenStore } from '../tokens/tokens.ts';

export interface NewStore {
  readonly store: Store;
  readonly rows: SealRows;
  readonly counts: ShareCounts;
  readonly staticSeal: StaticSeal | undefined;
  readonly clusterName: string | undefined;
  readonly rootToken: string | undefined;
  readonly logger: Logger;
}

/**
 * Makes the keys of a store, its first root token and its identity.
 * @throws CofferError `failed` when nobody waits for them any more: keys are shown only once, so the store is left as it was
 */
export async function initStore({
  store,
  rows,
  counts,
  staticSeal,
  clusterName,
  rootToken,
  logger,
}: NewStore): Promise<{ readonly record: SealRecord; readonly shares: readonly Uint8Array[]; readonly token: Secret }> {
  const { record, barrier, shares } = await createSealKeys(rows, counts, staticSeal);
  const tokens = createTokenStore(store, barrier, () => undefined);
  const token = await createRootToken(tokens, rootToken);
  await loadClusterIdentity(entriesOf(store, barrier), clusterName);
  const unawaited = currentDeadline()?.reason;
  if (unawaited !== undefined) {
    logger.warn('nobody waited for the keys of the new store any more: it is not initialized');
    await undo(store, tokens.idOf(token.reveal()));
  }
  barrier.forget();
  if (unawaited !== undefined) throw unawaited;
  return { record, shares, token };
}

/** Removes the rows made above, and no others. */
async function undo(store: Store, rootTokenId: string): Promise<void> {
  const { mount, name } = CLUSTER_IDENTITY;
  await store.transaction([
    { sql: 'DELETE FROM tokens WHERE id = $1', params: [rootTokenId] },
    { sql: 'DELETE FROM entries WHERE mount = $1 AND name = $2', params: [mount, name] },
    { sql: 'DELETE FROM keyring' },
  ]);
}
