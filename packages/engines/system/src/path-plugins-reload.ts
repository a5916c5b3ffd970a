import { CofferError, formatTime } from '@coffer/base';
import type { MountTable, ReloadStatus } from '@coffer/core';
import {
  definePath,
  type Path,
  type PathResponse,
  PLUGIN_TYPES,
  type PluginCatalog,
  type PluginType,
} from '@coffer/framework';

const GLOBAL = 'global';
const PLUGIN = {
  type: 'string',
  description: 'The plugin to reload: its processes end, and the next use starts it again.',
} as const;
const MOUNTS = {
  type: 'comma-strings',
  default: [],
  description: 'Instead of plugin: the mounts whose plugins to reload, all of them.',
} as const;
const SCOPE = {
  type: 'string',
  default: '',
  description: 'Empty or "global". Every node reloads the plugin either way.',
} as const;

/**
 * `sys/plugins/reload/backend`, `.../backend/status`, `sys/plugins/reload/:type/:name`: for when a plugin's file has been
 * replaced and registered, or another version pinned.
 */
export function pluginsReloadPaths(mounts: MountTable, plugins: PluginCatalog, reloads: ReloadStatus): Path[] {
  /** As in Vault, where only a reload of all nodes has a status. */
  const answer = async (scope: string, id: string): Promise<PathResponse> => {
    if (scope !== GLOBAL) return { data: { reload_id: id } };
    await reloads.record(id);
    return { status: 202, data: { reload_id: id } };
  };
  const reloadPlugin = async (
    name: string,
    types: readonly PluginType[],
    { scope, id }: { readonly scope: string; readonly id: string },
  ): Promise<PathResponse> => {
    const reloaded = await mounts.reload(name, types);
    if (reloaded.length > 0) return answer(scope, id);
    const known = await Promise.all(types.map((type) => plugins.resolve(type, name, '')));
    if (known.every((plugin) => plugin === undefined)) {
      throw new CofferError(
        'invalid-request',
        `plugin not found in the catalog: ${JSON.stringify(name)}; "plugin list" shows those that are there`,
      );
    }
    return { ...(await answer(scope, id)), warnings: ['no plugins were reloaded'] };
  };
  return [
    definePath({
      pattern: 'plugins/reload/backend',
      fields: { plugin: { ...PLUGIN, default: '' }, mounts: MOUNTS, scope: SCOPE },
      synopsis: 'Reloads a plugin in the mounts that use it, or every plugin of the given mounts.',
      write: async ({ id, fields: { plugin, mounts: paths, scope } }) => {
        checkScope(scope);
        if (plugin !== '' && paths.length > 0) {
          throw new CofferError('invalid-request', 'plugin and mounts cannot be set at the same time');
        }
        if (plugin === '' && paths.length === 0) {
          throw new CofferError('invalid-request', 'plugin or mounts must be provided');
        }
        if (plugin !== '') return reloadPlugin(plugin, PLUGIN_TYPES, { scope, id });
        await mounts.reloadMounts(paths);
        return answer(scope, id);
      },
    }),
    definePath({
      pattern: 'plugins/reload/backend/status',
      fields: {
        reload_id: {
          type: 'string',
          default: '',
          description: 'The reload_id that a reload with scope "global" returned.',
        },
      },
      synopsis: 'Shows which nodes have reloaded a plugin.',
      description: 'Nodes that have not reloaded yet are not shown; they do so before they serve their next request.',
      read: async ({ fields: { reload_id: id } }) => {
        if (id === '') throw new CofferError('invalid-request', 'reload_id must be provided');
        const done = await reloads.read(id);
        if (done === undefined) throw new CofferError('not-found', `no reload with reload_id ${JSON.stringify(id)}`);
        const results = done.nodes.map((node) => [node, { timestamp: formatTime(done.time), error: '' }] as const);
        return { data: { reload_id: id, results: Object.fromEntries(results) } };
      },
    }),
    definePath({
      pattern: 'plugins/reload/:type/:name',
      fields: {
        type: {
          type: 'string',
          required: true,
          description: 'auth, database or secret; "unknown" for every plugin with this name.',
        },
        name: { ...PLUGIN, required: true },
        scope: SCOPE,
      },
      synopsis: 'Reloads a plugin in the mounts that use it.',
      write: async ({ id, fields: { type, name, scope } }) => {
        checkScope(scope);
        return reloadPlugin(name, typesNamed(type), { scope, id });
      },
    }),
  ];
}

/** Vault's clients say "unknown" where no type was given (hashicorp/vault:api/sys_plugins.go RootReloadPlugin). */
function typesNamed(type: string): readonly PluginType[] {
  if (type === 'unknown') return PLUGIN_TYPES;
  const found = PLUGIN_TYPES.find((each) => each === type);
  if (found !== undefined) return [found];
  const kinds = 'must be one of "auth", "secret", "database", or "unknown"';
  throw new CofferError('invalid-request', `error parsing ${JSON.stringify(type)} as a plugin type, ${kinds}`);
}

function checkScope(scope: string): void {
  if (scope === '' || scope === GLOBAL) return;
  throw new CofferError('invalid-request', "reload scope must be omitted or 'global'");
}
