/** Servers that are raced against: real HTTP, a real database whose logins they make, and a store that can be held. */
import { createLogger, formatLogLine } from '@coffer/base';
import { createStaticSeal } from '@coffer/core';
import { createHttpEdge } from '@coffer/http';
import { eventually } from '@coffer/testkit';
import type { TestDatabase } from '@coffer/testkit';
import { composeSealable } from '../../apps/coffer/src/compose.ts';
import { type Api, apiAt, textOf } from '../auth/api.ts';
import { connectionTo } from '../dev-server.ts';
import { issuedRoles } from '../logins.ts';
import { HeldStore } from './held-store.ts';
import type { Storage } from './storages.ts';

const KEYS = { current: { id: 'test', key: Buffer.alloc(32, 'races') } };

export interface RaceServer {
  readonly api: Api;
  readonly store: HeldStore;
  log(): string;
  close(): Promise<void>;
}

/** Opens the storage; where it is new the root token is `root`. */
export async function startRaceServer(storage: Storage): Promise<RaceServer> {
  let log = '';
  const logger = createLogger('', 'debug', (entry) => (log += formatLogLine(entry)));
  const store = new HeldStore(await storage.open());
  const sealable = composeSealable({ store, storageType: 'file', autoSeal: createStaticSeal(KEYS), logger });
  await sealable.start();
  const { initialized } = await sealable.status();
  if (!initialized) await sealable.init({ recovery: { shares: 1, threshold: 1 }, rootToken: 'root' });
  const edge = createHttpEdge({ handle: (request) => sealable.handle(request), logger });
  const { address, port } = await edge.listen('127.0.0.1', 0);
  return {
    api: apiAt(`http://${address}:${port}`),
    store,
    log: () => log,
    async close() {
      await edge.close(5_000);
      await sealable.stop();
      await store.close();
    },
  };
}

/** Mounts the engine with the role `app`, and the auth methods with the user `ana` and the role `web`. */
export async function prepare({ api }: RaceServer, database: TestDatabase): Promise<void> {
  const policy = `path "database/creds/*" { capabilities = ["read"] }
    path "auth/token/create*" { capabilities = ["update", "sudo"] }`;
  await api.ok('PUT', 'sys/policies/acl/app', { policy });
  await mountDatabase(api, database);
  await api.ok('PUT', 'auth/token/roles/orphans', { allowed_policies: 'app', orphan: true });
  await enableUserpass(api);
  await enableAppRole(api);
}

export async function mountDatabase(api: Api, database: TestDatabase): Promise<void> {
  await api.ok('POST', 'sys/mounts/database', { type: 'database' });
  const connection = { plugin_name: 'ysql-plugin', allowed_roles: '*', ...connectionTo(database) };
  await api.ok('PUT', 'database/config/yb', connection);
  await api.ok('PUT', 'database/roles/app', {
    db_name: 'yb',
    creation_statements: `CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'`,
    default_ttl: '1h',
    max_ttl: '24h',
  });
}

export async function enableUserpass(api: Api): Promise<void> {
  await api.ok('POST', 'sys/auth/userpass', { type: 'userpass' });
  await api.ok('PUT', 'auth/userpass/users/ana', { password: 'training', token_policies: 'app' });
}

export async function enableAppRole(api: Api): Promise<void> {
  await api.ok('POST', 'sys/auth/approle', { type: 'approle' });
  await api.ok('PUT', 'auth/approle/role/web', { token_policies: 'app' });
}

/** A child of root. */
export async function newToken(api: Api, body: object = {}): Promise<string> {
  const { auth } = await api.ok('POST', 'auth/token/create', { policies: ['app'], ...body });
  return textOf(auth['client_token']);
}

export async function accessorOf(api: Api, token: string): Promise<string> {
  return textOf((await api.lookup(token))['accessor']);
}

export async function accessors(api: Api): Promise<string[]> {
  const { data } = await api.ok('LIST', 'auth/token/accessors');
  return (data['keys'] as string[]).toSorted();
}

export async function leaseCount(api: Api): Promise<number> {
  return Number((await api.ok('GET', 'sys/leases/count')).data['lease_count']);
}

/** Nothing that was issued is left: no lease, and no login in the database. */
export async function untilNothingIsLeft(server: RaceServer, database: TestDatabase): Promise<void> {
  await eventually(
    async () => (await leaseCount(server.api)) === 0 && (await issuedRoles(database)).length === 0,
    async () =>
      `left: ${(await issuedRoles(database)).join(', ')}, ${await leaseCount(server.api)} leases\n${server.log().slice(-3000)}`,
  );
}
