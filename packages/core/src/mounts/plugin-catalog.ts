import { CofferError } from '@coffer/base';
import {
  type BuiltinPlugin,
  canonicalPluginVersion,
  checkPluginEntry,
  comparePluginVersions,
  type EntryStorage,
  isSamePluginVersion,
  PLUGIN_TYPES,
  type PluginCatalog,
  type PluginEntry,
  type PluginPin,
  type PluginType,
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

const PIN = entry<PluginPin>({ name: string(), type: oneOf(PLUGIN_TYPES), version: string() });

/** `pinned`: where the pins are kept. */
export function createPluginCatalog(
  storage: EntryStorage,
  builtins: readonly BuiltinPlugin[],
  pinned: EntryStorage,
): PluginCatalog {
  const plugins = storage.kept('', PLUGIN);
  const pins = pinned.kept('', PIN);
  const pinOf = (type: PluginType, name: string) => pins.get(`${type}/${name}`);

  /** Where a version is kept: 0.1.0 kept versions as they were written, `1.2.3` beside `v1.2.3`. */
  const keyOf = async (type: PluginType, name: string, version: string): Promise<string> => {
    const folder = `${type}/${name}/`;
    const kept = version === '' ? [] : await storage.list(folder);
    const same = kept.includes(version) ? version : kept.find((each) => isSamePluginVersion(each, version));
    return folder + (same ?? version);
  };
  const registered = async (type: PluginType, name: string, version: string): Promise<PluginEntry | undefined> =>
    plugins.get(await keyOf(type, name, version));
  const newest = async (type: PluginType, name: string): Promise<string> => {
    const versions = await storage.list(`${type}/${name}/`);
    return versions.sort(comparePluginVersions).at(-1) ?? '';
  };
  const builtinOf = (type: PluginType, name: string) =>
    builtins.find((builtin) => builtin.type === type && builtin.name === name);

  const get: PluginCatalog['get'] = async (type, name, version) => {
    const found = await registered(type, name, version);
    if (found !== undefined) return found;
    const builtin = builtinOf(type, name);
    if (version === '' || builtin === undefined) return builtin;
    if (!isSamePluginVersion(version, builtin.version)) return undefined;
    return (await registered(type, name, '')) === undefined ? builtin : undefined;
  };

  return {
    builtins,
    pins: {
      get: pinOf,
      async set(pin) {
        const { type, name, version } = pin;
        if ((await registered(type, name, version)) === undefined) {
          const what = `${type} plugin ${JSON.stringify(name)} version ${version}`;
          throw new CofferError('invalid-request', `plugin not found in the catalog; ${what} does not exist`);
        }
        await pins.put(`${type}/${name}`, pin);
      },
      delete: (type, name) => pins.delete(`${type}/${name}`),
      async list() {
        const found = await Promise.all((await pinned.list('')).map((key) => pins.get(key)));
        return found.filter((pin) => pin !== undefined);
      },
    },
    get,
    async resolve(type, name, asked) {
      const version = (await pinOf(type, name))?.version ?? asked;
      const found = await get(type, name, version);
      if (found !== undefined || version !== '') return found;
      return registered(type, name, await newest(type, name));
    },
    async pin(type, name, asked, isNew) {
      const pin = await pinOf(type, name);
      if (pin !== undefined) {
        if (asked === '') return '';
        const what = `plugin ${JSON.stringify(name)} as it is pinned (${pin.version})`;
        throw new CofferError('invalid-request', `cannot specify plugin_version for ${what}`);
      }
      const isHidden = (await registered(type, name, '')) !== undefined;
      if (asked === '') return isHidden || !isNew ? '' : newest(type, name);
      const version = canonicalPluginVersion(asked);
      if (version !== builtinOf(type, name)?.version) return version;
      if (!isHidden) return '';
      throw new CofferError(
        'invalid-request',
        `${type} plugin ${JSON.stringify(name)}, version ${version} not found, as it is overridden by an unversioned ` +
          'plugin of the same name. Omit `plugin_version` to use the unversioned plugin',
      );
    },
    async register(plugin) {
      checkPluginEntry(plugin);
      const { type, name, version } = plugin;
      await plugins.put(await keyOf(type, name, version), { ...plugin, sha256: plugin.sha256.toLowerCase() });
    },
    async deregister(type, name, version) {
      const pin = await pinOf(type, name);
      if (pin !== undefined && isSamePluginVersion(pin.version, version)) {
        throw new CofferError('invalid-request', 'cannot delete a pinned version');
      }
      await plugins.delete(await keyOf(type, name, version));
    },
    async list() {
      const keys = await storage.list('');
      const entries = await Promise.all(keys.map((each) => plugins.get(each)));
      return entries
        .filter((plugin) => plugin !== undefined)
        .sort(
          (a, b) => order(`${a.type}/${a.name}`, `${b.type}/${b.name}`) || comparePluginVersions(a.version, b.version),
        );
    },
  };
}

function order(one: string, other: string): number {
  return one === other ? 0 : one < other ? -1 : 1;
}
