import { CofferError } from '@coffer/base';
import { definePath, type Path } from '@coffer/framework';

const NONE =
  'plugin runtimes are not supported: plugins run inside the server or as child processes, never in containers';

/** `sys/plugins/runtimes/catalog`, which clients of Vault know: refused. */
export function pluginsRuntimesCatalogPaths(): Path[] {
  const refuse = () => Promise.reject(new CofferError('invalid-request', NONE));
  return [
    definePath({
      pattern: 'plugins/runtimes/catalog',
      fields: {},
      otherFields: 'accept',
      synopsis: 'Refused: there are no plugin runtimes.',
      read: refuse,
      list: refuse,
    }),
    definePath({
      pattern: 'plugins/runtimes/catalog/:type/:name',
      fields: {
        type: { type: 'string', required: true, description: 'container.' },
        name: { type: 'string', required: true, description: 'The runtime.' },
      },
      otherFields: 'accept',
      sudo: true,
      synopsis: 'Refused: there are no plugin runtimes.',
      read: refuse,
      write: refuse,
      delete: refuse,
    }),
  ];
}
