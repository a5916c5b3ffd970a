/** A PostgreSQL with a store that several servers share. */
import { startPostgres, startWireProxy, type TestPostgres, type WireProxy } from '@coffer/testkit';

export interface SharedStore {
  readonly database: TestPostgres;
  /** Before the database, for what goes by {@link storage}. */
  readonly proxy: WireProxy;
  /** The stanza of a configuration. */
  readonly storage: string;
  stop(): Promise<void>;
}

export async function startSharedStore(): Promise<SharedStore> {
  const database = await startPostgres();
  const proxy = await startWireProxy({ target: database });
  await database.query(`CREATE SCHEMA coffer AUTHORIZATION "${database.user}"`);
  const url = new URL(database.url);
  url.host = `${proxy.host}:${proxy.port}`;
  url.searchParams.set('options', '-csearch_path=coffer');
  return {
    database,
    proxy,
    storage: `storage "yugabytedb" { connection_url = ${JSON.stringify(url.href)} }`,
    async stop() {
      await proxy.stop();
      await database.stop();
    },
  };
}
