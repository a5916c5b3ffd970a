/** A development server in this process, with a client that has its root token, and everything it logged. */
import assert from 'node:assert/strict';
import { createClient, type Client } from '@coffer/client';
import { createLogger, formatLogLine, type JsonObject, Secret } from '@coffer/base';
import type { TestDatabase } from '@coffer/testkit';
import { startDevServer } from '../apps/coffer/src/dev-server.ts';

export interface TestServer {
  readonly address: string;
  readonly client: Client;
  /** Every log line so far, trace level included. */
  log(): string;
  /** Also checks that no issued password is in the log. */
  close(): Promise<void>;
}

/** Every password that was issued in this process: none may be in a log. */
const issuedPasswords = new Set<string>();

function assertNoSecret(log: string): void {
  for (const password of issuedPasswords) {
    for (const form of [password, encodeURIComponent(password), Buffer.from(password).toString('base64')]) {
      assert.ok(!log.includes(form), `the log holds the password of an issued credential: ${form}`);
    }
  }
}

export async function startTestServer(
  options: { pluginDirectory?: string; env?: Readonly<Record<string, string>> } = {},
): Promise<TestServer> {
  let log = '';
  const server = await startDevServer({
    host: '127.0.0.1',
    port: 0,
    rootToken: 'root',
    logger: createLogger('', 'trace', (entry) => (log += formatLogLine(entry))),
    ...options,
  });
  return {
    address: server.address,
    client: createClient({ address: server.address, token: new Secret('root') }),
    log: () => log,
    async close() {
      await server.close();
      assertNoSecret(log);
    },
  };
}

/** The creation statements of the documentation page. */
export const SEED_CREATION =
  `CREATE ROLE "{{username}}" WITH PASSWORD '{{password}}' VALID UNTIL '{{expiration}}' NOINHERIT LOGIN; ` +
  `GRANT ALL ON DATABASE "yugabyte" TO "{{username}}";`;

export interface Issued {
  readonly leaseId: string;
  readonly username: string;
  readonly password: string;
}

/** The fields of a configuration that lead to a database as its admin, `by` way of what stands before it, such as a proxy. */
export function connectionTo(database: TestDatabase, by: Pick<TestDatabase, 'host' | 'port'> = database) {
  const { user: username, password, database: db } = database;
  return { host: by.host, port: by.port, username, password, db };
}

/** Mounts the engine, configures `yugabytedb` with these fields and makes the seed's role. */
export async function configure(client: Client, config: JsonObject, role: JsonObject = {}): Promise<void> {
  await client.request('POST', 'sys/mounts/database', { body: { type: 'database' } });
  await client.write('database/config/yugabytedb', { plugin_name: 'ysql-plugin', allowed_roles: '*', ...config });
  await client.write('database/roles/my-first-role', {
    db_name: 'yugabytedb',
    creation_statements: SEED_CREATION,
    default_ttl: '1h',
    max_ttl: '24h',
    ...role,
  });
}

export async function issue(client: Client, role = 'my-first-role'): Promise<Issued> {
  const answer = await client.read(`database/creds/${role}`);
  const { username, password } = (answer?.data ?? {}) as { username: string; password: string };
  issuedPasswords.add(password);
  return { leaseId: answer?.leaseId ?? '', username, password };
}
