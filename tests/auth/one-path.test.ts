/** One path, one meaning: what the policy checks, what the router matches and what an engine does is the same string. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { databaseUnderTest, type TestDatabase } from '@coffer/testkit';
import { configure, connectionTo, SEED_CREATION, startTestServer, type TestServer } from '../dev-server.ts';
import { issuedRoles } from '../logins.ts';
import { type Api, apiAt, textOf } from './api.ts';

let database: TestDatabase;
let server: TestServer;
let api: Api;
before(async () => {
  database = await databaseUnderTest();
  server = await startTestServer();
  api = apiAt(server.address);
  await configure(server.client, connectionTo(database));
  for (const type of ['userpass', 'approle']) await api.ok('POST', `sys/auth/${type}`, { type });
});
after(async () => {
  await server.close();
  await database.stop();
});

let made = 0;
async function withPolicy(policy: string): Promise<string> {
  const name = `one-path-${++made}`;
  await api.ok('PUT', `sys/policies/acl/${name}`, { policy });
  return textOf((await api.ok('POST', 'auth/token/create', { policies: name })).auth['client_token']);
}
const EVERYTHING = '{ capabilities = ["create", "read", "update", "delete", "list", "sudo"] }';
const DENIED = [403, /permission denied/] as const;

describe('a slash at the end', () => {
  it('does not lead past a deny', async () => {
    const token = await withPolicy(
      `path "database/*" ${EVERYTHING} path "database/creds/my-first-role" { capabilities = ["deny"] }`,
    );
    const before = (await issuedRoles(database)).length;
    await api.refused(DENIED, 'GET', 'database/creds/my-first-role', undefined, { token });
    for (const path of [
      'database/creds/my-first-role/',
      'database/creds/my-first-role%2f',
      'database/creds%2Fmy-first-role/',
    ]) {
      await api.refused([404, /unsupported path/], 'GET', path, undefined, { token });
      await api.refused([404, /unsupported path/], 'GET', path);
    }
    assert.equal((await issuedRoles(database)).length, before);
  });

  it('is refused in a write, and in nothing else that a list is not', async () => {
    const refused = [400, "cannot write to a path ending in '/'"] as const;
    for (const path of [
      'database/config/yugabytedb/',
      'auth/token/create/',
      'auth/userpass/login/ana/',
      'sys/seal%2f',
      'sys/policies/acl/x%2F',
    ]) {
      await api.refused(refused, 'PUT', path, {});
      await api.refused(refused, 'POST', path, {}, { token: '' });
    }
    await api.ok('PUT', 'sys/policies/acl/kept', { policy: 'path "a" { capabilities = ["read"] }' });
    for (const path of ['sys/policies/acl/kept/', 'database/roles/my-first-role/', 'sys/mounts/database/']) {
      await api.refused([404, /unsupported path/], 'DELETE', path);
    }
    await api.ok('GET', 'sys/policies/acl/kept');
    await api.ok('GET', 'database/roles/my-first-role');
    await api.ok('GET', 'sys/mounts/database');
    for (const path of ['database/roles', 'database/roles/']) {
      assert.deepEqual((await api.ok('LIST', path)).data['keys'], ['my-first-role']);
      assert.deepEqual((await api.ok('GET', `${path}?list=true`)).data['keys'], ['my-first-role']);
    }
  });

  it('does not lead past rules for parameters', async () => {
    const token = await withPolicy(
      `path "auth/token/*" ${EVERYTHING}
       path "auth/token/create" { capabilities = ["update"] denied_parameters = { "policies" = [] } }`,
    );
    await api.refused(DENIED, 'POST', 'auth/token/create', { policies: 'default' }, { token });
    await api.refused([400, /ending in/], 'POST', 'auth/token/create/', { policies: 'default' }, { token });
  });
});

describe('the URL', () => {
  it('wins over the body: a lease is the one that the policy saw', async () => {
    const leaseOf = async (): Promise<string> =>
      textOf((await api.ok('GET', 'database/creds/my-first-role')).body['lease_id']);
    const [inUrl, inBody] = [await leaseOf(), await leaseOf()];
    const token = await withPolicy(
      ['revoke', 'renew'].map((verb) => `path "sys/leases/${verb}/${inUrl}" { capabilities = ["update"] }`).join('\n'),
    );
    const renewed = await api.ok('PUT', `sys/leases/renew/${inUrl}`, { lease_id: inBody }, { token });
    assert.equal(renewed.body['lease_id'], inUrl);
    await api.ok('PUT', `sys/leases/revoke/${inUrl}`, { lease_id: inBody, url_lease_id: inBody }, { token });
    await api.refused([400, /invalid lease/], 'PUT', 'sys/leases/lookup', { lease_id: inUrl });
    await api.ok('PUT', 'sys/leases/lookup', { lease_id: inBody });
    await api.ok('PUT', `sys/revoke/${inBody}`, { lease_id: inUrl });
    await api.refused([400, /invalid lease/], 'PUT', 'sys/leases/lookup', { lease_id: inBody });
  });

  it('names the role, the user and the policy, whatever the body says', async () => {
    const policy = 'path "a" { capabilities = ["read"] }';
    await api.ok('PUT', 'sys/policies/acl/in-url', { name: 'in-body', policy });
    await api.ok('POST', 'auth/userpass/users/in-url', { username: 'in-body', password: 'p' });
    await api.ok('POST', 'auth/approle/role/in-url', { role_name: 'in-body' });
    await api.ok('POST', 'auth/token/roles/in-url', { name: 'in-body', allowed_policies: 'in-url' });
    const paths = ['sys/policies/acl', 'auth/userpass/users', 'auth/approle/role', 'auth/token/roles'];
    for (const path of paths) {
      await api.ok('GET', `${path}/in-url`);
      assert.equal((await api('GET', `${path}/in-body`)).status, 404, path);
    }
    await api.refused([400, 'unknown role in-other'], 'POST', 'auth/token/create/in-other', { role_name: 'in-url' });
  });

  it('has one spelling for the type of a plugin', async () => {
    await api.ok('GET', 'sys/plugins/catalog/database/ysql-plugin');
    await api.ok('GET', 'sys/plugins/catalog/ysql-plugin?type=2');
    for (const type of ['2', 'Database', '02']) {
      await api.refused([400, /not a supported plugin type/], 'GET', `sys/plugins/catalog/${type}/ysql-plugin`);
    }
  });

  it('is what rules for parameters see', async () => {
    const token = await withPolicy(
      'path "database/roles/*" { capabilities = ["create", "update"] allowed_parameters = { "name" = ["mine"] "db_name" = [] } }',
    );
    await api.refused(DENIED, 'PUT', 'database/roles/other', { name: 'mine', db_name: 'yugabytedb' }, { token });
    await api.ok('PUT', 'database/roles/mine', { name: 'mine', db_name: 'yugabytedb' }, { token });
  });

  it('is bounded', async () => {
    await api.refused([400, /the path is too long/], 'GET', `sys/policies/acl/${'x'.repeat(513)}`);
    await api.refused([400, /the path is too long/], 'GET', `sys/leases/lookup/${'x/'.repeat(2100)}x?list=true`);
    assert.equal((await api('GET', `sys/policies/acl/${'x'.repeat(512)}`)).status, 404);
  });
});

describe('a name that an engine folds', () => {
  const boss = { password: 'of the boss' };
  before(async () => {
    await api.ok('POST', 'auth/userpass/users/boss', { ...boss, token_policies: 'default' });
    await api.ok('POST', 'auth/approle/role/boss', { token_ttl: '1h' });
    await api.ok('PUT', 'sys/policies/acl/boss', { policy: 'path "a" { capabilities = ["read"] }' });
  });

  it('is denied in every case', async () => {
    const token = await withPolicy(`
      path "auth/*" ${EVERYTHING}
      path "sys/*" ${EVERYTHING}
      path "auth/userpass/users/boss/*" { capabilities = ["deny"] }
      path "auth/userpass/users/+/policies" { capabilities = ["deny"] }
      path "auth/approle/role/Boss/secret-id" { capabilities = ["deny"] }
      path "auth/approle/role/boss" { capabilities = ["deny"] }
      path "sys/policies/acl/BOSS" { capabilities = ["deny"] }
      path "sys/policy/bo*" { capabilities = ["deny"] }`);
    const requests: readonly (readonly [string, string, JsonObject?])[] = [
      ['POST', 'auth/userpass/users/%s/password', { password: 'mine' }],
      ['POST', 'auth/userpass/users/%s/policies', { policies: 'root' }],
      ['POST', 'auth/approle/role/%s/secret-id', {}],
      ['LIST', 'auth/approle/role/%s/secret-id'],
      ['GET', 'auth/approle/role/%s'],
      ['DELETE', 'auth/approle/role/%s'],
      ['GET', 'sys/policies/acl/%s'],
      ['PUT', 'sys/policies/acl/%s', { policy: 'path "*" { capabilities = ["sudo"] }' }],
      ['DELETE', 'sys/policy/%s'],
    ];
    for (const name of ['boss', 'BOSS', 'Boss', 'bOsS', '%62OSS']) {
      for (const [verb, path, body] of requests) {
        await api.refused(DENIED, verb, path.replace('%s', name), body, { token });
      }
    }
    const asked = [
      'auth/userpass/users/BOSS/password',
      'auth/approle/role/BOSS',
      'sys/policies/acl/boss',
      'auth/token/create',
    ];
    const { data } = await api.ok('POST', 'sys/capabilities-self', { paths: asked }, { token });
    assert.deepEqual(
      asked.map((path) => (data[path] as string[]).includes('deny')),
      [true, true, true, false],
    );
    await api.ok('POST', 'auth/userpass/login/BOSS', boss, { token: '' });
  });

  it('is one name in Unicode too: what folds to it is it', async () => {
    await api.ok('POST', 'auth/userpass/users/kim', { password: 'one' });
    const token = await withPolicy(
      `path "auth/userpass/users/*" ${EVERYTHING} path "auth/userpass/users/kim/*" { capabilities = ["deny"] }`,
    );
    // U+212A KELVIN SIGN is a capital k.
    await api.refused(DENIED, 'POST', 'auth/userpass/users/%E2%84%AAim/password', { password: 'two' }, { token });
    await api.ok('POST', 'auth/userpass/login/kim', { password: 'one' }, { token: '' });
    await api.ok('POST', 'auth/userpass/users/%CE%91%CE%A3', { password: 'p' });
    assert.ok(((await api.ok('LIST', 'auth/userpass/users')).data['keys'] as string[]).includes('ασ'));
  });

  it('may be granted in mixed case, as sent', async () => {
    await api.ok('POST', 'auth/userpass/users/ana', { password: 'one' });
    const token = await withPolicy('path "auth/userpass/users/Ana" { capabilities = ["read"] }');
    await api.ok('GET', 'auth/userpass/users/Ana', undefined, { token });
    for (const name of ['ana', 'ANA'])
      await api.refused(DENIED, 'GET', `auth/userpass/users/${name}`, undefined, { token });
  });

  it('that an engine keeps as it is stays two names', async () => {
    const token = await withPolicy(
      `path "database/roles/*" ${EVERYTHING} path "database/roles/boss" { capabilities = ["deny"] }`,
    );
    await api.ok('PUT', 'database/roles/Boss', { db_name: 'yugabytedb' }, { token });
    await api.refused(DENIED, 'PUT', 'database/roles/boss', { db_name: 'yugabytedb' }, { token });
  });
});

describe('a connection', () => {
  it('names users by display names that are cleaned, wherever they come from', async () => {
    await api.ok('PUT', 'database/config/named', {
      plugin_name: 'ysql-plugin',
      allowed_roles: 'na*d',
      username_template: '{{.DisplayName}}+{{random 8}}',
      ...connectionTo(database),
    });
    await api.ok('PUT', 'database/roles/named', { db_name: 'named', creation_statements: SEED_CREATION });
    await api.ok('PUT', 'sys/policies/acl/named', {
      policy: 'path "database/creds/named" { capabilities = ["read"] }',
    });
    await api.ok('POST', 'sys/auth/pe.ople%20x', { type: 'userpass' });
    await api.ok('POST', 'auth/pe.ople%20x/users/ana%22;b_c', { password: 'p', token_policies: 'named' });
    const login = await api.ok('POST', 'auth/pe.ople%20x/login/ana%22;b_c', { password: 'p' }, { token: '' });
    const created = await api.ok('POST', 'auth/token/create', { policies: 'named', display_name: 'job"; --' });
    for (const [{ auth }, expected] of [
      [login, 'pe-ople-x-ana--b-c'],
      [created, 'token-job-----'],
    ] as const) {
      const { data } = await api.ok('GET', 'database/creds/named', undefined, { token: textOf(auth['client_token']) });
      assert.equal(textOf(data['username']).split('+')[0], expected);
    }
  });

  it('matches the globs of allowed_roles in no time', async () => {
    const connection = { plugin_name: 'ysql-plugin', ...connectionTo(database) };
    await api.ok('PUT', 'database/config/slow', { ...connection, allowed_roles: `${'*-'.repeat(200)}*x` });
    const name = '-'.repeat(500);
    for (const role of [name, `${name}x`]) {
      await api.ok('PUT', `database/roles/${role}`, { db_name: 'slow', creation_statements: SEED_CREATION });
    }
    await api.refused([500, /is not an allowed role/], 'GET', `database/creds/${name}`);
    await api.ok('GET', `database/creds/${name}x`);
    await api.refused([400, /"allowed_roles": a name is longer than 512/], 'PUT', 'database/config/slow', {
      ...connection,
      allowed_roles: ['*'.repeat(513)],
    });
  });
});
