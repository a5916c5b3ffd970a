import type { Logger } from '@coffer/base';
import { serve } from '@coffer/go-plugin';
import type { Database } from './database.ts';
import type { Instances } from './instances.ts';
import { redactSecrets } from './redact.ts';

/** What Vault and OpenBao set for a database plugin (hashicorp/vault:sdk/database/dbplugin/v5/grpc_database_plugin.go). */
export const DATABASE_COOKIE = { key: 'VAULT_DATABASE_PLUGIN', value: '926a0820-aea2-be28-51d6-83cdf00e8edb' };

export interface ServeDatabaseOptions {
  /** Writes hclog's JSON lines to stderr. */
  readonly logger: Logger;
  /** Semantic, with a leading `v`: a registration that names another version is refused. Default: none reported. */
  readonly version?: string;
}

/**
 * Makes this process a database plugin for Vault, OpenBao and Coffer: protocol 5 with one Database, protocol 6 with one
 * for each multiplex id. `load` gives what makes them; it is called after the handshake, so that loading the database's
 * own code does not count to the plugin's start. No password shows in its errors. Resolves when calls are answered; ends
 * the process as `serve` of `@coffer/go-plugin` does, closing every Database before.
 *
 * @throws CofferError `failed` when it cannot listen
 */
export async function serveDatabase(load: () => Promise<() => Database>, options: ServeDatabaseOptions): Promise<void> {
  const made: Instances[] = [];
  const version = (multiplexed: boolean) => async () => {
    const [create, { databaseServices }, { Instances }] = await Promise.all([
      load(),
      import('./database-service.ts'),
      import('./instances.ts'),
    ]);
    const instances = new Instances(() => redactSecrets(create()), multiplexed);
    made.push(instances);
    return { multiplexed, services: databaseServices(instances, options.version ?? '', options.logger) };
  };
  await serve({
    cookie: DATABASE_COOKIE,
    versions: { 5: version(false), 6: version(true) },
    logger: options.logger,
    onStop: async () => {
      await Promise.all(made.map((instances) => instances.closeAll()));
    },
  });
}
