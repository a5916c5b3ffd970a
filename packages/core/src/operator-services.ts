import type { Logger } from '@coffer/base';
import type { BuiltinPlugin, PluginCatalog } from '@coffer/framework';
import { createEntryStorage, type EntryStorageParts } from './barrier/entry-storage.ts';
import type { Epochs } from './epochs/epochs.ts';
import type { Leases } from './leases/leases.ts';
import type { MountTable } from './mounts/mount-table.ts';
import { createPluginCatalog } from './mounts/plugin-catalog.ts';
import { createReloadStatus, type ReloadStatus } from './mounts/reload-status.ts';
import { Remounts } from './mounts/remounts.ts';
import { createVersionHistory, type VersionHistory } from './version-history.ts';

/** What only operators ask for. */
export interface OperatorServices {
  readonly plugins: PluginCatalog;
  readonly reloads: ReloadStatus;
  readonly remounts: Remounts;
  readonly versions: VersionHistory;
}

interface OperatorServicesParts {
  readonly entries: EntryStorageParts;
  readonly epochs: Epochs;
  readonly mounts: MountTable;
  readonly leases: Leases;
  readonly builtinPlugins: readonly BuiltinPlugin[];
  readonly logger: Logger;
}

export function createOperatorServices(parts: OperatorServicesParts): OperatorServices {
  const { entries, epochs, mounts, leases, builtinPlugins, logger } = parts;
  const { store } = entries;
  const storageOf = (name: string) => createEntryStorage(entries, `core/${name}`);
  return {
    plugins: createPluginCatalog(storageOf('plugin-catalog'), builtinPlugins, storageOf('plugin-pins')),
    reloads: createReloadStatus(store, epochs, storageOf('plugin-reloads')),
    remounts: new Remounts({
      ...{ store, mounts, storage: storageOf('remounts') },
      revoke: (path) => leases.revokePrefix(path, { last: true }),
      logger: logger.named('mounts'),
    }),
    versions: createVersionHistory(storageOf('versions')),
  };
}
