import { CofferError } from '@coffer/base';
import type { EntryStorage } from './entry-storage.ts';

export const PLUGIN_TYPES = ['auth', 'database', 'secret'] as const;
export type PluginType = (typeof PLUGIN_TYPES)[number];

/** A registered plugin: an executable in the plugin directory. */
export interface PluginEntry {
  readonly name: string;
  readonly type: PluginType;
  /** Relative to the plugin directory. */
  readonly command: string;
  readonly args: readonly string[];
  /** `KEY=value` entries. */
  readonly env: readonly string[];
  /** Hexadecimal; checked before every start. */
  readonly sha256: string;
  /** Semantic version with `v`, or empty. */
  readonly version: string;
}

/** A plugin that runs inside the server. */
export interface BuiltinPlugin {
  readonly name: string;
  readonly type: PluginType;
  readonly version: string;
}

/** Which plugins there are, built in and registered. A registered one hides the built-in of the same name. */
export interface PluginCatalog {
  readonly builtins: readonly BuiltinPlugin[];
  get(type: PluginType, name: string, version?: string): Promise<PluginEntry | undefined>;
  register(entry: PluginEntry): Promise<void>;
  deregister(type: PluginType, name: string, version: string): Promise<void>;
  /** Registered plugins, sorted by type and name. */
  list(): Promise<PluginEntry[]>;
}

export function parsePluginType(type: string): PluginType {
  const found = PLUGIN_TYPES.find((each) => each === type);
  if (found !== undefined) return found;
  throw new CofferError(
    'invalid-request',
    `"${type}" is not a supported plugin type; use one of ${PLUGIN_TYPES.join(', ')}`,
  );
}

/** @throws CofferError `invalid-request` for a command that could lie outside of the plugin directory */
export function checkPluginCommand(command: string): void {
  if (command !== '' && !/^\/|(^|\/)\.\.(\/|$)/.test(command)) return;
  throw new CofferError(
    'invalid-request',
    'field "command" must name a file inside the plugin directory, without "/" in front and without ".."',
  );
}

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
