import { CofferError } from '@coffer/base';
import { definePath, type Path } from '@coffer/framework';
import { readConfig } from './config-entry.ts';
import type { EngineParts } from './engine-parts.ts';

/** The names of the connections that use a plugin. */
export async function connectionsOf({ context }: EngineParts, plugin: string): Promise<string[]> {
  const names: string[] = [];
  for (const name of await context.storage.list('config/')) {
    if ((await readConfig(context.storage, name))?.pluginName === plugin) names.push(name);
  }
  return names;
}

/** `reset/:name`, `reload/:plugin_name`: close connections and plugin, open them again. */
export function resetPaths(parts: EngineParts): Path[] {
  const { connections } = parts;
  const reopen = async (name: string): Promise<void> => {
    await connections.databases.reset(name);
    await connections.use(name, async () => undefined);
  };
  return [
    definePath({
      pattern: 'reset/:name',
      fields: { name: { type: 'string', required: true, description: 'The name of the connection.' } },
      synopsis: 'Closes a connection and its plugin, and opens them again.',
      write: async ({ fields }) => {
        await reopen(fields.name);
        return undefined;
      },
    }),
    definePath({
      pattern: 'reload/:plugin_name',
      fields: {
        plugin_name: { type: 'string', required: true, description: 'The plugin whose connections to reopen.' },
      },
      synopsis: 'Closes and reopens every connection that uses a plugin.',
      write: async ({ fields }) => {
        const reopened = await connectionsOf(parts, fields.plugin_name);
        for (const name of reopened) await reopen(name);
        if (reopened.length === 0) {
          throw new CofferError(
            'invalid-request',
            `no connection uses the plugin ${JSON.stringify(fields.plugin_name)}`,
          );
        }
        return { data: { connections: reopened, count: reopened.length } };
      },
    }),
  ];
}
