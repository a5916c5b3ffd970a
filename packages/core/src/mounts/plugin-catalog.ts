import { CofferError } from '@coffer/base';
import {
  type EntryStorage,
  type BuiltinPlugin,
  type PluginCatalog,
  type PluginEntry,
  checkPluginCommand,
} from '@coffer/framework';

/** @throws CofferError `invalid-request` for an entry that sets no variable; without the entry, which may be a secret */
function checkPluginEnvironment(env: readonly string[]): void {
  const position = env.findIndex((entry) => !/^[^=\0]+=[^\0]*$/.test(entry));
  if (position === -1) return;
  throw new CofferError('invalid-request', `field "env": entry ${position + 1} must have the form NAME=value`);
}

export function createPluginCatalog(storage: EntryStorage, builtins: readonly BuiltinPlugin[]): PluginCatalog {
  const key = (type: string, name: string, version: string): string => `${type}/${name}/${version}`;
  const get: PluginCatalog['get'] = async (type, name, version = '') =>
    (await storage.get(key(type, name, version))) as unknown as PluginEntry | undefined;
  return {
    builtins,
    get,
    async register(entry) {
      if (!/^[\w.-]+$/.test(entry.name)) {
        throw new CofferError('invalid-request', `plugin name "${entry.name}": use letters, digits, ".", "_" and "-"`);
      }
      if (!/^[0-9a-f]{64}$/i.test(entry.sha256)) {
        throw new CofferError(
          'invalid-request',
          'field "sha256" must be the SHA-256 of the plugin file in 64 hexadecimal digits',
        );
      }
      checkPluginCommand(entry.command);
      checkPluginEnvironment(entry.env);
      await storage.put(key(entry.type, entry.name, entry.version), { ...entry, sha256: entry.sha256.toLowerCase() });
    },
    async deregister(type, name, version) {
      await storage.delete(key(type, name, version));
    },
    async list() {
      const keys = await storage.list('');
      const entries = await Promise.all(keys.map((each) => storage.get(each)));
      return entries.filter((entry) => entry !== undefined) as unknown as PluginEntry[];
    },
  };
}
