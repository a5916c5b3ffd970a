import { CofferError, randomId } from '@coffer/base';
import type { CoreServices } from '@coffer/core';
import { definePath, parsePluginType, type Path, type PathResponse } from '@coffer/framework';

const PLUGIN = {
  type: 'string',
  description: 'The plugin whose processes to end; the next use starts it anew.',
} as const;
const MOUNTS = { type: 'comma-strings', default: [], description: 'Only these mounts; all when empty.' } as const;
const SCOPE = { type: 'string', default: '', description: 'Kept for compatibility: there is one node.' } as const;

/** `sys/plugins/reload/backend`, `sys/plugins/reload/:type/:name`: after a plugin's file was replaced and registered. */
export function pluginsReloadPaths(services: CoreServices): Path[] {
  const reload = async (plugin: string, mounts: readonly string[]): Promise<PathResponse> => {
    const reloaded = await services.mounts.reload(plugin, mounts);
    if (reloaded.length === 0 && mounts.length > 0) {
      throw new CofferError(
        'invalid-request',
        `no mount of ${mounts.join(', ')} uses the plugin ${JSON.stringify(plugin)}`,
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
        // Mounts without a plugin's name: everything that is registered or built in is reloaded there.
        const names = new Set(
          [...services.plugins.builtins, ...(await services.plugins.list())].map(({ name }) => name),
        );
        for (const name of names) await services.mounts.reload(name, fields.mounts);
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
