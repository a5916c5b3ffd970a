/** auth/token/*: orphans, children, accessors; sys/capabilities*. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { startTestServer, type TestServer } from '../dev-server.ts';
import { apiAt, type Api, textOf } from './api.ts';

let server: TestServer;
let api: Api;
before(async () => {
  server = await startTestServer();
  api = apiAt(server.address);
  const policy = `path "app/*" { capabilities = ["read", "list"] }
    path "app/secret" { capabilities = ["deny"] }
    path "auth/token/lookup" { capabilities = ["update"] }
    path "auth/token/create" { capabilities = ["update"] }
    path "auth/token/create-orphan" { capabilities = ["update"] }
    path "auth/token/accessors" { capabilities = ["list"] }
    path "auth/token/revoke-orphan" { capabilities = ["update"] }`;
  await api.ok('PUT', 'sys/policies/acl/app', { policy });
});
after(() => server.close());

interface Made {
  readonly token: string;
  readonly accessor: string;
}

async function create(body: JsonObject = {}, by = 'root', path = 'auth/token/create'): Promise<Made> {
  const { auth } = await api.ok('POST', path, { policies: ['app'], ...body }, { token: by });
  return { token: textOf(auth['client_token']), accessor: textOf(auth['accessor']) };
}

describe('tokens', () => {
  it('end with their parent, orphans do not', async () => {
    const parent = await create();
    const child = await create({ policies: ['default'] }, parent.token);
    const grandchild = await create({ policies: ['app'] }, parent.token);
    const orphan = await create({}, 'root', 'auth/token/create-orphan');
    const byField = await create({ no_parent: true });
    assert.equal((await api.lookup(orphan.token))['orphan'], true);
    assert.equal((await api.lookup(byField.token))['orphan'], true);
    assert.equal((await api.lookup(child.token))['orphan'], false);
    await api.ok('POST', 'auth/token/revoke', { token: parent.token });
    for (const { token } of [parent, child, grandchild]) assert.equal(await api.alive(token), false);
    for (const { token } of [orphan, byField]) assert.equal(await api.alive(token), true);
  });

  it('leave their children as orphans when that is asked for', async () => {
    const parent = await create();
    const child = await create({}, parent.token);
    await api.ok('POST', 'auth/token/revoke-orphan', { token: parent.token });
    assert.equal(await api.alive(parent.token), false);
    assert.equal((await api.lookup(child.token))['orphan'], true);
  });

  it('need a right of their own for orphans, and sudo for the accessors of all', async () => {
    const { token } = await create();
    const denied = [403, /permission denied/] as const;
    // The path itself is the right, as in Vault; with no_parent the same needs sudo.
    assert.equal((await api.ok('POST', 'auth/token/create-orphan', {}, { token })).auth['orphan'], true);
    const { token: other } = await create({ policies: ['default'] });
    await api.refused(denied, 'POST', 'auth/token/create-orphan', {}, { token: other });
    await api.refused(denied, 'LIST', 'auth/token/accessors', undefined, { token });
    await api.refused(denied, 'POST', 'auth/token/revoke-orphan', { token }, { token });
    await api.refused([400, /root or sudo/], 'POST', 'auth/token/create', { no_parent: true }, { token });
  });

  it('get no policy that their maker does not have, default included', async () => {
    const { token } = await create({ no_default_policy: true });
    const policiesOf = async (body: JsonObject) =>
      (await api.ok('POST', 'auth/token/create', body, { token })).auth['policies'];
    assert.deepEqual(await policiesOf({ policies: ['app'] }), ['app']);
    assert.deepEqual(await policiesOf({}), ['app']);
    for (const policies of [['default'], ['app', 'ops'], 'ROOT', ' root']) {
      await api.refused([400, /subset of parent|root tokens/], 'POST', 'auth/token/create', { policies }, { token });
    }
    const { token: withDefault } = await create();
    assert.deepEqual(
      (await api.ok('POST', 'auth/token/create', { policies: 'APP' }, { token: withDefault })).auth['policies'],
      ['app', 'default'],
    );
  });

  it('show a display name of letters, digits and dashes', async () => {
    for (const [name, shown] of [
      ['a b";DROP', 'token-a-b--DROP'],
      ['é{{.RoleName}}', 'token-----RoleName--'],
      ['x\ny/z_1.2', 'token-x-y-z-1-2'],
    ] as const) {
      const { token } = await create({ display_name: name });
      assert.equal((await api.lookup(token))['display_name'], shown);
    }
  });

  it('are shown, renewed and revoked by their accessors, without the token', async () => {
    const { token, accessor } = await create({ ttl: '1h', display_name: 'job', meta: { team: 'one' } });
    const listed = await api.ok('GET', 'auth/token/accessors?list=true');
    assert.ok((listed.data['keys'] as string[]).includes(accessor));
    const { data } = await api.ok('POST', 'auth/token/lookup-accessor', { accessor });
    assert.deepEqual([data['id'], data['display_name'], data['meta']], ['', 'token-job', { team: 'one' }]);
    const renewed = await api.ok('POST', 'auth/token/renew-accessor', { accessor, increment: '2h' });
    assert.deepEqual([renewed.auth['client_token'], renewed.auth['lease_duration']], ['', 7200]);
    await api.ok('POST', 'auth/token/revoke-accessor', { accessor });
    assert.equal(await api.alive(token), false);
    await api.refused([400, /invalid accessor/], 'POST', 'auth/token/lookup-accessor', { accessor });
  });

  it('that are not there are a warning to whoever revokes them by accessor, and else an error', async () => {
    const { accessor: gone } = await create();
    await api.ok('POST', 'auth/token/revoke-accessor', { accessor: gone });
    for (const accessor of [gone, 'none']) {
      const { status, body } = await api('POST', 'auth/token/revoke-accessor', { accessor });
      assert.equal(status, 200);
      assert.deepEqual(body['warnings'], ['No token found with this accessor']);
      assert.deepEqual([body['data'], body['auth'], body['lease_id']], [null, null, '']);
      const refusal = [400, '1 error occurred:\n\t* invalid accessor\n\n'] as const;
      await api.refused(refusal, 'POST', 'auth/token/lookup-accessor', { accessor });
      await api.refused(refusal, 'POST', 'auth/token/renew-accessor', { accessor });
      await api.refused(refusal, 'POST', 'sys/capabilities-accessor', { accessor, paths: ['a'] });
    }
    assert.equal((await api('POST', 'auth/token/revoke', { token: 'none' })).status, 204);
    await api.refused([400, 'token to revoke not found'], 'POST', 'auth/token/revoke-orphan', { token: 'none' });
    await api.refused([403, /bad token/], 'POST', 'auth/token/lookup', { token: 'none' });
    await api.refused([400, 'token not found'], 'POST', 'auth/token/renew', { token: 'none' });
  });

  it('are named by whoever revokes or asks for them: an empty name is none', async () => {
    const accessors = ['auth/token/revoke-accessor', 'auth/token/lookup-accessor', 'auth/token/renew-accessor'];
    for (const [name, paths] of [
      ['accessor', [...accessors, 'sys/capabilities-accessor']],
      ['token', ['auth/token/revoke', 'auth/token/revoke-orphan', 'sys/capabilities']],
    ] as const) {
      for (const path of paths) {
        for (const value of ['', null]) {
          await api.refused([400, new RegExp(`^missing ${name}: `)], 'POST', path, { [name]: value, paths: ['a'] });
        }
      }
    }
  });

  it('get an id of their own for an empty one, and an empty token is the calling one in a lookup', async () => {
    const answers = await Promise.all(['', null].map((id) => api.ok('POST', 'auth/token/create', { id, ttl: '1h' })));
    for (const { auth } of answers) assert.match(textOf(auth['client_token']), /^hvs\./);
    const { token, accessor } = await create();
    await api.ok('POST', 'auth/token/create', { id: 'my-own', ttl: '1h' });
    assert.equal(await api.alive('my-own'), true);
    assert.equal((await api.ok('POST', 'auth/token/lookup', { token: '' }, { token })).data['accessor'], accessor);
  });

  it('are periodic when made so, and end after so many uses', async () => {
    const periodic = await create({ period: '1h' });
    const renewed = await api.ok('POST', 'auth/token/renew-self', { increment: '5h' }, { token: periodic.token });
    assert.equal(renewed.auth['lease_duration'], 3600);
    assert.equal((await api.lookup(periodic.token))['period'], 3600);
    const { token } = await create({ num_uses: 2 });
    assert.equal(await api.alive(token), true);
    assert.equal(await api.alive(token), true);
    assert.equal(await api.alive(token), false);
  });
});

describe('capabilities', () => {
  it('are told of the calling token, of a token and of an accessor', async () => {
    const { token, accessor } = await create();
    const paths = ['app/x', 'app/secret', 'elsewhere'];
    const expected = { 'app/x': ['list', 'read'], 'app/secret': ['deny'], elsewhere: ['deny'] };
    for (const answer of [
      await api.ok('POST', 'sys/capabilities-self', { paths }, { token }),
      await api.ok('POST', 'sys/capabilities', { token, paths }),
      await api.ok('POST', 'sys/capabilities-accessor', { accessor, paths }),
    ]) {
      assert.deepEqual(answer.data, expected);
    }
    const one = await api.ok('POST', 'sys/capabilities-self', { path: 'app/x' }, { token });
    assert.deepEqual(one.body['capabilities'], ['list', 'read']);
    assert.deepEqual((await api.ok('POST', 'sys/capabilities', { token: 'root', path: 'x' })).data['x'], ['root']);
    await api.refused([400, 'invalid token'], 'POST', 'sys/capabilities', { token: 'none', path: 'x' });
    await api.refused([400, 'paths must be supplied'], 'POST', 'sys/capabilities', { token });
  });
});
