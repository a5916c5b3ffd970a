import { randomUUID } from 'node:crypto';
import { createAppRoleAuth } from '@coffer/auth-approle';
import { createTokenAuth } from '@coffer/auth-token';
import { createUserpassAuth } from '@coffer/auth-userpass';
import { API_VERSION, BUILTIN_VERSION, type Logger, randomBase62 } from '@coffer/base';
import { type Barrier, type Core, createCore } from '@coffer/core';
import { createDatabaseEngine, createDatabasePlugins, type DatabasePlugins } from '@coffer/engine-database';
import { createSystemEngine } from '@coffer/engine-system';
import type { Store } from '@coffer/store';
import { checkYsqlConfig, createYsqlDatabase } from '@coffer/ysql';

export interface ComposeOptions {
  readonly store: Store;
  readonly barrier: Barrier;
  /** As `sys/seal-status` names it. */
  readonly storageType: string;
  /** Absolute; without it nothing can be registered in the plugin catalog. */
  readonly pluginDirectory?: string;
  readonly logger: Logger;
}

/** Puts the rooms together: which engines there are, what is built in, what is always mounted. */
export function composeCore(options: ComposeOptions): { core: Core; plugins: DatabasePlugins } {
  const { store, barrier, storageType, logger } = options;
  const directory = options.pluginDirectory;
  const ysql = { create: () => createYsqlDatabase({ logger: logger.named('ysql') }), checkConfig: checkYsqlConfig };
  const server = {
    version: API_VERSION,
    clusterName: `vault-cluster-${randomBase62(8).toLowerCase()}`,
    clusterId: randomUUID(),
    storageType,
  };
  let plugins: DatabasePlugins | undefined;
  const core = createCore({
    store,
    barrier,
    logger: logger.named('core'),
    builtinPlugins: [{ name: 'ysql-plugin', type: 'database', version: BUILTIN_VERSION }],
    engines: (services) => {
      plugins = createDatabasePlugins({
        catalog: services.plugins,
        builtins: new Map([['ysql-plugin', ysql]]),
        ...(directory !== undefined && { directory }),
        logger: logger.named('plugin'),
      });
      const generatePassword = (policy: string): Promise<string> => services.passwordPolicies.generate(policy);
      return new Map([['database', createDatabaseEngine({ plugins, generatePassword })]]);
    },
    authMethods: (services) =>
      new Map([
        ['approle', createAppRoleAuth(services)],
        ['userpass', createUserpassAuth(services)],
      ]),
    builtins: (services) =>
      new Map([
        [
          'sys/',
          {
            type: 'system',
            description: 'system endpoints used for control, policy and debugging',
            factory: createSystemEngine({
              services,
              server,
              ...(directory !== undefined && { pluginDirectory: directory }),
            }),
          },
        ],
        ['auth/token/', { type: 'token', description: 'token based credentials', factory: createTokenAuth(services) }],
      ]),
  });
  if (plugins === undefined) throw new Error('the core asks for its engines when it is made');
  return { core, plugins };
}
