import { definePath, type Path } from '@coffer/framework';
import type { ServerConfiguration } from './server-configuration.ts';

/** `sys/config/state/sanitized` */
export function configStateSanitizedPaths(configuration: ServerConfiguration): Path[] {
  return [
    definePath({
      pattern: 'config/state/sanitized',
      fields: {},
      synopsis: 'The configuration of the server that is asked, without what is secret in it.',
      read: async () => ({ data: configuration.sanitized() }),
    }),
  ];
}
