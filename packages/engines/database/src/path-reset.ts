import { definePath, type EngineContext, type Path } from '@coffer/framework';
import type { Connections } from './connections.ts';
import { reopen } from './reopening.ts';

/** `reset/:name`. */
export function resetPaths({ tell }: EngineContext, connections: Connections): Path[] {
  return [
    definePath({
      pattern: 'reset/:name',
      fields: { name: { type: 'string', required: true, description: 'The name of the connection.' } },
      synopsis: 'Closes a connection and its plugin on every node, then reopens them.',
      write: async ({ fields }) => {
        await tell({ kind: 'reset', name: fields.name });
        await reopen(connections, fields.name);
        return undefined;
      },
    }),
  ];
}
