/** The same configuration for every server, by its API. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Client } from '@coffer/client';
import { eventually } from '@coffer/testkit';
import { REVOKED_ROLE, SHAPES, STATIC_ROLE, type Target } from './target.ts';

/** Longer than a bench: no lease ends in one, whose login may be gone already. */
const TTL = { default_ttl: '24h', max_ttl: '48h' };
const PLUGIN = 'ysql-plugin';
const PASSWORD = 'Bench-1234-word';
/** What the clients may do, with a token that is none of root's. */
const POLICY = ['database/creds/*', 'database/static-creds/*', 'database/roles/*', 'sys/leases/*']
  .map((path) => `path "${path}" { capabilities = ["read", "update"] }`)
  .join('\n');

/** What clients send. */
export interface Access {
  readonly rootToken: string;
  readonly token: string;
  readonly userpass: { readonly path: string; readonly body: { readonly password: string } };
  readonly approle: { readonly path: string; readonly body: { readonly role_id: string; readonly secret_id: string } };
}

export async function prepare(
  clientOf: (token: string) => Client,
  target: Target,
  pluginFile?: string,
): Promise<Access> {
  const init = await clientOf('').request('PUT', 'sys/init', { body: { recovery_shares: 1, recovery_threshold: 1 } });
  const { root_token: rootToken } = init.body as { root_token: string };
  const client = clientOf(rootToken);
  // A raft of one takes a moment to choose its leader.
  await eventually(() => client.read('sys/mounts').catch(() => false as const), 'a server that is active');
  if (pluginFile !== undefined) {
    const sha256 = createHash('sha256')
      .update(await readFile(pluginFile))
      .digest('hex');
    await client.write(`sys/plugins/catalog/database/${PLUGIN}`, { sha256, command: basename(pluginFile) });
  }
  await prepareDatabase(client, target);
  await client.write('sys/policies/acl/bench', { policy: POLICY });
  const made = await client.write('auth/token/create', { policies: ['bench'], ttl: '768h' });
  return { rootToken, token: made?.auth?.clientToken ?? '', ...(await prepareLogins(client)) };
}

async function prepareDatabase(client: Client, target: Target): Promise<void> {
  await client.write('sys/mounts/database', { type: 'database' });
  const plugin = { plugin_name: PLUGIN, allowed_roles: '*' };
  await client.write('database/config/target', { ...plugin, ...target.connection });
  for (const { role, statements } of Object.values(SHAPES))
    await client.write(`database/roles/${role}`, { db_name: 'target', creation_statements: statements, ...TTL });
  const { statements } = SHAPES['IN ROLE'];
  await client.write(`database/roles/${REVOKED_ROLE}`, { db_name: 'target', creation_statements: statements, ...TTL });
  const fixed = { db_name: 'target', username: STATIC_ROLE, rotation_period: '24h' };
  await client.write(`database/static-roles/${STATIC_ROLE}`, fixed);
}

async function prepareLogins(client: Client): Promise<Pick<Access, 'userpass' | 'approle'>> {
  for (const type of ['userpass', 'approle']) await client.write(`sys/auth/${type}`, { type });
  const token = { token_policies: ['bench'], token_ttl: '1h' };
  await client.write('auth/userpass/users/bench', { password: PASSWORD, ...token });
  await client.write('auth/approle/role/bench', token);
  const role = await client.read('auth/approle/role/bench/role-id');
  const secret = await client.write('auth/approle/role/bench/secret-id', {});
  const { role_id } = role?.data as { role_id: string };
  const { secret_id } = secret?.data as { secret_id: string };
  return {
    userpass: { path: 'auth/userpass/login/bench', body: { password: PASSWORD } },
    approle: { path: 'auth/approle/login', body: { role_id, secret_id } },
  };
}
