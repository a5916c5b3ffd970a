import { createHash, timingSafeEqual } from 'node:crypto';
import { CofferError, type Logger } from '@coffer/base';
import {
  openRecovery,
  openRootKey,
  type SealConfig,
  type SealRecord,
  sealRootKey,
  type SealRows,
} from './seal-rows.ts';
import type { StaticSeal } from './static-seal.ts';

const CONFIGURE_KEY = 'configure the key that the other nodes of this store have';

/** @throws CofferError `invalid-request` when it is the wrong key */
export function rootKeyByUnsealKey(unsealKey: Uint8Array, record: SealRecord): Uint8Array {
  try {
    return openRootKey(unsealKey, record);
  } catch (cause) {
    throw new CofferError('invalid-request', 'Unseal failed, invalid key', { cause });
  }
}

/**
 * The root key by a static key. One that is sealed under the previous key is sealed under the current one from now on.
 * @throws CofferError `failed` when neither key fits
 */
export async function rootKeyByStaticSeal(
  staticSeal: StaticSeal,
  record: SealRecord,
  rows: SealRows,
  logger: Logger,
): Promise<{ readonly rootKey: Uint8Array; readonly record: SealRecord }> {
  const { current, previous } = staticSeal;
  const sealedBy = [current, previous].find((key) => key?.id === record.config.keyId);
  if (sealedBy === undefined) {
    const text = `the store is sealed under the key "${record.config.keyId}", which is neither current_key_id nor previous_key_id`;
    throw new CofferError('failed', `seal "static": ${text}: ${CONFIGURE_KEY}`);
  }
  let rootKey: Uint8Array;
  try {
    rootKey = openRootKey(sealedBy.key, record);
  } catch (cause) {
    throw new CofferError(
      'failed',
      `seal "static": the key "${sealedBy.id}" does not open this store: ${CONFIGURE_KEY}`,
      {
        cause,
      },
    );
  }
  if (sealedBy === current) return { rootKey, record };
  const config = { ...record.config, keyId: current.id };
  const replaced = await rows.replace({ ...record, config, rootKey: sealRootKey(current.key, config, rootKey) });
  // Undefined: another node that starts came first, with the same keys or others.
  if (replaced === undefined) return rootKeyByStaticSeal(staticSeal, await rows.readPresent(), rows, logger);
  logger.info('the root key is sealed under the new static key', { key_id: current.id });
  return { rootKey, record: replaced };
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

/** @throws CofferError `failed` when the store has a different type of seal than is configured */
export function checkSealType({ type }: SealConfig, staticSeal: StaticSeal | undefined): void {
  const configured = staticSeal?.type ?? 'shamir';
  if (type === configured) return;
  const wanted = type === 'static' ? 'configure seal "static"' : 'remove seal "static" from the configuration';
  throw new CofferError('failed', `the store has a seal of type "${type}", not "${configured}": ${wanted}`);
}
