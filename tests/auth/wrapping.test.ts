import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { databaseUnderTest, eventually, type TestDatabase } from '@coffer/testkit';
import { configure, startTestServer, type TestServer, connectionTo } from '../dev-server.ts';
import { issuedRoles } from '../logins.ts';
import { apiAt, type Api, textOf } from './api.ts';

const GONE = [400, 'wrapping token is not valid or does not exist'] as const;
const DENIED = /permission denied/;

describe('response wrapping', () => {
  let database: TestDatabase;
  let server: TestServer;
  let api: Api;

  before(async () => {
    database = await databaseUnderTest();
    server = await startTestServer();
    api = apiAt(server.address);
    await configure(server.client, connectionTo(database));
  });
  after(async () => {
    await server.close();
    await database.stop();
  });

  const wrap = async (method: string, path: string, wrapTtl = '5m', token = 'root', body?: object): Promise<string> => {
    const { wrapInfo } = await api.ok(method, path, body as never, { wrapTtl, token });
    assert.equal(typeof wrapInfo['token'], 'string');
    return textOf(wrapInfo['token']);
  };
  const newToken = async (body: object): Promise<string> => {
    const { auth } = await api.ok('POST', 'auth/token/create', body as never);
    return textOf(auth['client_token']);
  };
  const unwrap = (token: string) => api('POST', 'sys/wrapping/unwrap', { token });

  it('gives the secret to one of many callers at once', async () => {
    const token = await wrap('GET', 'database/creds/my-first-role');
    const answers = await Promise.all(Array.from({ length: 8 }, () => unwrap(token)));
    const won = answers.filter(({ status }) => status === 200);
    assert.equal(won.length, 1);
    assert.match(textOf(won[0]?.data['username']), /^v-token-my-first-/);
    for (const { status, error } of answers.filter((answer) => answer !== won[0]))
      assert.deepEqual([status, error], GONE);
  });

  it('takes the wrapping token as the calling one, once, and lets it do nothing else', async () => {
    const token = await wrap('GET', 'database/creds/my-first-role');
    await api.refused([403, DENIED], 'GET', 'database/creds/my-first-role', undefined, { token });
    await api.refused([403, DENIED], 'POST', 'auth/token/create', {}, { token });
    const { data } = await api.ok('POST', 'sys/wrapping/unwrap', null, { token });
    assert.equal(typeof data['password'], 'string');
    await api.refused(GONE, 'POST', 'sys/wrapping/unwrap', null, { token });
    await api.refused(GONE, 'POST', 'sys/wrapping/unwrap', null, { token: 'nothing' });
    await api.refused(GONE, 'POST', 'sys/wrapping/unwrap', null);
    await api.refused(GONE, 'POST', 'sys/wrapping/unwrap', { token: 'root' });
    await api.refused([403, DENIED], 'POST', 'sys/wrapping/unwrap', { token: 'x' }, { token: 'nothing' });
  });

  it('is looked up without a token and without using it up', async () => {
    const token = await wrap('GET', 'database/creds/my-first-role', '90s');
    for (const answer of [
      await api.ok('POST', 'sys/wrapping/lookup', { token }, { token: '' }),
      await api.ok('GET', 'sys/wrapping/lookup', undefined, { token }),
    ]) {
      assert.equal(answer.data['creation_path'], 'database/creds/my-first-role');
      assert.equal(answer.data['creation_ttl'], 90);
      assert.match(textOf(answer.data['creation_time']), /^\d{4}-.*Z$/);
    }
    assert.equal((await unwrap(token)).status, 200);
    await api.refused(GONE, 'POST', 'sys/wrapping/lookup', { token });
  });

  it('is moved to a new token, which ends the old one', async () => {
    const token = await wrap('GET', 'database/creds/my-first-role', '10m');
    const { wrapInfo, body } = await api.ok('POST', 'sys/wrapping/rewrap', { token });
    assert.equal(body['request_id'], '');
    assert.equal(wrapInfo['ttl'], 600);
    assert.equal(wrapInfo['creation_path'], 'database/creds/my-first-role');
    await api.refused(GONE, 'POST', 'sys/wrapping/unwrap', { token });
    assert.equal((await unwrap(textOf(wrapInfo['token']))).status, 200);
  });

  it('wraps what the client sends, and refuses to without a TTL', async () => {
    await api.refused([400, /endpoint requires response wrapping/], 'POST', 'sys/wrapping/wrap', { a: '1' });
    const token = await wrap('POST', 'sys/wrapping/wrap', '60', 'root', { a: '1', b: { c: [2] } });
    assert.deepEqual((await unwrap(token)).data, { a: '1', b: { c: [2] } });
  });

  it('leaves the lease to the token that asked, not to the one that unwraps', async () => {
    await api.ok('PUT', 'sys/policies/acl/creds', { policy: 'path "database/creds/*" { capabilities = ["read"] }' });
    const asker = await newToken({ policies: ['creds'] });
    const other = await newToken({ policies: ['default'] });
    const token = await wrap('GET', 'database/creds/my-first-role', '5m', asker);
    const { data, body } = await api.ok('POST', 'sys/wrapping/unwrap', { token }, { token: other });
    await api.ok('POST', 'auth/token/revoke', { token: other });
    assert.equal((await api('POST', 'sys/leases/lookup', { lease_id: textOf(body['lease_id']) })).status, 200);
    await api.ok('POST', 'auth/token/revoke', { token: asker });
    await eventually(
      async () => !(await issuedRoles(database)).includes(textOf(data['username'])),
      'the end of the login',
    );
  });

  it('names the accessor of a wrapped token', async () => {
    const { wrapInfo } = await api.ok('POST', 'auth/token/create', { ttl: '1h' }, { wrapTtl: '1m' });
    const { auth } = await unwrap(textOf(wrapInfo['token']));
    assert.equal(wrapInfo['wrapped_accessor'], auth['accessor']);
    assert.equal(
      (await api('GET', 'auth/token/lookup-self', undefined, { token: textOf(auth['client_token']) })).status,
      200,
    );
  });

  it('names the accessor of what a login or approle gives, and of nothing else', async () => {
    await api.ok('POST', 'sys/auth/userpass', { type: 'userpass' });
    await api.ok('POST', 'auth/userpass/users/ana', { password: 'pw' });
    const login = await api.ok('POST', 'auth/userpass/login/ana', { password: 'pw' }, { token: '', wrapTtl: '1m' });
    const moved = await api.ok('POST', 'sys/wrapping/rewrap', { token: textOf(login.wrapInfo['token']) });
    assert.equal(moved.wrapInfo['wrapped_accessor'], login.wrapInfo['wrapped_accessor']);
    const { auth } = await unwrap(textOf(moved.wrapInfo['token']));
    assert.equal(login.wrapInfo['wrapped_accessor'], textOf(auth['accessor']));

    await api.ok('POST', 'sys/auth/approle', { type: 'approle' });
    await api.ok('POST', 'auth/approle/role/web', {});
    for (const [path, body] of [
      ['auth/approle/role/web/secret-id', {}],
      ['auth/approle/role/web/custom-secret-id', { secret_id: 'my-own' }],
    ] as const) {
      const wrapped = await api.ok('POST', path, body, { wrapTtl: '1m' });
      const { data } = await unwrap(textOf(wrapped.wrapInfo['token']));
      assert.equal(wrapped.wrapInfo['wrapped_accessor'], textOf(data['secret_id_accessor']));
    }
    const own = await api.ok('POST', 'sys/wrapping/wrap', { secret_id_accessor: 'x' }, { wrapTtl: '1m' });
    const read = await api.ok('GET', 'database/creds/my-first-role', undefined, { wrapTtl: '1m' });
    for (const { wrapInfo } of [own, read]) assert.ok(!('wrapped_accessor' in wrapInfo));
  });

  it('ends with its TTL and with its token', async () => {
    const brief = await wrap('GET', 'sys/policies/acl/default', '1s');
    const revoked = await api.ok('GET', 'sys/policies/acl/default', undefined, { wrapTtl: '5m' });
    await api.ok('POST', 'auth/token/revoke-accessor', { accessor: textOf(revoked.wrapInfo['accessor']) });
    await api.refused(GONE, 'POST', 'sys/wrapping/unwrap', { token: textOf(revoked.wrapInfo['token']) });
    await sleep(1100);
    await api.refused(GONE, 'POST', 'sys/wrapping/unwrap', { token: brief });
  });

  it('never answers in the open when the TTL cannot be read', async () => {
    for (const wrapTtl of ['soon', '-5m', '500ms']) {
      await api.refused([400, /X-Vault-Wrap-TTL/], 'GET', 'database/creds/my-first-role', undefined, { wrapTtl });
    }
    assert.equal((await api.ok('GET', 'sys/seal-status', undefined, { wrapTtl: '5m' })).body['sealed'], false);
    const empty = await api.ok('PUT', 'sys/policies/acl/empty', { policy: 'path "a" {}' }, { wrapTtl: '5m' });
    assert.equal(empty.status, 204);
  });

  it('holds to the TTLs that a policy sets', async () => {
    const policy =
      'path "database/creds/*" { capabilities = ["read"] min_wrapping_ttl = "1m" max_wrapping_ttl = 3600 }';
    await api.ok('PUT', 'sys/policies/acl/wrapped', { policy });
    const token = await newToken({ policies: ['wrapped'] });
    const path = 'database/creds/my-first-role';
    await api.refused([403, DENIED], 'GET', path, undefined, { token });
    for (const wrapTtl of ['30s', '2h']) await api.refused([403, DENIED], 'GET', path, undefined, { token, wrapTtl });
    await wrap('GET', path, '1m', token);
    const bad = 'path "a" { capabilities = ["read"] min_wrapping_ttl = "2m" max_wrapping_ttl = "1m" }';
    await api.refused([400, /max_wrapping_ttl cannot be less/], 'PUT', 'sys/policies/acl/bad', { policy: bad });
  });

  it('has a policy of its own, which nobody else gets or changes', async () => {
    await api.refused([400, /cannot assign policy/], 'POST', 'auth/token/create', { policies: ['response-wrapping'] });
    await api.refused([400, /cannot update/], 'PUT', 'sys/policies/acl/response-wrapping', { policy: 'path "*" {}' });
    await api.refused([400, /cannot delete/], 'DELETE', 'sys/policies/acl/response-wrapping');
    const { data } = await api.ok('GET', 'sys/policies/acl?list=true');
    assert.ok(!(data['keys'] as string[]).includes('response-wrapping'));
  });
});
