/** Whoever gives policies that do not exist is told so, in Vault's words; they are given all the same. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
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

  it('of a token role may be very many', async () => {
    const names = Array.from({ length: 500 }, (_, index) => `gone-${index}`);
    assert.equal(
      ((await warned('auth/token/roles/many', { allowed_policies: ['app', ...names] })) as string[]).length,
      500,
    );
  });
});
