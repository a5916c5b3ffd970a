import { currentDeadline, errorText, type Logger, type Secret } from '@coffer/base';
import type { SqlStatement, Store } from '@coffer/store';
import { entriesOf } from '../barrier/entry-storage.ts';
import { CLUSTER_IDENTITY, loadClusterIdentity } from './cluster-identity.ts';
import type { ShareCounts } from './key-shares.ts';
import { createRootToken } from '../tokens/root-token.ts';
import type { AutoSeal } from './auto-seal.ts';
import { createSealKeys } from './create-seal-keys.ts';
import type { SealRecord, SealRows } from './seal-rows.ts';
import { createTokenStore } from '../tokens/tokens.ts';

export interface NewStore {
  readonly store: Store;
  readonly rows: SealRows;
  readonly counts: ShareCounts;
  readonly autoSeal: AutoSeal | undefined;
  readonly clusterName: string | undefined;
  readonly rootToken: string | undefined;
  readonly logger: Logger;
}

/**
 * Makes the keys of a store, its first root token and its identity. When that fails, or nobody waits for it any more, the store is
 * left as it was: keys are shown only once.
 * @throws CofferError `failed` when nobody waits, and as the store does
 */
export async function initStore({
  store,
  rows,
  counts,
  autoSeal,
  clusterName,
  rootToken,
  logger,
}: NewStore): Promise<{ readonly record: SealRecord; readonly shares: readonly Uint8Array[]; readonly token: Secret }> {
  const { record, barrier, shares } = await createSealKeys(rows, counts, autoSeal);
  const tokens = createTokenStore(store, barrier, () => undefined);
  let rootTokenId = '';
  try {
    const token = await createRootToken(tokens, rootToken);
    rootTokenId = tokens.idOf(token.reveal());
    await loadClusterIdentity(entriesOf(store, barrier), clusterName);
    const unawaited = currentDeadline()?.reason;
    if (unawaited !== undefined) throw unawaited;
    return { record, shares, token };
  } catch (error) {
    await undo(store, record, rootTokenId).catch((failure: unknown) => {
      logger.error('the store has keys that nobody received: empty it, and initialize it again', {
        error: errorText(failure),
      });
      throw failure;
    });
    logger.warn('the keys of the new store were not delivered: it is not initialized', { error: errorText(error) });
    throw error;
  } finally {
    barrier.forget();
  }
}

/** Removes the rows made above, and no others. */
async function undo(store: Store, { keyring }: SealRecord, rootTokenId: string): Promise<void> {
  const { mount, name } = CLUSTER_IDENTITY;
  const ifOurs = "EXISTS (SELECT 1 FROM keyring WHERE name = 'keyring' AND value = $1)";
  // Run again, it finds that the keys are others, or none.
  const remove = (sql: string, ...params: readonly string[]): SqlStatement => ({
    sql: `${sql} ${ifOurs}`,
    params: [keyring, ...params],
    repeatable: true,
  });
  await store.transaction([
    remove('DELETE FROM tokens WHERE id = $2 AND', rootTokenId),
    remove('DELETE FROM entries WHERE mount = $2 AND name = $3 AND', mount, name),
    remove('DELETE FROM keyring WHERE'),
  ]);
}
