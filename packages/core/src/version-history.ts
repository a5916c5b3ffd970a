import { API_VERSION } from '@coffer/base';
import { type EntryStorage, stored } from '@coffer/framework';

export interface InstalledVersion {
  readonly version: string;
  /** When a node of it first opened the store, in milliseconds since 1970. */
  readonly installed: number;
}

/** Which versions of the server have worked on the store. */
export interface VersionHistory {
  /** Notes this one, unless it has been here before. */
  record(): Promise<void>;
  /** The one that came first first. */
  list(): Promise<readonly InstalledVersion[]>;
}

const { entry, integer } = stored;
const VERSION = entry<Pick<InstalledVersion, 'installed'>>({ installed: integer() });

export function createVersionHistory(storage: EntryStorage): VersionHistory {
  const versions = storage.of('', VERSION);
  return {
    async record() {
      if ((await versions.get(API_VERSION)) === undefined) await versions.add(API_VERSION, { installed: Date.now() });
    },
    async list() {
      const names = await storage.list('');
      const found = await Promise.all(names.map(async (version) => ({ version, ...(await versions.get(version)) })));
      return found
        .filter((each): each is InstalledVersion => each.installed !== undefined)
        .sort((one, other) => one.installed - other.installed);
    },
  };
}
