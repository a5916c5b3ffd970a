/** What is cut off: each request with what must be there before it. */
import type { JsonObject } from '@coffer/base';
import type { Scope } from './observed-store.ts';
import type { CrashRequest, CrashServer } from './server.ts';

/** The names of one try: nothing is shared between two but the database server. */
export interface Names {
  /** The login that the connection uses. */
  readonly root: string;
  /** The login of the static role. */
  readonly app: string;
  /** What the names of issued logins begin with. */
  readonly issued: string;
}

export const CHOSEN_PASSWORD = 'chosen';
export const ROOT_PASSWORD = 'root-chosen';
export const STATEMENTS = 'SELECT 1; ALTER ROLE "{{name}}" PASSWORD \'{{password}}\'; SELECT 2';
/** The lease's own age: beyond the time in which its creation may still be under way. */
const LEASE_AGE_MS = 3_600_000;

export interface CrashCase {
  readonly title: string;
  readonly scope?: Scope;
  /** What it asks of the store is what another case asks. */
  readonly sameStoreCalls?: true;
  /** `root_rotation_statements` of the connection. */
  readonly rootStatements?: string;
  /** Prepares what the request needs, beyond the connection and a dynamic role; answers the request. */
  readonly prepare: (server: CrashServer, names: Names) => Promise<CrashRequest>;
}

const update = (path: string, data: JsonObject = {}): CrashRequest => ({ operation: 'update', path, data });

async function makeStaticRole(server: CrashServer, names: Names, more: JsonObject): Promise<void> {
  await server.request(update('database/static-roles/app', { ...staticRole(names), ...more }));
}

const staticRole = ({ app }: Names): JsonObject => ({ db_name: 'yb', username: app, rotation_period: 86_400 });

async function issueLease(server: CrashServer): Promise<string> {
  const answer = await server.request({ operation: 'read', path: 'database/creds/dynamic' });
  const id = answer?.lease?.id ?? '';
  await server.store.run('UPDATE leases SET issue_time = issue_time - $1 WHERE id = $2', [LEASE_AGE_MS, id]);
  return id;
}

export const CASES: readonly CrashCase[] = [
  { title: 'issue', prepare: async () => ({ operation: 'read', path: 'database/creds/dynamic' }) },
  {
    title: 'renew',
    prepare: async (server) => update('sys/leases/renew', { lease_id: await issueLease(server), increment: 20 * 3600 }),
  },
  {
    title: 'revoke',
    prepare: async (server) => update('sys/leases/revoke', { lease_id: await issueLease(server), sync: true }),
  },
  {
    title: 'revoke in the background',
    scope: 'everything',
    prepare: async (server) => update('sys/leases/revoke', { lease_id: await issueLease(server), sync: false }),
  },
  {
    title: 'revoke-prefix of several',
    prepare: async (server) => {
      for (let left = 3; left > 0; left--) await issueLease(server);
      return update('sys/leases/revoke-prefix/database/creds/dynamic', { sync: true });
    },
  },
  {
    title: 'static role creation',
    prepare: async (_, names) => update('database/static-roles/app', staticRole(names)),
  },
  {
    title: 'static role creation, password kept',
    prepare: async (_, names) =>
      update('database/static-roles/app', {
        ...staticRole(names),
        password: CHOSEN_PASSWORD,
        skip_import_rotation: true,
      }),
  },
  {
    title: 'rotate-role',
    prepare: async (server, names) => {
      await makeStaticRole(server, names, {});
      return update('database/rotate-role/app');
    },
  },
  {
    title: 'rotate-role by own statements',
    sameStoreCalls: true,
    prepare: async (server, names) => {
      await makeStaticRole(server, names, { rotation_statements: STATEMENTS });
      return update('database/rotate-role/app');
    },
  },
  { title: 'rotate-root', prepare: async () => update('database/rotate-root/yb') },
  {
    title: 'rotate-root by own statements',
    sameStoreCalls: true,
    rootStatements: STATEMENTS,
    prepare: async () => update('database/rotate-root/yb'),
  },
  {
    title: 'deletion of an entity with an alias, in a group',
    prepare: async (server) => ({ operation: 'delete', path: `identity/entity/id/${await makeEntity(server)}` }),
  },
];

async function makeEntity(server: CrashServer): Promise<string> {
  const write = async (path: string, data: JsonObject): Promise<JsonObject> =>
    (await server.request(update(path, data)))?.data ?? {};
  const auth = (await server.request({ operation: 'read', path: 'sys/auth' }))?.data as Record<string, JsonObject>;
  const { id = '' } = await write('identity/entity', { name: 'ana' });
  const mount_accessor = auth['token/']?.['accessor'] ?? '';
  await write('identity/entity-alias', { name: 'ana', mount_accessor, canonical_id: id });
  await write('identity/group', { name: 'team', member_entity_ids: [id] });
  return typeof id === 'string' ? id : '';
}
