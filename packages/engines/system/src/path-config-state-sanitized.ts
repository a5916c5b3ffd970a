import { definePath, type Path } from '@coffer/framework';
import type { ServerConfiguration } from './server-configuration.ts';

/** `sys/config/state/sanitized` */
export function configStateSanitizedPaths(configuration: ServerConfiguration): Path[] {
  return [
    definePath({
      pattern: 'config/state/sanitized',
      fields: {},
      synopsis: 'The configuration of the server that answers, without secrets.',
      read: async () => ({ data: configuration.sanitized() }),
    }),
  ];
}
