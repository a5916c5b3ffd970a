import { GrpcError, grpcStatus, type RequestMetadata } from '@coffer/go-plugin';
import type { Database } from './database.ts';
import { pluginError } from './host-errors.ts';

/** The metadata key of an instance (hashicorp/vault:sdk/helper/pluginutil/multiplexing.go, MultiplexingCtxKey). */
export const MULTIPLEX_ID = 'multiplex_id';

/**
 * The Database instances of a plugin process: one for everything, or one for each multiplex id
 * (hashicorp/vault:sdk/database/dbplugin/v5/grpc_server.go).
 */
export class Instances {
  readonly #create: () => Database;
  readonly #multiplexed: boolean;
  readonly #byId = new Map<string, Database>();

  constructor(create: () => Database, multiplexed: boolean) {
    this.#create = create;
    this.#multiplexed = multiplexed;
  }

  /** The instance that a call is for, made when it is new. @throws GrpcError Unknown without a multiplex id */
  obtain(metadata: RequestMetadata): Database {
    const id = this.#id(metadata);
    const known = this.#byId.get(id);
    if (known !== undefined) return known;
    const made = this.#create();
    this.#byId.set(id, made);
    return made;
  }

  /** The instance that a call is for. @throws GrpcError Unknown without a multiplex id or when nothing was initialized */
  find(metadata: RequestMetadata): Database {
    if (!this.#multiplexed) return this.obtain(metadata);
    const known = this.#byId.get(this.#id(metadata));
    if (known === undefined) throw new GrpcError(grpcStatus.UNKNOWN, 'no database instance found');
    return known;
  }

  /** Closes and forgets the instance that a call is for. One that cannot be closed stays, so that it can be retried. */
  async close(metadata: RequestMetadata): Promise<void> {
    const database = this.find(metadata);
    const id = this.#id(metadata);
    this.#byId.delete(id);
    try {
      await database.close();
    } catch (error) {
      if (!this.#byId.has(id)) this.#byId.set(id, database);
      throw pluginError('close', error);
    }
  }

  /** Closes everything, at the end of the process. @throws AggregateError of those that could not be closed */
  async closeAll(): Promise<void> {
    const all = [...this.#byId.values()];
    this.#byId.clear();
    const failures = (await Promise.allSettled(all.map((database) => database.close()))).filter(
      (result) => result.status === 'rejected',
    );
    if (failures.length > 0) throw new AggregateError(failures.map((failure): unknown => failure.reason));
  }

  #id(metadata: RequestMetadata): string {
    if (!this.#multiplexed) return '';
    // Node.js joins repeated headers into one (RFC 9110, 5.3); an id has no comma.
    const ids = metadata.get(MULTIPLEX_ID).flatMap((value) => String(value).split(/,\s*/));
    if (ids.length === 0) throw new GrpcError(grpcStatus.UNKNOWN, 'no multiplexing ID found');
    if (ids.length > 1)
      throw new GrpcError(grpcStatus.UNKNOWN, `unexpected number of IDs in metadata: (${ids.length})`);
    const [id = ''] = ids;
    if (id === '') throw new GrpcError(grpcStatus.UNKNOWN, 'empty multiplex ID in metadata');
    return id;
  }
}
