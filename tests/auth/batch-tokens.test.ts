/** Batch tokens: sealed, nowhere at rest, and in Vault's words. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { type Api, textOf } from './api.ts';
import { type IdentityServer, startIdentityServer } from './identity-server.ts';

let server: IdentityServer;
let api: Api;
before(async () => {
  server = await startIdentityServer();
  ({ api } = server);
});
after(() => server.close());

const create = async (body: JsonObject = {}, options?: { token: string }): Promise<JsonObject> =>
  (await api.ok('POST', 'auth/token/create', { type: 'batch', policies: ['app'], ...body }, options)).auth;
const batch = async (body: JsonObject = {}): Promise<string> => textOf((await create(body))['client_token']);

describe('a batch token', () => {
  it('is what it holds', async () => {
    const auth = await create({ ttl: '1h', meta: { a: 'b' }, display_name: 'x' });
    const token = textOf(auth['client_token']);
    assert.match(token, /^hvb\.[\w-]+$/);
    assert.deepEqual(
      ['accessor', 'renewable', 'token_type', 'orphan', 'num_uses', 'lease_duration', 'entity_id'].map(
        (key) => auth[key],
      ),
      ['', false, 'batch', false, 0, 3600, ''],
    );
    const shown = await api.lookup(token);
    assert.deepEqual(
      ['accessor', 'creation_ttl', 'display_name', 'id', 'meta', 'orphan', 'path', 'policies', 'renewable', 'type'].map(
        (key) => shown[key],
      ),
      ['', 3600, 'token-x', token, { a: 'b' }, false, 'auth/token/create', ['app', 'default'], false, 'batch'],
    );
    assert.equal(await server.allowed(token, 'app'), true);
    assert.equal(await server.allowed(token, 'ops'), false);
    assert.deepEqual((await api.ok('POST', 'auth/token/lookup', { token })).data['type'], 'batch');
    const before = (await api.ok('GET', 'auth/token/accessors?list=true')).data['keys'];
    await batch();
    assert.deepEqual((await api.ok('GET', 'auth/token/accessors?list=true')).data['keys'], before);
  });

  it('cannot be renewed, revoked, counted or made periodic, and makes no tokens', async () => {
    await server.policy('maker', 'path "auth/token/*" { capabilities = ["create", "update", "sudo"] }');
    const token = await batch({ policies: ['maker'] });
    const self = { token };
    await api.refused([400, 'batch tokens cannot be revoked'], 'POST', 'auth/token/revoke-self', {}, self);
    await api.refused([400, 'batch tokens cannot be revoked'], 'POST', 'auth/token/revoke', { token });
    await api.refused([400, 'batch tokens cannot be revoked'], 'POST', 'auth/token/revoke-orphan', { token });
    await api.refused([400, 'batch tokens cannot be renewed'], 'POST', 'auth/token/renew-self', {}, self);
    await api.refused([400, 'batch tokens cannot be renewed'], 'POST', 'auth/token/renew', { token });
    for (const path of ['create', 'create-orphan']) {
      await api.refused([400, 'batch tokens cannot create more tokens'], 'POST', `auth/token/${path}`, {}, self);
    }
    for (const [field, value] of [
      ['num_uses', 3],
      ['period', '1h'],
      ['explicit_max_ttl', '1h'],
    ] as const) {
      const body = { type: 'batch', policies: ['app'], [field]: value };
      await api.refused([400, `batch tokens cannot have "${field}" set`], 'POST', 'auth/token/create', body);
    }
    await api.refused([400, 'batch tokens cannot be root tokens'], 'POST', 'auth/token/create', { type: 'batch' });
    await api.refused([400, "invalid 'token_type' value; use service or batch"], 'POST', 'auth/token/create', {
      type: 'recovery',
    });
    await api.refused(
      [400, /the batch token would have \d+ characters; 4096 is the maximum/],
      'POST',
      'auth/token/create',
      {
        ...{ type: 'batch', policies: ['app'], meta: { long: 'x'.repeat(4096) } },
      },
    );
    assert.ok(await api.alive(token));
  });

  it('ends with its time, or with its parent, and an orphan with its time alone', async () => {
    const parent = textOf(
      (await api.ok('POST', 'auth/token/create', { policies: ['default', 'maker'] })).auth['client_token'],
    );
    const child = textOf((await create({ policies: ['default'] }, { token: parent }))['client_token']);
    const orphan = textOf(
      (await api.ok('POST', 'auth/token/create-orphan', { type: 'batch', policies: ['default'] }, { token: parent }))
        .auth['client_token'],
    );
    const short = await batch({ ttl: '1s' });
    assert.deepEqual(await Promise.all([child, orphan, short].map((each) => api.alive(each))), [true, true, true]);
    await api.ok('POST', 'auth/token/revoke', { token: parent });
    assert.deepEqual(await Promise.all([child, orphan].map((each) => api.alive(each))), [false, true]);
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    assert.equal(await api.alive(short), false);
    // What is over is nobody's: as in Vault, there is nothing to refuse.
    assert.equal((await api.ok('POST', 'auth/token/revoke', { token: short })).status, 204);
  });

  it('that was not sealed here is nobody', async () => {
    const token = await batch();
    const [head = '', body = ''] = token.split('.');
    const bytes = Buffer.from(body, 'base64url');
    const changed = (at: number): string => {
      const other = Buffer.from(bytes);
      other[at] = (other[at] ?? 0) ^ 1;
      return `${head}.${other.toString('base64url')}`;
    };
    for (const forged of [
      ...[0, 1, 4, 5, 20, bytes.length - 1].map(changed),
      ...[
        `${token}A`,
        `${token}=`,
        token.slice(0, -1),
        `hvs.${body}`,
        'hvb.',
        'hvb.AA',
        `hvb.${'A'.repeat(9000)}`,
        `${token}.root`,
      ],
    ]) {
      assert.equal(await api.alive(forged), false, forged.slice(0, 80));
    }
    assert.ok(await api.alive(token));
  });

  it('wraps answers, and is taken where a token is', async () => {
    const token = await batch({ policies: ['default'] });
    const { wrapInfo } = await api.ok('POST', 'sys/wrapping/wrap', { a: 'b' }, { token, wrapTtl: '1m' });
    const opened = await api.ok('POST', 'sys/wrapping/unwrap', {}, { token: textOf(wrapInfo['token']) });
    assert.deepEqual(opened.data, { a: 'b' });
    const asked = await api.ok('POST', 'sys/capabilities', { token, path: 'auth/token/lookup-self' });
    assert.deepEqual(asked.data['capabilities'], ['read']);
    await api.refused([400, /wrapping token/], 'POST', 'sys/wrapping/unwrap', { token });
  });
});

describe('a token role', () => {
  it('says which tokens it makes, or what it makes when nobody asks', async () => {
    const role = (token_type: string, more: JsonObject = {}) =>
      api('POST', 'auth/token/roles/typed', {
        token_type,
        allowed_policies: 'app',
        orphan: true,
        renewable: false,
        ...more,
      });
    const made = async (type?: string) =>
      (await api.ok('POST', 'auth/token/create/typed', type === undefined ? {} : { type })).auth['token_type'];
    for (const [tokenType, unasked, service, asBatch] of [
      ['default-service', 'service', 'service', 'batch'],
      ['default-batch', 'batch', 'service', 'batch'],
      ['service', 'service', 'service', 'service'],
      ['batch', 'batch', 'batch', 'batch'],
    ] as const) {
      assert.equal((await role(tokenType)).status, 204);
      assert.equal((await api.ok('GET', 'auth/token/roles/typed')).data['token_type'], tokenType);
      assert.deepEqual(
        [await made(), await made('service'), await made('batch')],
        [unasked, service, asBatch],
        tokenType,
      );
    }
    for (const [more, what] of [
      [{ orphan: false }, 'non-orphan tokens'],
      [{ renewable: true }, 'renewable tokens'],
      [{ token_period: '1h' }, 'periodic tokens'],
      [{ token_explicit_max_ttl: '1h' }, 'tokens with an explicit max TTL'],
    ] as const) {
      assert.equal(
        (await role('batch', more)).error,
        `'token_type' cannot be 'batch' when role is set to generate ${what}`,
      );
    }
    assert.equal((await role('other')).error, `invalid 'token_type' value "other"`);
  });
});

describe('a login', () => {
  const typeOf = async (name: string) => (await server.login(name)).auth['token_type'];

  it('makes what the role or user says, unless the mount insists on something', async () => {
    await server.user('plain');
    await server.user('batchy', { token_type: 'batch' });
    await server.user('served', { token_type: 'service' });
    for (const [tuned, ...types] of [
      ['default-service', 'service', 'batch', 'service'],
      ['default-batch', 'batch', 'batch', 'service'],
      ['service', 'service', 'service', 'service'],
      ['batch', 'batch', 'batch', 'batch'],
    ] as const) {
      await api.ok('POST', 'sys/auth/approle/tune', { token_type: tuned });
      assert.equal((await api.ok('GET', 'sys/auth/approle/tune')).data['token_type'], tuned);
      assert.deepEqual([await typeOf('plain'), await typeOf('batchy'), await typeOf('served')], types, tuned);
    }
    await api.ok('POST', 'sys/auth/approle/tune', { token_type: '' });
    for (const [field, what] of [
      ['token_period', 'periodic tokens'],
      ['token_num_uses', 'tokens with limited use count'],
    ] as const) {
      await api.refused(
        [400, `'token_type' cannot be 'batch' or 'default_batch' when set to generate ${what}`],
        ...(['PUT', 'auth/approle/role/batchy', { [field]: 5 }] as const),
      );
    }
  });

  it('makes a batch token that has its entity, and ends with that or the mount', async () => {
    await server.user('somebody', { token_type: 'batch', token_ttl: '10m' });
    const { token, entity, auth } = await server.login('somebody');
    assert.deepEqual([auth['orphan'], auth['renewable'], auth['lease_duration']], [true, false, 600]);
    await api.ok('POST', `identity/entity/id/${entity}`, { policies: 'app' });
    assert.equal(await server.allowed(token, 'app'), true);
    assert.deepEqual((await api.lookup(token))['identity_policies'], ['app']);
    await api.ok('POST', `identity/entity/id/${entity}`, { disabled: true });
    assert.equal(await api.alive(token), false);
    await api.refused([403, 'permission denied'], 'PUT', 'auth/approle/login', { role_id: 'somebody' }, { token: '' });
    await api.ok('POST', `identity/entity/id/${entity}`, { disabled: false });
    assert.equal(await api.alive(token), true);
    await api.ok('DELETE', 'sys/auth/approle');
    assert.equal(await api.alive(token), false);
  });
});
