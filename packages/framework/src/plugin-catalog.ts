import { CofferError } from '@coffer/base';
import { isSamePluginVersion } from './plugin-version.ts';

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
  /** Another name of one that is listed: it is found by it, and not listed again. */
  readonly isAlias?: true;
}

/** A version of a plugin that every use of it runs, whatever it asks for. */
export interface PluginPin {
  readonly name: string;
  readonly type: PluginType;
  readonly version: string;
}

/** The versions that are pinned. What runs already stays until it is reloaded. */
export interface PluginPins {
  get(type: PluginType, name: string): Promise<PluginPin | undefined>;
  /** @throws CofferError `invalid-request` for a version that is not registered */
  set(pin: PluginPin): Promise<void>;
  delete(type: PluginType, name: string): Promise<void>;
  /** Sorted by type and name. */
  list(): Promise<PluginPin[]>;
}

/**
 * The plugins, built in and registered, with Vault's rules of which one a name and a version stand for
 * (openbao/openbao:internal/vault/plugin_catalog.go). A name may be registered without a version, which hides the built-in
 * one, and in any number of versions beside it.
 */
export interface PluginCatalog {
  readonly builtins: readonly BuiltinPlugin[];
  readonly pins: PluginPins;
  /**
   * The plugin that is registered in this version; without one, the one that is registered without. A built-in has its own
   * version, and none, unless it is hidden.
   */
  get(type: PluginType, name: string, version: string): Promise<PluginEntry | BuiltinPlugin | undefined>;
  /**
   * What is run: the pinned version, if there is one. Else as {@link get}, but without a version also the newest, where there is
   * nothing else of the name.
   */
  resolve(type: PluginType, name: string, version: string): Promise<PluginEntry | BuiltinPlugin | undefined>;
  /**
   * The version that a user of a plugin keeps, in its canonical form: `asked`; or, for a new user that asks for none, the
   * newest, unless the name is registered without a version. Empty for that one and for the built-in.
   * Where a version is pinned it keeps none.
   * @throws CofferError `invalid-request` when `asked` is no semantic version, is a built-in's that is hidden, or one is pinned
   */
  pin(type: PluginType, name: string, asked: string, isNew: boolean): Promise<string>;
  /** @throws CofferError `invalid-request` for an entry that could never be run: see {@link checkPluginEntry} */
  register(entry: PluginEntry): Promise<void>;
  /** @throws CofferError `invalid-request` for the version that is pinned */
  deregister(type: PluginType, name: string, version: string): Promise<void>;
  /** Registered plugins, sorted by type, name and version. */
  list(): Promise<PluginEntry[]>;
}

export function isRegistered(plugin: PluginEntry | BuiltinPlugin): plugin is PluginEntry {
  return 'sha256' in plugin;
}

export function parsePluginType(type: string): PluginType {
  const found = PLUGIN_TYPES.find((each) => each === type);
  if (found !== undefined) return found;
  throw new CofferError(
    'invalid-request',
    `"${type}" is not a supported plugin type; use one of ${PLUGIN_TYPES.join(', ')}`,
  );
}

/** Vault's text when a plugin says that it is of another version than it is registered as; one that says none is of any. */
export function versionMismatch({ name, version }: PluginEntry, reported: string): string | undefined {
  if (reported === '' || isSamePluginVersion(reported, version)) return undefined;
  return `plugin version mismatch: ${name} reported version (${reported}) did not match requested version (${version})`;
}

/** @throws CofferError `invalid-request` for a name, checksum, command or variable that no plugin can have */
export function checkPluginEntry(plugin: PluginEntry): void {
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
  // Without the entry, which may be a secret.
  const position = plugin.env.findIndex((entry) => !/^[^=\0]+=[^\0]*$/.test(entry));
  if (position === -1) return;
  throw new CofferError('invalid-request', `field "env": entry ${position + 1} must have the form NAME=value`);
}

/** @throws CofferError `invalid-request` for a command that could lie outside of the plugin directory */
export function checkPluginCommand(command: string): void {
  if (command !== '' && !/^\/|(^|\/)\.\.(\/|$)/.test(command)) return;
  throw new CofferError(
    'invalid-request',
    'field "command" must name a file inside the plugin directory, without "/" in front and without ".."',
  );
}
