/** Whoever gives policies that do not exist is told so, in Vault's words; they are given all the same. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { createCertificateAuthority } from '@coffer/testkit';
import { type Api, startAuthServer, textOf } from './api.ts';

describe('policies that do not exist', () => {
  let server: Awaited<ReturnType<typeof startAuthServer>>;
  let api: Api;
  const warned = async (path: string, body: JsonObject, token?: string) =>
    (await api.ok('POST', path, body, token === undefined ? {} : { token })).body['warnings'] ?? null;
  const missing = (...names: string[]) => names.map((name) => `Policy "${name}" does not exist`);

  before(async () => {
    server = await startAuthServer();
    api = server.api;
    await api.ok('POST', 'sys/auth/userpass', { type: 'userpass' });
    await api.ok('POST', 'sys/auth/approle', { type: 'approle' });
  });
  after(() => server.close());

  it('are named when a token is made with them', async () => {
    for (const path of ['auth/token/create', 'auth/token/create-orphan']) {
      assert.deepEqual(await warned(path, { policies: ['nope', 'app', 'x y'] }), missing('nope', 'x y'), path);
    }
    const { auth, body } = await api.ok('POST', 'auth/token/create', { policies: ['NOPE'] });
    assert.deepEqual([auth['policies'], body['warnings']], [['default', 'nope'], missing('nope')]);
  });

  it('are named when a child inherits them', async () => {
    await api.ok('PUT', 'sys/policies/acl/creator', {
      policy: 'path "auth/token/create" { capabilities = ["update"] }',
    });
    const { auth } = await api.ok('POST', 'auth/token/create', { policies: ['creator', 'nope'] });
    assert.deepEqual(await warned('auth/token/create', {}, textOf(auth['client_token'])), missing('nope'));
  });

  it('are not when all of them exist', async () => {
    for (const policies of [['app'], ['root'], ['default', 'ops'], []]) {
      assert.equal(await warned('auth/token/create', { policies }), null, policies.join());
    }
  });

  it('are named until they exist, and again when they are gone', async () => {
    const create = () => warned('auth/token/create', { policies: ['later'] });
    assert.deepEqual(await create(), missing('later'));
    await api.ok('PUT', 'sys/policies/acl/later', { policy: 'path "a" { capabilities = ["read"] }' });
    assert.equal(await create(), null);
    await api.ok('DELETE', 'sys/policies/acl/later');
    assert.deepEqual(await create(), missing('later'));
  });

  it('are named when a role or user gets them', async () => {
    const user = { password: 'a-password' };
    for (const [path, body] of [
      ['auth/token/roles/r', { allowed_policies: 'app,nope' }],
      ['auth/userpass/users/ana', { ...user, token_policies: ['nope', 'ops'] }],
      ['auth/userpass/users/ben', { ...user, policies: 'nope' }],
      ['auth/userpass/users/ben/policies', { token_policies: 'nope' }],
      ['auth/approle/role/r', { token_policies: 'nope' }],
      ['auth/approle/role/r/policies', { token_policies: 'nope' }],
    ] as const) {
      assert.deepEqual(await warned(path, body), missing('nope'), path);
      assert.deepEqual(await warned(path, body), missing('nope'), `${path} again`);
    }
    assert.deepEqual(await warned('auth/token/create/r', {}), missing('nope'));
    for (const [path, body] of [
      ['auth/token/roles/r', { orphan: true }],
      ['auth/userpass/users/ana', { token_ttl: '1h' }],
      ['auth/approle/role/r', { token_ttl: '1h' }],
      ['auth/approle/role/r/token-ttl', { token_ttl: '1h' }],
    ] as const) {
      assert.equal((await api.ok('POST', path, body)).status, 204, `${path}: nothing is said of policies`);
    }
  });

  it('are named wherever else they can be given', async () => {
    const { certificatePem: certificate } = await createCertificateAuthority('People');
    for (const type of ['jwt', 'kubernetes', 'cert']) await api.ok('POST', `sys/auth/${type}`, { type });
    const jwt = { role_type: 'jwt', user_claim: 'sub', bound_subject: 'x' };
    const account = { bound_service_account_names: 'web', bound_service_account_namespaces: 'shop' };
    for (const [path, body, field] of [
      ['auth/jwt/role/r', jwt, 'token_policies'],
      ['auth/jwt/role/older', jwt, 'policies'],
      ['auth/kubernetes/role/r', account, 'token_policies'],
      ['auth/kubernetes/role/older', account, 'policies'],
      ['auth/cert/certs/r', { certificate }, 'token_policies'],
      ['auth/cert/certs/older', { certificate }, 'policies'],
      ['identity/entity', { name: 'ana' }, 'policies'],
      ['identity/entity/name/ben', {}, 'policies'],
      ['identity/group', { name: 'staff' }, 'policies'],
      ['identity/group/name/crew', {}, 'policies'],
    ] as const) {
      for (const given of [['app', ' NOPE', 'never'], 'never,nope', ' nope , never,nope']) {
        assert.deepEqual(await warned(path, { ...body, [field]: given }), missing('never', 'nope'), path);
      }
      for (const fine of [{ [field]: ['app'] }, { [field]: '' }, { [field]: null }, {}]) {
        assert.equal(await warned(path, { ...body, ...fine }), null, `${path} ${JSON.stringify(fine)}`);
      }
    }
  });

  it('are not when nothing is written', async () => {
    await api.refused([400, /bound constraint/], 'POST', 'auth/jwt/role/x', {
      role_type: 'jwt',
      user_claim: 'sub',
      token_policies: 'nope',
    });
    assert.equal((await api('POST', 'auth/jwt/role/x', { token_policies: 'nope' })).body['warnings'], undefined);
  });

  it('of a token role may be very many', async () => {
    const names = Array.from({ length: 500 }, (_, index) => `gone-${index}`);
    assert.equal(
      ((await warned('auth/token/roles/many', { allowed_policies: ['app', ...names] })) as string[]).length,
      500,
    );
  });
});
