/** What a store holds besides the database engine's: settings of the server, auth methods, tokens. */
import type { JsonObject } from '@coffer/base';
import type { Client } from '@coffer/client';
import { type Fixture, LONG } from './fixture.ts';
import { textOf } from './store-file.ts';

export async function makeSystem(client: Client): Promise<void> {
  await client.write('sys/rotate/config', { enabled: true, max_operations: 2_000_000, interval: '876000h' });
  await client.write('sys/policies/acl/app', { policy: 'path "database/creds/*" { capabilities = ["read"] }' });
  await client.write('sys/policies/acl/default', {
    policy: 'path "auth/token/*" { capabilities = ["read", "update"] }',
  });
  await client.write('sys/policies/acl/app', {
    policy: 'path "database/creds/*" { capabilities = ["read"] }\npath "sys/mounts" { capabilities = ["read"] }',
  });
  const rule = 'charset = "abcdefghijklmnopqrstuvwxyz"';
  await client.write('sys/policies/password/long', { policy: `length = 40\nrule "charset" { ${rule} }` });
  await client.write('sys/policies/password/short', { policy: `length = 12\nrule "charset" { ${rule} }` });
  await client.write('sys/plugins/catalog/database/some-plugin', {
    sha256: 'AB'.repeat(32),
    command: 'some-plugin',
    args: ['--one', 'two words'],
    env: ['NAME=value=with=signs'],
    version: 'v1.2.3',
  });
  await client.write('sys/plugins/catalog/database/bare-plugin', { sha256: 'cd'.repeat(32), command: 'some-plugin' });
}

/** Every parameter that roles and users share, none of them at its default. */
const TOKEN: JsonObject = {
  token_policies: ['app', 'ops'],
  token_ttl: '400000h',
  token_max_ttl: LONG,
  token_explicit_max_ttl: LONG,
  token_period: '500000h',
  token_num_uses: 1_000,
  token_no_default_policy: true,
  token_bound_cidrs: ['127.0.0.0/8', '10.0.0.0/8'],
  token_strictly_bind_ip: true,
  token_type: 'service',
};

/** Who there is, in every way: after `makeAuth`. Returns the paths that show it. */
export async function makeIdentities(client: Client): Promise<readonly string[]> {
  const make = async (path: string, body: JsonObject): Promise<string> =>
    textOf((await client.write(path, body))?.data ?? {}, 'id');
  const login = await client.write('auth/people/login/bare', { password: 'battery staple' });
  const logged = login?.auth?.entityId ?? '';
  await client.write(`identity/entity/id/${logged}`, { name: 'bare', policies: 'app', metadata: { team: 'blue' } });
  const off = await make('identity/entity', { name: 'Off', disabled: true });
  const { 'people/': people } = (await client.read('sys/auth'))?.data as Record<string, JsonObject>;
  const mount_accessor = people?.['accessor'] ?? '';
  const custom = { custom_metadata: { seat: '7' } };
  await client.write('identity/entity-alias', { name: 'Off', mount_accessor, canonical_id: off, ...custom });
  const group = await make('identity/group', { name: 'Team', policies: 'app', member_entity_ids: [logged, off] });
  const outer = await make('identity/group', { name: 'all', metadata: { of: 'all' }, member_group_ids: [group] });
  const external = await make('identity/group', { name: 'there', type: 'external' });
  await client.write('identity/group-alias', { name: 'there', mount_accessor, canonical_id: external });
  const ids = { entity: [logged, off], group: [group, outer, external] };
  return Object.entries(ids).flatMap(([kind, each]) => each.map((id) => `identity/${kind}/id/${id}`));
}

export async function makeAuth(
  client: Client,
  address: string,
): Promise<Pick<Fixture, 'userpass' | 'approle' | 'tokens' | 'wrapped'>> {
  await client.request('POST', 'sys/auth/approle', { body: { type: 'approle' } });
  await client.request('POST', 'sys/auth/people', { body: { type: 'userpass', description: 'staff' } });
  await client.write('sys/auth/people/tune', { default_lease_ttl: '2h', max_lease_ttl: LONG, description: 'people' });
  await client.write('auth/people/users/ana', { password: 'correct horse', ...TOKEN });
  await client.write('auth/people/users/bare', { password: 'battery staple' });
  const approle = await makeAppRole(client);
  return {
    ...approle,
    userpass: { ana: 'correct horse', bare: 'battery staple' },
    ...(await makeTokens(client, approle.approle, address)),
  };
}

async function makeAppRole(client: Client): Promise<Pick<Fixture, 'approle'>> {
  await client.write('auth/approle/role/full', {
    ...TOKEN,
    secret_id_num_uses: 100,
    secret_id_ttl: LONG,
    secret_id_bound_cidrs: ['127.0.0.1/32'],
    role_id: 'role-of-our-own',
  });
  await client.write('auth/approle/role/bare', {});
  const generate = async (role: string, body: JsonObject): Promise<{ secretId: string; accessor: string }> => {
    const made = await client.write(`auth/approle/role/${role}/secret-id`, body);
    const { secret_id: secretId, secret_id_accessor: accessor } = made?.data as Record<string, string>;
    return { secretId: secretId ?? '', accessor: accessor ?? '' };
  };
  const full = await generate('full', {
    metadata: JSON.stringify({ team: 'blue', constructor: 'kept' }),
    cidr_list: ['127.0.0.1/32'],
    token_bound_cidrs: ['127.0.0.0/8'],
    num_uses: 50,
    ttl: LONG,
  });
  const bare = await generate('bare', {});
  const { role_id: roleId = '' } = (await client.read('auth/approle/role/bare/role-id'))?.data as { role_id?: string };
  return { approle: { full: { roleId: 'role-of-our-own', ...full }, bare: { roleId, ...bare } } };
}

async function makeTokens(
  client: Client,
  approle: Fixture['approle'],
  address: string,
): Promise<Pick<Fixture, 'tokens' | 'wrapped'>> {
  await client.write('auth/token/roles/deploy', {
    allowed_policies: ['app'],
    disallowed_policies: ['ops'],
    allowed_policies_glob: ['app-*'],
    disallowed_policies_glob: ['ops-*'],
    orphan: true,
    path_suffix: 'nightly',
    token_period: '600000h',
    token_num_uses: 500,
    token_no_default_policy: true,
    token_bound_cidrs: ['127.0.0.1/32'],
  });
  const create = async (path: string, body: JsonObject): Promise<string> =>
    (await client.write(`auth/token/create${path}`, body))?.auth?.clientToken ?? '';
  const child = await create('', { policies: ['app'], ttl: LONG, display_name: 'child', meta: { team: 'red' } });
  const tokens = {
    child,
    orphan: await create('-orphan', { policies: ['app'], ttl: LONG, explicit_max_ttl: LONG, renewable: false }),
    periodic: await create('', { policies: ['app'], period: LONG, no_default_policy: true }),
    limited: await create('', { policies: ['app'], ttl: LONG, num_uses: 10 }),
    byRole: await create('/deploy', { policies: ['app'] }),
    renewed: await create('', { policies: ['app'], ttl: '100000h' }),
    people: (await client.write('auth/people/login/ana', { password: 'correct horse' }))?.auth?.clientToken ?? '',
    approle: await appRoleLogin(client, approle['full']),
  };
  await client.with({ token: tokens.limited }).read('auth/token/lookup-self');
  await client.with({ token: tokens.renewed }).write('auth/token/renew-self', { increment: '90000h' });
  const wrap = async (method: string, path: string, body?: JsonObject): Promise<string> => {
    const wrapping = client.with({ address, wrapTtl: LONG });
    const answer = method === 'GET' ? await wrapping.read(path) : await wrapping.write(path, body);
    return answer?.wrapInfo?.token ?? '';
  };
  const wrapped = {
    data: await wrap('GET', 'sys/policies/acl/app'),
    credential: await wrap('GET', 'database/creds/app-plain'),
    token: await wrap('PUT', 'auth/token/create', { policies: ['app'], ttl: LONG }),
  };
  return { tokens, wrapped };
}

async function appRoleLogin(client: Client, role: Fixture['approle'][string] | undefined): Promise<string> {
  const body = { role_id: role?.roleId ?? '', secret_id: role?.secretId ?? '' };
  return (await client.write('auth/approle/login', body))?.auth?.clientToken ?? '';
}
