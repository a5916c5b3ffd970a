import { CofferError } from '@coffer/base';
import type { Snapshots } from '@coffer/core';
import { definePath, type Path, type PathRequest, type PathResponse } from '@coffer/framework';

/**
 * `sys/storage/snapshot` and `sys/storage/snapshot-force`, and the same under `sys/storage/raft/`, where Vault's clients look for
 * them.
 */
export function storagePaths(snapshots: Pick<Snapshots, 'save' | 'restore'>): Path[] {
  return ['storage', 'storage/raft'].flatMap((place) => [
    definePath({
      pattern: `${place}/snapshot`,
      fields: {},
      rawBody: true,
      synopsis: 'Takes a snapshot of the store, or restores one.',
      description:
        'A read returns the snapshot as a gzip file, sealed like the store. A write takes such a file as its body and replaces the ' +
        'contents of the store with it. The snapshot must come from a store with the same keys.',
      read: () => Promise.resolve({ stream: { contentType: 'application/gzip', chunks: snapshots.save() } }),
      write: (request) => restore(snapshots, request, false),
    }),
    definePath({
      pattern: `${place}/snapshot-force`,
      fields: {},
      rawBody: true,
      synopsis: 'Restores a snapshot of a store with different keys.',
      description:
        'Like a write to `snapshot`, but without checking the keys. If they differ, every node is sealed afterwards, and the leases ' +
        'that the store had before are forgotten.',
      write: (request) => restore(snapshots, request, true),
    }),
  ]);
}

async function restore(
  snapshots: Pick<Snapshots, 'restore'>,
  { body }: Pick<PathRequest, 'body'>,
  force: boolean,
): Promise<PathResponse> {
  if (body === undefined) throw new CofferError('invalid-request', 'no snapshot was sent');
  const { sealedBy, forgottenLeases } = await snapshots.restore(body, force);
  const forgotten = `${forgottenLeases} leases of the replaced store are forgotten: their users stay until VALID UNTIL`;
  const warnings = [
    ...(sealedBy === undefined ? [] : [newKeys(sealedBy)]),
    ...(forgottenLeases > 0 ? [forgotten] : []),
  ];
  return warnings.length > 0 ? { warnings } : undefined;
}

function newKeys(seal: string): string {
  const opening =
    seal === 'shamir'
      ? 'unseal every node with the key shares of the snapshot'
      : `restart every node with the seal of the snapshot, ${JSON.stringify(seal)}`;
  return `the store now has the keys of the snapshot: ${opening}`;
}
