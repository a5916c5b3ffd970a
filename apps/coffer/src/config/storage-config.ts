import { CofferError, didYouMean, Secret } from '@coffer/base';
import type { HclObject } from '@coffer/hcl';
import { defined } from './config-values.ts';

export type StorageConfig =
  | { readonly type: 'file'; readonly directory: string }
  | { readonly type: 'yugabytedb'; readonly connectionUrl: Secret; readonly maxConnections?: number };

/** @throws CofferError `invalid-request`: `FILE:LINE:COLUMN: what is wrong` */
export function parseStorage(config: HclObject, name = 'storage'): StorageConfig {
  const [block, second] = config.blocks(name, 1);
  if (block === undefined) throw config.error(`a block ${name} "file" { path = "…" } is missing`);
  if (second !== undefined) throw config.error(`"${name}" is set twice`, second);
  const { body } = block;
  switch (block.labels[0]) {
    case 'file': {
      body.allowOnly(['path']);
      const directory = body.string('path');
      if (!directory) throw body.error('storage "file" needs "path": the directory of the store', block);
      return { type: 'file', directory };
    }
    case 'yugabytedb': {
      body.allowOnly(['connection_url', 'max_parallel']);
      const connectionUrl = body.string('connection_url');
      if (!connectionUrl) throw body.error('storage "yugabytedb" needs "connection_url"', block);
      const maxConnections = body.number('max_parallel');
      if (maxConnections !== undefined && !(Number.isInteger(maxConnections) && maxConnections > 0)) {
        throw body.error(
          '"max_parallel" must be a whole number of connections, 1 or more',
          body.attribute('max_parallel'),
        );
      }
      return {
        type: 'yugabytedb',
        connectionUrl: new Secret(connectionUrl),
        ...defined('maxConnections', maxConnections),
      };
    }
    default:
      throw body.error(`the types of storage are "file" and "yugabytedb": ${instead(block.labels[0] ?? '')}`, block);
  }
}

/** What is wrong with the URL of a database, with its place; undefined for nothing. Nothing of the URL is shown. */
export async function connectionUrlFault(config: HclObject, storage: StorageConfig): Promise<CofferError | undefined> {
  if (storage.type === 'file') return undefined;
  // Imported only here: it brings the driver, which the other commands do without.
  const { checkConnectionUrl } = await import('@coffer/store');
  try {
    checkConnectionUrl(storage.connectionUrl.reveal());
    return undefined;
  } catch (error) {
    const { message } = CofferError.from(error);
    const body = config.blocks('storage', 1)[0]?.body ?? config;
    return body.error(`storage "yugabytedb": ${message}`, body.attribute('connection_url'));
  }
}

const OF_DATABASES = ['postgresql', 'cockroachdb', 'mysql', 'mssql'];
const FOR_ONE = 'storage "file" { path = "/var/lib/coffer" } for one server';
const FOR_MANY = 'storage "yugabytedb" { connection_url = "postgres://…" } for several, in YugabyteDB or PostgreSQL';

/** What to write in place of a storage of Vault. */
function instead(type: string): string {
  if (type === 'inmem') return 'to keep nothing, start with "server -dev"';
  if (OF_DATABASES.includes(type)) return `write ${FOR_MANY}`;
  const near = didYouMean(type, ['file', 'yugabytedb']);
  return near ?? `write ${FOR_ONE}, or ${FOR_MANY}. Data that Vault stored there is not migrated`;
}
