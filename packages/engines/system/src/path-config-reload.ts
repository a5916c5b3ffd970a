import { CofferError } from '@coffer/base';
import { definePath, type Path } from '@coffer/framework';
import type { ServerConfiguration } from './server-configuration.ts';

/** `sys/config/reload/:subsystem` */
export function configReloadPaths(configuration: ServerConfiguration): Path[] {
  return [
    definePath({
      pattern: 'config/reload/:subsystem',
      fields: {
        subsystem: {
          type: 'string',
          required: true,
          description:
            'What to reload. listener: certificates, and what is served without a token. log: level and file. all: both.',
        },
      },
      synopsis: 'Reloads the configuration of the server that answers, as SIGHUP does.',
      async write({ fields: { subsystem } }) {
        const { reloadable } = configuration;
        if (!reloadable.includes(subsystem)) {
          const known =
            reloadable.length === 0 ? 'this server has no configuration file' : `known are ${reloadable.join(', ')}`;
          throw new CofferError('not-found', `unsupported path: this cannot be reloaded; ${known}`);
        }
        await configuration.reload(subsystem);
        return undefined;
      },
    }),
  ];
}
