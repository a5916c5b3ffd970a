import { createHash, timingSafeEqual } from 'node:crypto';
import { CofferError } from '@coffer/base';
import type { AutoSeal } from './auto-seal.ts';
import { openRecovery, openRootKey, type SealRecord } from './seal-rows.ts';

/** @throws CofferError `invalid-request` when it is the wrong key */
export function rootKeyByUnsealKey(unsealKey: Uint8Array, record: SealRecord): Uint8Array {
  try {
    return openRootKey(unsealKey, record);
  } catch (cause) {
    throw new CofferError('invalid-request', 'Unseal failed, invalid key', { cause });
  }
}

/** @throws CofferError `failed` when the seal is another store's, and as {@link AutoSeal.keyOf} */
export async function rootKeyByAutoSeal(autoSeal: AutoSeal, record: SealRecord): Promise<Uint8Array> {
  const { type, keyId } = record.config;
  const key = await autoSeal.keyOf(record.config);
  try {
    return openRootKey(key, record);
  } catch (cause) {
    const text = `seal "${type}": the key "${keyId}" does not open this store: configure the key that the other nodes of this store have`;
    throw new CofferError('failed', text, { cause });
  } finally {
    key.fill(0);
  }
}

/** Whether a key is the one that the shareholders hold together. */
export function isHoldersKey(key: Uint8Array, record: SealRecord, rootKey: Uint8Array): boolean {
  try {
    if (record.config.type === 'shamir') openRootKey(key, record).fill(0);
    else return timingSafeEqual(openRecovery(rootKey, record.recovery ?? Buffer.of()), digestOf(key));
    return true;
  } catch {
    return false;
  }
}

export function digestOf(key: Uint8Array): Buffer {
  return createHash('sha256').update(key).digest();
}
