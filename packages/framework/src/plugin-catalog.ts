import { CofferError } from '@coffer/base';

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

/** The plugins, built in and registered. A registered one hides the built-in one of the same name. */
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
