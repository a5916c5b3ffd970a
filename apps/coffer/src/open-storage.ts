import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CofferError, errorText, type Logger, type Metrics, NO_METRICS } from '@coffer/base';
import { openEmbeddedStore, openPostgresStore, type Store, watchedStore } from '@coffer/store';
import type { StorageConfig } from './config/storage-config.ts';

/** The store's file in the directory that storage "file" names. */
export const STORE_FILE = 'coffer.db';

/** @throws CofferError `failed` when the store cannot be opened */
export async function openStorage(
  storage: StorageConfig,
  logger: Logger,
  metrics: Metrics = NO_METRICS,
): Promise<Store> {
  const store = await open(storage, logger, metrics);
  return metrics === NO_METRICS ? store : watchedStore(store, metrics);
}

async function open(storage: StorageConfig, logger: Logger, metrics: Metrics): Promise<Store> {
  if (storage.type === 'yugabytedb') {
    return openPostgresStore({
      connectionUrl: storage.connectionUrl.reveal(),
      ...(storage.maxConnections !== undefined && { maxConnections: storage.maxConnections }),
      logger,
      metrics,
    });
  }
  try {
    await mkdir(storage.directory, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new CofferError('failed', `storage "file": ${errorText(cause)}`, { cause });
  }
  return openEmbeddedStore({ path: join(storage.directory, STORE_FILE) });
}
