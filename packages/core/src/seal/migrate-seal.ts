import { randomBytes } from 'node:crypto';
import { CofferError } from '@coffer/base';
import { KEY_BYTES } from '../barrier/sealed-value.ts';
import { type AutoSeal, keyPart } from './auto-seal.ts';
import { digestOf } from './root-key.ts';
import {
  openKeyring,
  replaceKnown,
  type SealConfig,
  sealKeyring,
  type SealRecord,
  sealRecovery,
  sealRootKey,
  sealRootKeyForNodes,
  type SealRows,
} from './seal-rows.ts';

export interface SealMigration {
  readonly rows: SealRows;
  readonly record: SealRecord;
  readonly rootKey: Uint8Array;
  /** What the holders of the shares have: the unseal key, or the recovery key. It becomes the other one where that changes. */
  readonly holdersKey: Uint8Array;
  /** Where to; undefined: to shares. */
  readonly autoSeal: AutoSeal | undefined;
}

/**
 * Seals a store with another seal, in one write: whatever happens, the store opens with the one or with the other. The root key is
 * a new one, so that the former seal opens nothing but what it had.
 *
 * @throws CofferError `failed` when another node has changed the keys meanwhile, and as {@link AutoSeal.sealingKey}
 */
export async function migrateSeal(
  migration: SealMigration,
): Promise<{ readonly rootKey: Uint8Array; readonly record: SealRecord }> {
  const { rows, record, rootKey, holdersKey, autoSeal } = migration;
  const by = await autoSeal?.sealingKey();
  const newRootKey = randomBytes(KEY_BYTES);
  const { shares, threshold } = record.config;
  const config: SealConfig =
    autoSeal === undefined || by === undefined
      ? { type: 'shamir', shares, threshold }
      : { type: autoSeal.type, shares, threshold, ...keyPart(by) };
  const keyring = openKeyring(rootKey, record);
  const next: SealRecord = {
    config,
    rootKey: sealRootKey(by?.key ?? holdersKey, config, newRootKey),
    keyring: sealKeyring(newRootKey, keyring),
    rootKeyForNodes: sealRootKeyForNodes(keyring, newRootKey),
    ...(by && { recovery: sealRecovery(newRootKey, digestOf(holdersKey)) }),
    version: record.version,
  };
  by?.key.fill(0);
  const stored = await replaceKnown(rows, next, { migrates: true });
  if (stored === undefined) {
    newRootKey.fill(0);
    throw new CofferError('failed', 'another node has changed the keys: enter the shares again');
  }
  return { rootKey: newRootKey, record: stored };
}
