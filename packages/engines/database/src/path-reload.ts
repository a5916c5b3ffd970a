import { CofferError } from '@coffer/base';
import { definePath, type EngineContext, type Path } from '@coffer/framework';
import type { Connections } from './connections.ts';
import { connectionsOf, reopen } from './reopening.ts';

/** `reload/:plugin_name`. */
export function reloadPaths({ storage, tell }: EngineContext, connections: Connections): Path[] {
  return [
    definePath({
      pattern: 'reload/:plugin_name',
      fields: {
        plugin_name: { type: 'string', required: true, description: 'The plugin whose connections to reopen.' },
      },
      synopsis: 'Closes every connection that uses a plugin on every node, then reopens them.',
      write: async ({ fields }) => {
        const reopened = await connectionsOf(storage, fields.plugin_name);
        if (reopened.length === 0) {
          throw new CofferError(
            'invalid-request',
            `no connection uses the plugin ${JSON.stringify(fields.plugin_name)}`,
          );
        }
        await tell({ kind: 'reload', name: fields.plugin_name });
        connections.databases.restart(fields.plugin_name);
        for (const name of reopened) await reopen(connections, name);
        return { data: { connections: reopened, count: reopened.length } };
      },
    }),
  ];
}
