/** Rules for parameters, of which an engine takes strings apart at their commas: what is checked is what the engine reads. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Api, startAuthServer, textOf } from './api.ts';

let server: Awaited<ReturnType<typeof startAuthServer>>;
let api: Api;
before(async () => {
  server = await startAuthServer();
  ({ api } = server);
  for (const type of ['userpass', 'approle']) await api.ok('POST', `sys/auth/${type}`, { type });
  await api.ok('POST', 'auth/userpass/users/boss', { password: 'of the boss' });
});
after(() => server.close());

const DENIED = [403, /permission denied/] as const;
let made = 0;
async function withPolicy(policy: string): Promise<string> {
  const name = `parameters-${++made}`;
  await api.ok('PUT', `sys/policies/acl/${name}`, { policy });
  return textOf((await api.ok('POST', 'auth/token/create', { policies: name })).auth['client_token']);
}

describe('a value in a list', () => {
  it('is denied in every spelling where it names a policy', async () => {
    const token = await withPolicy(`
      path "auth/approle/role/+" { capabilities = ["create", "update"] denied_parameters = { "token_policies" = ["admin", "ops-*"] } }
      path "auth/approle/role/+/policies" { capabilities = ["update"] denied_parameters = { "*" = [] } }
      path "auth/userpass/users/+/policies" { capabilities = ["update"] denied_parameters = { "policies" = ["Admin"] } }
      path "auth/userpass/users/+" { capabilities = ["create", "update"] allowed_parameters = { "token_policies" = ["App"] "password" = [] } }`);
    const spellings = ['admin', 'ADMIN', ' Admin', ['Admin '], 'app,aDmin', ['app', 'admin\t']];
    for (const policies of spellings) {
      await api.refused(DENIED, 'POST', 'auth/approle/role/new', { token_policies: policies }, { token });
      await api.refused(DENIED, 'POST', 'auth/userpass/users/boss/policies', { policies }, { token });
    }
    await api.refused(DENIED, 'POST', 'auth/approle/role/new', { token_policies: 'OPS-1' }, { token });
    await api.ok('POST', 'auth/approle/role/new', { token_policies: 'App,operators' }, { token });
    await api.ok('POST', 'auth/userpass/users/boss/policies', { policies: 'App' }, { token });
    await api.ok('POST', 'auth/userpass/users/boss', { token_policies: 'App' }, { token });
    await api.refused(DENIED, 'POST', 'auth/userpass/users/boss', { token_policies: 'app' }, { token });
  });

  it('is denied as a number or a boolean as well', async () => {
    const token = await withPolicy(
      `path "auth/approle/role/+" { capabilities = ["create", "update"] denied_parameters = { "token_policies" = ["7", "true", "8*"] } }`,
    );
    for (const policies of ['7', 7, [7], ['app', 7], true, 'app,True', 88, [8]]) {
      await api.refused(DENIED, 'POST', 'auth/approle/role/numbered', { token_policies: policies }, { token });
    }
    await api.ok('POST', 'auth/approle/role/numbered', { token_policies: [70, 'truest'] }, { token });
    assert.deepEqual((await api.ok('GET', 'auth/approle/role/numbered')).data['token_policies'], ['70', 'truest']);
  });

  it('is denied in the older spelling of the parameter too, and with blanks in any list', async () => {
    const token = await withPolicy(`
      path "auth/approle/role/+" { capabilities = ["create", "update"] denied_parameters = { "token_policies" = ["admin"] } }
      path "auth/userpass/users/+" { capabilities = ["create", "update"] denied_parameters = { "policies" = ["adm*"] "token_ttl" = [] } }
      path "auth/userpass/users/+/policies" { capabilities = ["update"] denied_parameters = { "policies" = [] } }`);
    for (const field of ['policies', 'token_policies']) {
      for (const policies of ['admin', 'app,Admin']) {
        await api.refused(DENIED, 'POST', 'auth/approle/role/older', { [field]: policies }, { token });
        await api.refused(DENIED, 'POST', 'auth/userpass/users/boss', { [field]: policies }, { token });
      }
      await api.ok('POST', 'auth/approle/role/older', { [field]: 'app' }, { token });
      await api.ok('POST', 'auth/userpass/users/boss', { [field]: 'app' }, { token });
    }
    const networks = await withPolicy(
      `path "auth/token/roles/+" { capabilities = ["create", "update"] denied_parameters = { "token_bound_cidrs" = ["0.0.0.0/0", "::*"] } }`,
    );
    for (const cidrs of ['0.0.0.0/0', [' 0.0.0.0/0'], ['10.0.0.1', '0.0.0.0/0\t'], '10.0.0.1, ::/0', [' ::/0 ']]) {
      const body = { token_bound_cidrs: cidrs };
      await api.refused(DENIED, 'POST', 'auth/token/roles/cidrs', body, { token: networks });
    }
    await api.ok('POST', 'auth/token/roles/cidrs', { token_bound_cidrs: [' 10.0.0.1'] }, { token: networks });
    // A parameter that is denied as such is that one alone.
    await api.refused(DENIED, 'POST', 'auth/userpass/users/boss/policies', { policies: 'app' }, { token });
    await api.ok('POST', 'auth/userpass/users/boss/policies', { token_policies: 'app' }, { token });
  });

  it('is allowed by itself: no glob reaches past a comma', async () => {
    const token = await withPolicy(
      `path "auth/+/role/+" { capabilities = ["create", "update"] allowed_parameters = { "token_policies" = ["app-*", "*-ro", "a,b"] } }
       path "auth/token/create" { capabilities = ["update", "sudo"] allowed_parameters = { "policies" = ["app-*"] "ttl" = [] } }
       path "auth/token/roles/+" { capabilities = ["create", "update"] allowed_parameters = { "token_bound_cidrs" = ["10.*"] } }
       path "sys/policies/acl/+" { capabilities = ["update"] allowed_parameters = { "policy" = ["# mine*"] } }`,
    );
    await api.refused(DENIED, 'POST', 'auth/token/roles/cidrs', { token_bound_cidrs: '10.0.0.1,0.0.0.0/0' }, { token });
    await api.ok('POST', 'auth/token/roles/cidrs', { token_bound_cidrs: '10.0.0.1,10.1.0.0/16' }, { token });
    // No list: its commas are its own.
    await api.ok('PUT', 'sys/policies/acl/commas', { policy: '# mine, path and all' }, { token });
    for (const policies of ['app-1,admin', 'app-1, admin', 'admin,x-ro', 'root,,x-ro', 'a,b,c']) {
      await api.refused(DENIED, 'POST', 'auth/approle/role/globbed', { token_policies: policies }, { token });
      await api.refused(DENIED, 'POST', 'auth/token/create', { policies }, { token });
    }
    for (const policies of ['app-1', 'app-1,app-2', 'app-1, x-ro,', ['app-1', 'x-ro'], 'a,b', '']) {
      await api.ok('POST', 'auth/approle/role/globbed', { token_policies: policies }, { token });
    }
    await api.ok('POST', 'auth/token/create', { policies: 'app-1,app-2' }, { token });
  });
});
