import { createReadStream } from 'node:fs';
import { CofferError, isCofferError } from '@coffer/base';
import type { VerifiedSnapshot } from '@coffer/snapshot';
import { fileReason } from '../../../file.ts';

/** @throws CofferError `invalid-request` when the file cannot be read, or is no whole snapshot */
export async function snapshotFile(
  file: string,
  read: (bytes: AsyncIterable<Uint8Array>) => Promise<VerifiedSnapshot>,
): Promise<VerifiedSnapshot> {
  try {
    return await read(createReadStream(file));
  } catch (thrown) {
    if (isCofferError(thrown)) throw thrown;
    throw new CofferError('invalid-request', `open ${file}: ${fileReason(thrown)}`, { cause: thrown });
  }
}

/** What `-format=json` shows of one. */
export function snapshotDocument({ meta, counts, size }: VerifiedSnapshot) {
  const { id, created, version, schema, storage, clusterName } = meta;
  return {
    ...{ id, size, created, version, schema, storage_type: storage, cluster_name: clusterName },
    tables: counts.map(({ name, rows, bytes }) => ({ name, rows, bytes })),
  };
}
