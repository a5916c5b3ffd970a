import { randomBytes } from 'node:crypto';
import { Barrier } from '../barrier/barrier.ts';
import { createKeyring } from '../barrier/keyring.ts';
import { KEY_BYTES } from '../barrier/sealed-value.ts';
import { type AutoSeal, keyPart } from './auto-seal.ts';
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

/** Makes the keys of a new store: its record, and the shares of the unseal key or, where the seal opens by itself, of the recovery key. */
export async function createSealKeys(
  rows: SealRows,
  counts: ShareCounts,
  autoSeal: AutoSeal | undefined,
): Promise<{ readonly record: SealRecord; readonly barrier: Barrier; readonly shares: readonly Uint8Array[] }> {
  const by = await autoSeal?.sealingKey();
  const rootKey = randomBytes(KEY_BYTES);
  const holdersKey = randomBytes(KEY_BYTES);
  const keyring = createKeyring();
  const config: SealConfig =
    autoSeal === undefined || by === undefined
      ? { type: 'shamir', ...counts }
      : { type: autoSeal.type, ...counts, ...keyPart(by) };
  const record = await rows.create({
    config,
    rootKey: sealRootKey(by?.key ?? holdersKey, config, rootKey),
    keyring: sealKeyring(rootKey, keyring),
    rootKeyForNodes: sealRootKeyForNodes(keyring, rootKey),
    ...(by && { recovery: sealRecovery(rootKey, digestOf(holdersKey)) }),
  });
  rootKey.fill(0);
  by?.key.fill(0);
  const shares = await splitKey(holdersKey, counts);
  holdersKey.fill(0);
  return { record, barrier: new Barrier(keyring), shares };
}
