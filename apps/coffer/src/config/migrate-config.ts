import { readFile } from 'node:fs/promises';
import { CofferError, errorText } from '@coffer/base';
import { parseHcl } from '@coffer/hcl';
import { parseStorage, type StorageConfig } from './storage-config.ts';

/** From where to where a store is migrated, in the form of Vault's migrator. */
export interface MigrateConfig {
  readonly source: StorageConfig;
  readonly destination: StorageConfig;
}

/** Of raft storage, in Vault's files. */
const WITHOUT_EFFECT = ['cluster_addr'];

/** @throws CofferError `invalid-request`: `FILE:LINE:COLUMN: what is wrong` */
export async function readMigrateConfig(file: string): Promise<MigrateConfig> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new CofferError('invalid-request', errorText(cause), { cause });
  }
  const config = parseHcl(text, file, { omissions: 'refuse' });
  config.allowOnly(['storage_source', 'storage_destination', ...WITHOUT_EFFECT]);
  return {
    source: parseStorage(config, 'storage_source'),
    destination: parseStorage(config, 'storage_destination'),
  };
}
