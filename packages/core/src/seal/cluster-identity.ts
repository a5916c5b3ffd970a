import { CofferError, randomBase62, randomId } from '@coffer/base';
import { stored } from '@coffer/framework';
import { createEntryStorage, type EntryStorageParts } from '../barrier/entry-storage.ts';

export interface ClusterIdentity {
  readonly name: string;
  readonly id: string;
}

const { entry, string } = stored;
const IDENTITY = entry<ClusterIdentity>({ name: string(), id: string() });

/** Where it is kept. */
export const CLUSTER_IDENTITY = { mount: 'core/cluster', name: 'identity' } as const;

/**
 * The name and id that the store was given when it was first opened. Clients tell clusters apart by them. `name` is given to a
 * store that has none yet; to one that only this server can open it says nothing more, as in Vault
 * (hashicorp/vault:vault/cluster.go, setupCluster).
 *
 * @throws CofferError `failed` when a store that others may have open is of a cluster of another name
 */
export async function loadClusterIdentity(entries: EntryStorageParts, name?: string): Promise<ClusterIdentity> {
  const identities = createEntryStorage(entries, CLUSTER_IDENTITY.mount).of('', IDENTITY);
  const known = await identities.get(CLUSTER_IDENTITY.name);
  if (known !== undefined) {
    if (name !== undefined && name !== known.name && !entries.store.exclusive) throw ofAnother(known.name, name);
    return known;
  }
  const made = { name: name ?? `vault-cluster-${randomBase62(8).toLowerCase()}`, id: randomId() };
  // Another node may open the store for the first time as well.
  return (await identities.add(CLUSTER_IDENTITY.name, made)) ? made : loadClusterIdentity(entries, name);
}

/** Two clusters that share a store by mistake would end each other's leases. */
function ofAnother(known: string, name: string): CofferError {
  const [theirs, ours] = [JSON.stringify(known), JSON.stringify(name)];
  return new CofferError(
    'failed',
    `the store belongs to the cluster ${theirs}, and this server is configured for ${ours}: ` +
      `give ${ours} a store of its own, or set cluster_name = ${theirs} to make this server one of ${theirs}`,
  );
}
