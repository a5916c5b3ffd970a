import { type Keyring, wipeKeyring } from '../barrier/keyring.ts';
import type { AutoSeal } from './auto-seal.ts';
import { rootKeyByAutoSeal } from './root-key.ts';
import { openKeyring, openRootKeyForNodes, type SealRecord } from './seal-rows.ts';

export interface Followed {
  readonly rootKey: Uint8Array;
  readonly keyring: Keyring;
}

/**
 * Opens a record that another node has written, with what an open node has: its root key, unless it was replaced; its keyring,
 * under which the new root key is kept for such nodes; the seal, where it opens by itself. Undefined when none of them opens it: too
 * much has changed since the node was heard last, or it is the record of another store, which a snapshot has brought.
 */
export async function openAsFollower(
  record: SealRecord,
  rootKey: Uint8Array,
  keyring: Keyring,
  autoSeal: AutoSeal | undefined,
): Promise<Followed | undefined> {
  const ways: (() => Promise<Uint8Array | undefined> | Uint8Array | undefined)[] = [
    () => rootKey,
    () => record.rootKeyForNodes && openRootKeyForNodes(keyring, record.rootKeyForNodes),
    () => autoSeal && rootKeyByAutoSeal(autoSeal, record),
  ];
  for (const way of ways) {
    let found: Uint8Array | undefined;
    try {
      found = await way();
      if (found === undefined) continue;
      const opened = openKeyring(found, record);
      if (isOfSameStore(opened, keyring)) return { rootKey: found, keyring: opened };
      wipeKeyring(opened);
    } catch {
      // It is another one.
    }
    if (found !== rootKey) found?.fill(0);
  }
  return undefined;
}

/** A seal that opens by itself may open two stores. What a node has in memory is named and sealed by the keys of one. */
function isOfSameStore(one: Keyring, other: Keyring): boolean {
  return Buffer.compare(one.hmacKey, other.hmacKey) === 0;
}
