import { CofferError, randomId } from '@coffer/base';
import type { MountTable } from '@coffer/core';
import {
  definePath,
  parsePluginType,
  type Path,
  type PathResponse,
  PLUGIN_TYPES,
  type PluginCatalog,
  type PluginType,
} from '@coffer/framework';

const PLUGIN = {
  type: 'string',
  description: 'The plugin whose processes to end; the next use starts it again.',
} as const;
const MOUNTS = {
  type: 'comma-strings',
  default: [],
  description: 'The mounts whose plugins to reload, all of them; instead of plugin.',
} as const;
const SCOPE = {
  type: 'string',
  default: '',
  description: 'Empty or "global": every node reloads it either way.',
} as const;

/** `sys/plugins/reload/backend`, `sys/plugins/reload/:type/:name`: for when a plugin's file has been replaced and registered. */
export function pluginsReloadPaths(mounts: MountTable, plugins: PluginCatalog): Path[] {
  const reloadPlugin = async (name: string, types: readonly PluginType[]): Promise<PathResponse> => {
    const reloaded = await mounts.reload(name, types);
    if (reloaded.length > 0) return { data: { reload_id: randomId() } };
    const known = await Promise.all(types.map((type) => plugins.resolve(type, name, '')));
    if (known.every((plugin) => plugin === undefined)) {
      throw new CofferError('invalid-request', `plugin not found in the catalog: ${JSON.stringify(name)}`);
    }
    return { data: { reload_id: randomId() }, warnings: ['no plugins were reloaded'] };
  };
  return [
    definePath({
      pattern: 'plugins/reload/backend',
      fields: { plugin: { ...PLUGIN, default: '' }, mounts: MOUNTS, scope: SCOPE },
      synopsis: 'Reloads a plugin in the mounts that use it, or every plugin of the given mounts.',
      write: async ({ fields: { plugin, mounts: paths, scope } }) => {
        checkScope(scope);
        if (plugin !== '' && paths.length > 0) {
          throw new CofferError('invalid-request', 'plugin and mounts cannot be set at the same time');
        }
        if (plugin === '' && paths.length === 0) {
          throw new CofferError('invalid-request', 'plugin or mounts must be provided');
        }
        if (plugin !== '') return reloadPlugin(plugin, PLUGIN_TYPES);
        await mounts.reloadMounts(paths);
        return { data: { reload_id: randomId() } };
      },
    }),
    definePath({
      pattern: 'plugins/reload/:type/:name',
      fields: {
        type: { type: 'string', required: true, description: 'The type of the plugin: database.' },
        name: { ...PLUGIN, required: true },
        scope: SCOPE,
      },
      synopsis: 'Reloads a plugin in the mounts that use it.',
      write: async ({ fields: { type, name, scope } }) => {
        checkScope(scope);
        return reloadPlugin(name, [parsePluginType(type)]);
      },
    }),
  ];
}

function checkScope(scope: string): void {
  if (scope === '' || scope === 'global') return;
  throw new CofferError('invalid-request', "reload scope must be omitted or 'global'");
}
