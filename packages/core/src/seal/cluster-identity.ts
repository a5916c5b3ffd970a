import { randomBase62, randomId } from '@coffer/base';
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
 * The name and id that the store was given when it was first opened. Clients tell clusters apart by them. `name` counts
 * at that first time only, as in Vault (hashicorp/vault:vault/cluster.go, setupCluster).
 */
export async function loadClusterIdentity(entries: EntryStorageParts, name?: string): Promise<ClusterIdentity> {
  const identities = createEntryStorage(entries, CLUSTER_IDENTITY.mount).of('', IDENTITY);
  const known = await identities.get(CLUSTER_IDENTITY.name);
  if (known !== undefined) return known;
  const made = { name: name ?? `vault-cluster-${randomBase62(8).toLowerCase()}`, id: randomId() };
  // Another node may open the store for the first time as well.
  return (await identities.add(CLUSTER_IDENTITY.name, made)) ? made : loadClusterIdentity(entries);
}
