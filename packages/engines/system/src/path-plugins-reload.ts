import { CofferError, randomId } from '@coffer/base';
import type { MountTable } from '@coffer/core';
import { definePath, parsePluginType, type Path, type PathResponse, type PluginCatalog } from '@coffer/framework';

const PLUGIN = {
  type: 'string',
  description: 'The plugin whose processes to end; the next use starts it again.',
} as const;
const MOUNTS = { type: 'comma-strings', default: [], description: 'Only these mounts; all when empty.' } as const;
const SCOPE = { type: 'string', default: '', description: 'Kept for compatibility: there is one node.' } as const;

/** `sys/plugins/reload/backend`, `sys/plugins/reload/:type/:name`: for when a plugin's file has been replaced and registered. */
export function pluginsReloadPaths(mounts: MountTable, plugins: PluginCatalog): Path[] {
  const reload = async (plugin: string, paths: readonly string[]): Promise<PathResponse> => {
    const reloaded = await mounts.reload(plugin, paths);
    if (reloaded.length === 0 && paths.length > 0) {
      throw new CofferError(
        'invalid-request',
        `no mount of ${paths.join(', ')} uses the plugin ${JSON.stringify(plugin)}`,
      );
    }
    return { data: { reload_id: randomId() } };
  };
  return [
    definePath({
      pattern: 'plugins/reload/backend',
      fields: { plugin: PLUGIN, mounts: MOUNTS, scope: SCOPE },
      synopsis: 'Reloads a plugin in the mounts that use it.',
      write: async ({ fields }) => {
        if (fields.plugin !== undefined) return reload(fields.plugin, fields.mounts);
        if (fields.mounts.length === 0) throw new CofferError('invalid-request', 'plugin or mounts must be provided');
        // Mounts without the name of a plugin: all plugins, registered and built in, are reloaded there.
        const names = new Set([...plugins.builtins, ...(await plugins.list())].map(({ name }) => name));
        for (const name of names) await mounts.reload(name, fields.mounts);
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
      write: async ({ fields }) => {
        parsePluginType(fields.type);
        return reload(fields.name, []);
      },
    }),
  ];
}
