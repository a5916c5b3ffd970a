import type { Logger } from '@coffer/base';
import { serve } from '@coffer/go-plugin';
import { ConnectionFields } from './connection-fields.ts';
import type { DatabaseKind } from './database.ts';
import type { Instances } from './instances.ts';
import { Redaction } from './redaction.ts';

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
 * own code does not delay the plugin's start. No secret shows in its errors and its log, since hosts do not redact any.
 * Resolves when calls are answered; ends the process as `serve` of `@coffer/go-plugin` does, closing every Database
 * before.
 *
 * @throws CofferError `failed` when it cannot listen
 */
export async function serveDatabase(load: () => Promise<DatabaseKind>, options: ServeDatabaseOptions): Promise<void> {
  const made: Instances[] = [];
  const redaction = new Redaction();
  const logger = redaction.logger(options.logger);
  const version = (multiplexed: boolean) => async () => {
    const [kind, { databaseServices }, { Instances }] = await Promise.all([
      load(),
      import('./database-service.ts'),
      import('./instances.ts'),
    ]);
    const fields = ConnectionFields.declared(kind.fields);
    const instances = new Instances(() => redaction.database(kind.create(logger), fields), multiplexed);
    made.push(instances);
    return { multiplexed, services: databaseServices(instances, options.version ?? '', logger) };
  };
  await serve({
    cookie: DATABASE_COOKIE,
    versions: { 5: version(false), 6: version(true) },
    logger,
    onStop: async () => {
      await Promise.all(made.map((instances) => instances.closeAll()));
    },
  });
}
