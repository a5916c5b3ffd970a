import { randomBytes } from 'node:crypto';
import { Barrier } from '../barrier/barrier.ts';
import { createKeyring } from '../barrier/keyring.ts';
import { KEY_BYTES } from '../barrier/sealed-value.ts';
import { type ShareCounts, splitKey } from './key-shares.ts';
import { digestOf } from './root-key.ts';
import {
  type SealConfig,
  sealKeyring,
  type SealRecord,
  sealRecovery,
  sealRootKey,
  sealRootKeyForNodes,
  type SealRows,
} from './seal-rows.ts';
import type { StaticSeal } from './static-seal.ts';

/** Makes the keys of a new store: its record, and the shares of the unseal key or, with a static seal, of the recovery key. */
export async function createSealKeys(
  rows: SealRows,
  counts: ShareCounts,
  staticSeal: StaticSeal | undefined,
): Promise<{ readonly record: SealRecord; readonly barrier: Barrier; readonly shares: readonly Uint8Array[] }> {
  const rootKey = randomBytes(KEY_BYTES);
  const holdersKey = randomBytes(KEY_BYTES);
  const keyring = createKeyring();
  const config: SealConfig =
    staticSeal === undefined
      ? { type: 'shamir', ...counts }
      : { type: 'static', ...counts, keyId: staticSeal.current.id };
  const record = await rows.create({
    config,
    rootKey: sealRootKey(staticSeal?.current.key ?? holdersKey, config, rootKey),
    keyring: sealKeyring(rootKey, keyring),
    rootKeyForNodes: sealRootKeyForNodes(keyring, rootKey),
    ...(staticSeal && { recovery: sealRecovery(rootKey, digestOf(holdersKey)) }),
  });
  rootKey.fill(0);
  const shares = await splitKey(holdersKey, counts);
  holdersKey.fill(0);
  return { record, barrier: new Barrier(keyring), shares };
}
