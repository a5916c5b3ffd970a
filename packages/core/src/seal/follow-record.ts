import type { Keyring } from '../barrier/keyring.ts';
import { openKeyring, openRootKey, openRootKeyForNodes, type SealRecord } from './seal-rows.ts';
import type { StaticSeal } from './static-seal.ts';

export interface Followed {
  readonly rootKey: Uint8Array;
  readonly keyring: Keyring;
}

/**
 * Opens a record that another node has written, with what an open node has: its root key, unless it was replaced; its keyring,
 * under which the new root key is kept for such nodes; the key of a static seal. Undefined when none of them opens it: too
 * much has changed since the node was heard last.
 */
export function openAsFollower(
  record: SealRecord,
  rootKey: Uint8Array,
  keyring: Keyring,
  staticSeal: StaticSeal | undefined,
): Followed | undefined {
  const ways: (() => Uint8Array | undefined)[] = [
    () => rootKey,
    () => record.rootKeyForNodes && openRootKeyForNodes(keyring, record.rootKeyForNodes),
    () => staticSeal && openRootKey(staticSeal.current.key, record),
  ];
  for (const way of ways) {
    let found: Uint8Array | undefined;
    try {
      found = way();
      if (found !== undefined) return { rootKey: found, keyring: openKeyring(found, record) };
    } catch {
      // It is another one.
      if (found !== rootKey) found?.fill(0);
    }
  }
  return undefined;
}
