/** Users who are guessed at: how many guesses are answered, for how long nobody gets in, and who lets them in again. */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it, mock } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { strangerOf } from '@coffer/framework';
import { startTestServer, type TestServer } from '../dev-server.ts';
import { type Answer, type Api, apiAt, textOf } from './api.ts';

const MINUTE_MS = 60_000;
let server: TestServer;
let api: Api;
/** Of the method at `auth/userpass/`. */
let accessor: string;

before(async () => {
  server = await startTestServer();
  api = apiAt(server.address);
});
after(() => server.close());
// However long a login takes, no more time goes by than a test says.
beforeEach(() => mock.timers.enable({ apis: ['Date'], now: Date.now() }));
afterEach(() => mock.timers.reset());
beforeEach(async () => {
  await api('DELETE', 'sys/auth/userpass');
  await api.ok('POST', 'sys/auth/userpass', { type: 'userpass' });
  await api.ok('POST', 'auth/userpass/users/ana', { password: 'right' });
  accessor = textOf(((await api.ok('GET', 'sys/auth')).data['userpass/'] as JsonObject)['accessor']);
});

const login = (password: string, name = 'ana'): Promise<Answer> =>
  api('POST', `auth/userpass/login/${name}`, { password }, { token: '' });
const tune = (config: JsonObject): Promise<Answer> =>
  api.ok('POST', 'sys/auth/userpass/tune', { user_lockout_config: config });
const guess = async (times: number, name = 'ana'): Promise<number[]> => {
  const statuses: number[] = [];
  for (let n = 0; n < times; n++) statuses.push((await login('wrong', name)).status);
  return statuses;
};

describe('a user who fails to log in', () => {
  it('is locked out after five failures, with the right password too, and the answer is that of Vault', async () => {
    assert.deepEqual(await guess(6), [400, 400, 400, 400, 400, 403]);
    const refused = await login('right');
    assert.deepEqual([refused.status, refused.error], [403, 'permission denied']);
    assert.equal((await login('right', 'ANA')).status, 403);
    assert.deepEqual((await api.ok('GET', 'sys/locked-users')).data, {
      by_namespace: [
        {
          namespace_id: 'root',
          namespace_path: '',
          counts: 1,
          mount_accessors: [{ mount_accessor: accessor, counts: 1, alias_identifiers: ['ana'] }],
        },
      ],
      total: 1,
    });
    assert.equal(server.log().match(/a user is locked out after failed logins/g)?.length, 1);
  });

  it('starts anew after a login that succeeds', async () => {
    await tune({ lockout_threshold: 2 });
    for (let round = 0; round < 2; round++) {
      assert.deepEqual(await guess(1), [400]);
      assert.equal((await login('right')).status, 200);
    }
    assert.deepEqual((await api.ok('GET', 'sys/locked-users')).data, { by_namespace: [], total: 0 });
  });

  it('is let in again by an operator', async () => {
    await tune({ lockout_threshold: 1 });
    await guess(1);
    await api.refused([400, /mount_accessor/], 'POST', 'sys/locked-users/auth_userpass_none/unlock/ana', {});
    for (const spelling of ['ana', 'ANA']) {
      assert.equal((await api('POST', `sys/locked-users/${accessor}/unlock/${spelling}`, {})).status, 204);
      assert.equal((await login('right')).status, 200);
      await guess(1);
    }
  });

  it('is let in again when the time is over, and has all attempts again', async () => {
    await tune({ lockout_threshold: '2', lockout_duration: '10m' });
    assert.deepEqual(await guess(3), [400, 400, 403]);
    mock.timers.tick(10 * MINUTE_MS);
    assert.deepEqual(await guess(1), [400]);
    assert.equal((await login('right')).status, 200);
  });

  it('is forgiven a failure after a while', async () => {
    await tune({ lockout_threshold: 2, lockout_counter_reset_duration: '10m' });
    assert.deepEqual(await guess(1), [400]);
    mock.timers.tick(10 * MINUTE_MS);
    assert.deepEqual(await guess(2), [400, 400]);
    assert.equal((await login('right')).status, 403);
  });

  it('is told apart from nobody: a name without a user is locked out as well', async () => {
    await tune({ lockout_threshold: 2 });
    assert.deepEqual(await guess(3, 'nobody'), [400, 400, 403]);
    assert.deepEqual((await api.ok('GET', 'sys/locked-users')).data['total'], 0);
    assert.deepEqual(await guess(1, 'somebody'), [400], 'but no other name is');
    await api.ok('POST', `sys/locked-users/${accessor}/unlock/nobody`, {});
    assert.deepEqual(await guess(1, 'nobody'), [400]);
  });

  it('does not tell by the lockout of another name that it is nobody’s', async () => {
    await tune({ lockout_threshold: 2 });
    const uuid = textOf(((await api.ok('GET', 'sys/auth')).data['userpass/'] as JsonObject)['uuid']);
    const number = strangerOf(uuid, 'nobody').number;
    let other = 0;
    while (strangerOf(uuid, `other-${other}`).number !== number) other++;
    assert.deepEqual(await guess(3, 'nobody'), [400, 400, 403]);
    assert.deepEqual(await guess(3, `other-${other}`), [400, 400, 403]);
  });

  it('gets at most so many answers to guesses, however many come at once', async () => {
    await tune({ lockout_threshold: 3 });
    const answers = await Promise.all(Array.from({ length: 12 }, () => login('wrong')));
    const count = (status: number): number => answers.filter((each) => each.status === status).length;
    assert.deepEqual([count(400), count(403)], [3, 9]);
    assert.equal((await login('right')).status, 403);
  });

  it('is not locked out where that is turned off, and is where it is on again', async () => {
    await tune({ lockout_threshold: 1, lockout_disable: true });
    assert.deepEqual(await guess(2), [400, 400]);
    assert.equal((await login('right')).status, 200);
    await tune({ lockout_disable: 'false' });
    assert.deepEqual(await guess(2), [400, 403]);
    const { data } = await api.ok('GET', 'sys/auth/userpass/tune');
    assert.deepEqual([data['user_lockout_threshold'], data['user_lockout_disable']], [1, false]);
    assert.deepEqual([data['user_lockout_duration'], data['user_lockout_counter_reset_duration']], [0, 0]);
  });

  it('is one of its own mount: the same name elsewhere is not locked out', async () => {
    await api.ok('POST', 'sys/auth/people', { type: 'userpass' });
    await api.ok('POST', 'auth/people/users/ana', { password: 'right' });
    await tune({ lockout_threshold: 1 });
    await guess(1);
    assert.equal((await api('POST', 'auth/people/login/ana', { password: 'right' }, { token: '' })).status, 200);
    await api.ok('DELETE', 'sys/auth/people');
  });
});

describe('a role of AppRole whose secret id is guessed', () => {
  it('is locked out by its role id, and no use of a secret id is spent meanwhile', async () => {
    await api.ok('POST', 'sys/auth/approle', { type: 'approle' });
    await api.ok('POST', 'auth/approle/role/web', { secret_id_num_uses: 1 });
    const roleId = textOf((await api.ok('GET', 'auth/approle/role/web/role-id')).data['role_id']);
    const made = await api.ok('POST', 'auth/approle/role/web/secret-id', {});
    const right = { role_id: roleId, secret_id: textOf(made.data['secret_id']) };
    const enter = async (body: JsonObject): Promise<number> =>
      (await api('POST', 'auth/approle/login', body, { token: '' })).status;
    for (let n = 0; n < 5; n++) assert.equal(await enter({ role_id: roleId, secret_id: 'guess' }), 400);
    assert.equal(await enter(right), 403);
    const { data } = await api.ok('GET', 'sys/auth');
    const approle = textOf((data['approle/'] as JsonObject)['accessor']);
    await api.ok('POST', `sys/locked-users/${approle}/unlock/${roleId}`, {});
    assert.equal(await enter(right), 200);
    assert.equal(await enter(right), 400);
  });
});

describe('VAULT_DISABLE_USER_LOCKOUT', () => {
  const lockedOut = async (text: string, config: JsonObject): Promise<boolean> => {
    const other = await startTestServer({ env: { VAULT_DISABLE_USER_LOCKOUT: text } });
    try {
      const there = apiAt(other.address);
      await there.ok('POST', 'sys/auth/userpass', { type: 'userpass' });
      await there.ok('POST', 'auth/userpass/users/ana', { password: 'right' });
      await there.ok('POST', 'sys/auth/userpass/tune', { user_lockout_config: { lockout_threshold: 1, ...config } });
      const enter = (password: string) => there('POST', 'auth/userpass/login/ana', { password }, { token: '' });
      await enter('wrong');
      return (await enter('right')).status === 403;
    } finally {
      await other.close();
    }
  };

  it('turns it off by all that Go takes for true, and on by what it takes for false: whatever a mount says', async () => {
    assert.equal(await lockedOut('T', {}), false);
    assert.equal(await lockedOut('f', { lockout_disable: true }), true);
    assert.equal(await lockedOut('', { lockout_disable: true }), false);
  });

  it('is told to be wrong before the server starts', async () => {
    for (const text of ['yes', 'tRUE', '2', ' '])
      await assert.rejects(lockedOut(text, {}), /environment variable VAULT_DISABLE_USER_LOCKOUT/);
  });
});

it('the tuning of lockouts says what it does not take', async () => {
  const refuse = (path: string, config: JsonObject, error: RegExp): Promise<void> =>
    api.refused([400, error], 'POST', `sys/auth/${path}/tune`, { user_lockout_config: config });
  await refuse(
    'token',
    { lockout_threshold: 3 },
    /^tuning of user lockout configuration for auth type "token" not allowed$/,
  );
  await refuse('userpass', { lockout_treshold: 3 }, /did you mean "lockout_threshold"\?/);
  await refuse('userpass', { lockout_threshold: 'many' }, /"lockout_threshold" must be a whole number/);
  await refuse('userpass', { lockout_threshold: -1 }, /must not be negative/);
  await refuse('userpass', { lockout_duration: 'long' }, /lockout_duration/);
});
