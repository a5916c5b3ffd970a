/** Networks that tokens and secret ids are bound to. Requests come from 127.0.0.1 or another address of this machine. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { startTestServer, type TestServer } from '../dev-server.ts';
import { type Api, apiAt, textOf } from './api.ts';

let server: TestServer;
let api: Api;
before(async () => {
  server = await startTestServer();
  api = apiAt(server.address);
  await api.ok('POST', 'sys/auth/approle', { type: 'approle' });
  await api.ok('POST', 'sys/auth/userpass', { type: 'userpass' });
  await api.ok('PUT', 'sys/policies/acl/maker', {
    policy: 'path "auth/token/*" { capabilities = ["create", "read", "update", "sudo"] }',
  });
});
after(() => server.close());

const ELSEWHERE = '127.0.0.2';

/** The status and the first error of a request that comes from another address than the others here. */
function fromElsewhere(
  method: string,
  path: string,
  body: JsonObject,
  token = '',
): Promise<{ status: number; body: JsonObject }> {
  return new Promise((resolve, reject) => {
    const sent = request(
      `${server.address}/v1/${path}`,
      { method, localAddress: ELSEWHERE, agent: false, headers: token === '' ? {} : { 'x-vault-token': token } },
      (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body: JSON.parse(text || '{}') as JsonObject }),
        );
      },
    );
    sent.on('error', reject);
    sent.end(method === 'GET' ? undefined : JSON.stringify(body));
  });
}

const boundCidrs = async (token: string) => (await api.ok('POST', 'auth/token/lookup', { token })).data['bound_cidrs'];

describe('a bound token', () => {
  let bound: string;
  before(async () => {
    await api.ok('POST', 'auth/token/roles/here', { token_bound_cidrs: '127.0.0.0/31', allowed_policies: 'maker' });
    bound = textOf((await api.ok('POST', 'auth/token/create/here', {})).auth['client_token']);
  });

  it('has bound children, however they are made', async () => {
    for (const [path, body] of [
      ['create', {}],
      ['create', { no_parent: true }],
      ['create-orphan', {}],
    ] as const) {
      const { auth } = await api.ok('POST', `auth/token/${path}`, body, { token: bound });
      const child = textOf(auth['client_token']);
      assert.deepEqual(await boundCidrs(child), ['127.0.0.0/31'], path);
      assert.equal(await api.alive(child), true);
      assert.equal((await fromElsewhere('GET', 'auth/token/lookup-self', {}, child)).status, 403);
    }
  });

  it('does not get wider by a role', async () => {
    const childBy = async (cidrs: string) => {
      await api.ok('POST', 'auth/token/roles/other', { token_bound_cidrs: cidrs });
      return api('POST', 'auth/token/create/other', {}, { token: bound });
    };
    for (const [cidrs, expected] of [
      ['', ['127.0.0.0/31']],
      ['0.0.0.0/0', ['127.0.0.0/31']],
      ['10.0.0.0/8,127.0.0.1', ['127.0.0.1']],
    ] as const) {
      const child = textOf((await childBy(cidrs)).auth['client_token']);
      assert.deepEqual(await boundCidrs(child), expected, cidrs);
    }
    const apart = await childBy('10.0.0.0/8');
    assert.deepEqual([apart.status, /no address in common/.test(apart.error)], [400, true]);
  });

  it('loses no use to a refused address', async () => {
    await api.ok('POST', 'auth/token/roles/once', { token_bound_cidrs: '127.0.0.1', token_num_uses: 2 });
    const token = textOf((await api.ok('POST', 'auth/token/create/once', {})).auth['client_token']);
    for (let i = 0; i < 5; i++) {
      const { status, body } = await fromElsewhere('GET', 'auth/token/lookup-self', {}, token);
      assert.deepEqual([status, body['errors']], [403, ['permission denied']]);
    }
    assert.equal((await api.lookup(token))['num_uses'], 2);
    assert.equal(await api.alive(token), true);
    assert.equal(await api.alive(token), false);
  });
});

describe('the networks of a secret id', () => {
  const role = 'auth/approle/role/net';
  const secretId = async (body: JsonObject): Promise<string> =>
    textOf((await api.ok('POST', `${role}/secret-id`, body)).data['secret_id']);
  const credentials = async (secret: string): Promise<JsonObject> => ({
    role_id: textOf((await api.ok('GET', `${role}/role-id`)).data['role_id']),
    secret_id: secret,
  });
  const login = async (secret: string) => api('POST', 'auth/approle/login', await credentials(secret), { token: '' });

  it('are within those of its role, or it is not made', async () => {
    await api.ok('POST', role, { token_bound_cidrs: '127.0.0.0/8', secret_id_bound_cidrs: '127.0.0.0/16,fd00::/8' });
    const refused = [
      { token_bound_cidrs: '10.0.0.0/8' },
      { token_bound_cidrs: '0.0.0.0/0' },
      { token_bound_cidrs: '127.0.0.1,10.0.0.1' },
      { token_bound_cidrs: '::/0' },
      { cidr_list: '127.0.0.0/8' },
      { cidr_list: '127.1.0.0/16' },
      { cidr_list: 'fc00::/7' },
    ];
    for (const body of refused) {
      const expected = [
        400,
        /subset relationship between CIDR blocks on the role .* and CIDR blocks on the secret ID/,
      ] as const;
      await api.refused(expected, 'POST', `${role}/secret-id`, body);
      await api.refused(expected, 'POST', `${role}/custom-secret-id`, { ...body, secret_id: 'made-elsewhere' });
    }
    assert.equal((await api('LIST', `${role}/secret-id`)).status, 404);
    await secretId({ token_bound_cidrs: '127.0.0.0/9', cidr_list: '127.0.0.1,fd12::/16' });
  });

  it('bind its tokens, within what the role says at the login', async () => {
    const tokenOf = async (secret: string) => textOf((await login(secret)).auth['client_token']);
    await api.ok('POST', role, { token_bound_cidrs: '127.0.0.0/8', secret_id_bound_cidrs: '127.0.0.0/8' });
    const [narrow, wide] = [await secretId({ token_bound_cidrs: '127.0.0.0/24' }), await secretId({})];
    assert.deepEqual(await boundCidrs(await tokenOf(narrow)), ['127.0.0.0/24']);
    assert.deepEqual(await boundCidrs(await tokenOf(wide)), ['127.0.0.0/8']);
    await api.ok('POST', role, { token_bound_cidrs: '127.0.0.1' });
    assert.deepEqual(await boundCidrs(await tokenOf(narrow)), ['127.0.0.1']);
    await api.ok('POST', role, { token_bound_cidrs: '127.0.0.0/8', token_strictly_bind_ip: true });
    assert.deepEqual(await boundCidrs(await tokenOf(narrow)), ['127.0.0.1']);
    await api.ok('POST', role, { token_strictly_bind_ip: false });
  });

  it('that have nothing in common with the role any more let nobody in, and cost no use', async () => {
    const secret = await secretId({ token_bound_cidrs: '127.0.1.0/24', num_uses: 1 });
    const apart = { token_bound_cidrs: '127.0.0.0/24' };
    await api.ok('POST', role, apart);
    const { status, error } = await login(secret);
    assert.deepEqual([status, error], [403, 'login request originated from invalid CIDR']);
    await api.ok('POST', role, { token_bound_cidrs: '127.0.0.0/8' });
    assert.equal((await login(secret)).status, 200);
    assert.equal((await login(secret)).status, 400);
  });

  it('do not tell who does not know the secret id that the role id is right', async () => {
    await api.ok('POST', role, { token_bound_cidrs: '127.0.0.1', secret_id_bound_cidrs: '127.0.0.1' });
    const { role_id: roleId = '' } = await credentials('');
    const wrong = [
      { role_id: roleId, secret_id: 'wrong' },
      { role_id: 'wrong', secret_id: 'wrong' },
    ];
    for (const body of wrong) {
      const answer = await fromElsewhere('POST', 'auth/approle/login', body);
      assert.deepEqual([answer.status, answer.body['errors']], [400, ['invalid role or secret ID']]);
    }
    const secret = await secretId({ num_uses: 1 });
    const refused = await fromElsewhere('POST', 'auth/approle/login', await credentials(secret));
    assert.equal(refused.status, 403);
    assert.equal((await login(secret)).status, 200);
  });
});

describe('a failed login', () => {
  it('is a log line, with the name and without what was to prove it', async () => {
    await api.ok('POST', 'auth/userpass/users/ana', { password: 'right' });
    const name = `ana%20%22x%22${'n'.repeat(200)}`;
    await api('POST', 'auth/userpass/login/ana', { password: 'the-wrong-password' }, { token: '' });
    await api('POST', `auth/userpass/login/${name}`, { password: 'the-wrong-password' }, { token: '' });
    const body = { role_id: 'the-role-id', secret_id: 'the-secret-id' };
    await api('POST', 'auth/approle/login', body, { token: '' });
    await api.refused([400, 'missing role_id'], 'POST', 'auth/approle/login', { secret_id: 's' }, { token: '' });
    const lines = server
      .log()
      .split('\n')
      .filter((line) => line.includes('login failed'));
    assert.ok(
      lines.some((line) => /name=ana /.test(line) && line.includes('remote_address=127.0.0.1')),
      lines.join('\n'),
    );
    assert.ok(lines.some((line) => line.includes('ana \\"x\\"nnn') && line.length < 500));
    assert.ok(lines.some((line) => line.includes('auth.approle')));
    assert.ok(lines.some((line) => line.includes('auth.approle') && line.includes('missing role_id')));
    for (const secret of ['the-wrong-password', 'the-role-id', 'the-secret-id'])
      assert.ok(!server.log().includes(secret));
    const before = server.log().length;
    await api.ok('POST', 'auth/userpass/login/ana', { password: 'right' }, { token: '' });
    assert.ok(!server.log().slice(before).includes('login failed'));
  });
});

describe('a login', () => {
  it('makes no root token, whatever the spelling', async () => {
    await api.ok('POST', 'auth/approle/role/sly', { bind_secret_id: true });
    for (const policies of ['root', 'ROOT', ' Root ', 'app,root', ['rOOt']]) {
      await api.ok('POST', 'auth/userpass/users/sly', { password: 'p', token_policies: policies });
      const expected = [400, 'auth methods cannot create root tokens'] as const;
      await api.refused(expected, 'POST', 'auth/userpass/login/sly', { password: 'p' }, { token: '' });
      await api.ok('POST', 'auth/approle/role/sly', { token_policies: policies });
      const role_id = (await api.ok('GET', 'auth/approle/role/sly/role-id')).data['role_id'] ?? '';
      const secret_id = (await api.ok('POST', 'auth/approle/role/sly/secret-id', {})).data['secret_id'] ?? '';
      await api.refused(expected, 'POST', 'auth/approle/login', { role_id, secret_id }, { token: '' });
    }
  });
});
