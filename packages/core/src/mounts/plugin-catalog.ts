import { CofferError } from '@coffer/base';
import {
  type EntryStorage,
  type BuiltinPlugin,
  type PluginCatalog,
  type PluginEntry,
  checkPluginCommand,
  PLUGIN_TYPES,
  stored,
} from '@coffer/framework';

const { entry, oneOf, string, strings } = stored;
const PLUGIN = entry<PluginEntry>({
  name: string(),
  type: oneOf(PLUGIN_TYPES),
  command: string(),
  args: strings(),
  env: strings(),
  sha256: string(),
  version: string(),
});

/** @throws CofferError `invalid-request` for an entry that sets no variable; without the entry, which may be a secret */
function checkPluginEnvironment(env: readonly string[]): void {
  const position = env.findIndex((entry) => !/^[^=\0]+=[^\0]*$/.test(entry));
  if (position === -1) return;
  throw new CofferError('invalid-request', `field "env": entry ${position + 1} must have the form NAME=value`);
}

export function createPluginCatalog(storage: EntryStorage, builtins: readonly BuiltinPlugin[]): PluginCatalog {
  const key = (type: string, name: string, version: string): string => `${type}/${name}/${version}`;
  const plugins = storage.of('', PLUGIN);
  return {
    builtins,
    get: (type, name, version = '') => plugins.get(key(type, name, version)),
    async register(plugin) {
      if (!/^[\w.-]+$/.test(plugin.name)) {
        throw new CofferError('invalid-request', `plugin name "${plugin.name}": use letters, digits, ".", "_" and "-"`);
      }
      if (!/^[0-9a-f]{64}$/i.test(plugin.sha256)) {
        throw new CofferError(
          'invalid-request',
          'field "sha256" must be the SHA-256 of the plugin file in 64 hexadecimal digits',
        );
      }
      checkPluginCommand(plugin.command);
      checkPluginEnvironment(plugin.env);
      await plugins.put(key(plugin.type, plugin.name, plugin.version), {
        ...plugin,
        sha256: plugin.sha256.toLowerCase(),
      });
    },
    async deregister(type, name, version) {
      await storage.delete(key(type, name, version));
    },
    async list() {
      const keys = await storage.list('');
      const entries = await Promise.all(keys.map((each) => plugins.get(each)));
      return entries.filter((plugin) => plugin !== undefined);
    },
  };
}
