/** Rate limit quotas as clients meet them: 429 before anything is done, with a time to come again. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { after, afterEach, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { eventually } from '@coffer/testkit';
import { type Api, apiAt, textOf } from './auth/api.ts';
import { newKey, publicPem } from './auth/signed-jwt.ts';
import { startTestServer, type TestServer } from './dev-server.ts';

let server: TestServer;
let api: Api;
/** As it is before anybody has written it. */
let config: JsonObject;

before(async () => {
  server = await startTestServer();
  api = apiAt(server.address);
  await api.ok('POST', 'sys/auth/userpass', { type: 'userpass' });
  await api.ok('POST', 'auth/userpass/users/ana', { password: 'ana-password' });
  await api.ok('POST', 'sys/auth/approle', { type: 'approle' });
  config = (await api.ok('GET', 'sys/quotas/config')).data;
});
after(() => server.close());
afterEach(async () => {
  await api.ok('POST', 'sys/quotas/config', config);
  const { data } = await api('LIST', 'sys/quotas/rate-limit');
  for (const name of (data['keys'] as string[] | undefined) ?? [])
    await api.ok('DELETE', `sys/quotas/rate-limit/${name}`);
});

const put = (name: string, rule: JsonObject) => api.ok('POST', `sys/quotas/rate-limit/${name}`, rule);
const login = (name: string, password = 'ana-password'): Promise<Response> =>
  fetch(`${server.address}/v1/auth/userpass/login/${name}`, { method: 'POST', body: JSON.stringify({ password }) });

describe('a rate limit quota', () => {
  it('is read as it was written, with the defaults of Vault', async () => {
    await put('a', { path: 'auth/userpass/', rate: '2.5' });
    await put('b', { path: 'auth/userpass/login/*', rate: 10, interval: '1m', block_interval: '5m' });
    await put('c', { rate: 1000 });
    assert.deepEqual((await api.ok('LIST', 'sys/quotas/rate-limit')).data, { keys: ['a', 'b', 'c'] });
    const plain = { role: '', type: 'rate-limit', inheritable: false };
    assert.deepEqual((await api.ok('GET', 'sys/quotas/rate-limit/a')).data, {
      ...{ ...plain, name: 'a', path: 'auth/userpass/', rate: 2.5, interval: 1, block_interval: 0 },
    });
    assert.deepEqual((await api.ok('GET', 'sys/quotas/rate-limit/b')).data, {
      ...{ ...plain, name: 'b', path: 'auth/userpass/login/*', rate: 10, interval: 60, block_interval: 300 },
    });
    assert.equal((await api.ok('GET', 'sys/quotas/rate-limit/c')).data['inheritable'], true);
    assert.equal((await api('GET', 'sys/quotas/rate-limit/none')).status, 404);
    assert.equal((await api('DELETE', 'sys/quotas/rate-limit/none')).status, 204);
  });

  it('refuses what is beyond the rate with 429, Retry-After and the text of Vault, before the password is looked at', async () => {
    await put('logins', { path: 'auth/userpass/login/ana', rate: 2, interval: '1m' });
    assert.deepEqual([(await login('ana')).status, (await login('ana', 'wrong')).status], [200, 400]);
    for (const name of ['ana', 'ANA']) {
      const refused = await login(name);
      assert.equal(refused.status, 429);
      const seconds = Number(refused.headers.get('retry-after'));
      assert.ok(seconds > 50 && seconds <= 60, `Retry-After: ${seconds}`);
      assert.equal(refused.headers.get('x-ratelimit-limit'), null);
      assert.deepEqual(await refused.json(), {
        errors: [`request path "auth/userpass/login/${name}": rate limit quota exceeded`],
      });
    }
    // Another path of the mount has its own rate, or none.
    assert.equal((await api('GET', 'auth/userpass/users/ana')).status, 200);
  });

  it('tells in headers what is left, when that is asked for', async () => {
    await api.ok('POST', 'sys/quotas/config', { enable_rate_limit_response_headers: true });
    await put('logins', { path: 'auth/userpass/', rate: 2, interval: '1m' });
    const first = await login('ana');
    const headers = ['limit', 'remaining'].map((name) => first.headers.get(`x-ratelimit-${name}`));
    assert.deepEqual(headers, ['2', '1']);
    assert.ok(Number(first.headers.get('x-ratelimit-reset')) > 50);
    await login('ana');
    const refused = await login('ana');
    assert.deepEqual([refused.status, refused.headers.get('x-ratelimit-remaining')], [429, '0']);
  });

  it('refuses a request before its body has arrived', async () => {
    await put('logins', { path: 'auth/userpass/', rate: 1, interval: '1m' });
    await login('ana');
    // Of the body of 100 bytes nothing is ever sent.
    const sent = request(`${server.address}/v1/auth/userpass/login/ana`, {
      method: 'POST',
      headers: { 'content-length': 100 },
    });
    sent.on('error', () => undefined).flushHeaders();
    const [refused] = (await once(sent, 'response')) as [IncomingMessage];
    assert.equal(refused.statusCode, 429);
    sent.destroy();
  });

  it('leaves the exempt paths alone, and those that Vault exempts by default', async () => {
    for (const path of ['sys/mounts', 'sys/health', 'sys/seal-status', 'sys/internal/ui/mounts']) {
      await put(path.replaceAll('/', '-'), { path, rate: 1, interval: '1m' });
    }
    const statuses = async (path: string): Promise<number[]> => [
      (await api('GET', path)).status,
      (await api('GET', path)).status,
    ];
    assert.deepEqual(await statuses('sys/mounts'), [200, 429]);
    for (const path of ['sys/health', 'sys/seal-status']) assert.deepEqual(await statuses(path), [200, 200]);
    await api.ok('POST', 'sys/quotas/config', { rate_limit_exempt_paths: ['sys/internal/', 'sys/mounts'] });
    for (const path of ['sys/mounts', 'sys/internal/ui/mounts']) assert.deepEqual(await statuses(path), [200, 200]);
    assert.deepEqual(await statuses('sys/health'), [200, 429]);
  });

  it('may be for logins by one role', async () => {
    await put('web', { path: 'auth/approle', role: 'web', rate: 1, interval: '1m' });
    const ids = new Map<string, JsonObject>();
    for (const role of ['web', 'other']) {
      await api.ok('POST', `auth/approle/role/${role}`, {});
      const { data } = await api.ok('GET', `auth/approle/role/${role}/role-id`);
      const secretId = await api.ok('POST', `auth/approle/role/${role}/secret-id`, {});
      ids.set(role, { role_id: textOf(data['role_id']), secret_id: textOf(secretId.data['secret_id']) });
    }
    const loginBy = async (role: string): Promise<number> =>
      (await api('POST', 'auth/approle/login', ids.get(role), { token: '' })).status;
    assert.deepEqual([await loginBy('web'), await loginBy('web')], [200, 429]);
    assert.deepEqual([await loginBy('other'), await loginBy('other')], [200, 200]);
  });

  it('goes with its mount where that is moved, and ends with it', async () => {
    const limit = (name: string, path: string, more: JsonObject = {}) =>
      put(name, { path, rate: 1, interval: '1h', ...more });
    const shown = async (name: string) => (await api('GET', `sys/quotas/rate-limit/${name}`)).data['path'];
    const twice = async (path: string): Promise<number[]> => {
      const wrong = () => api('POST', `auth/${path}/login/ana`, { password: 'wrong' }, { token: '' });
      return [(await wrong()).status, (await wrong()).status];
    };
    const move = async (from: string, to: string): Promise<void> => {
      const id = textOf((await api.ok('POST', 'sys/remount', { from, to })).data['migration_id']);
      const isOver = async () => {
        const { data } = await api.ok('GET', `sys/remount/status/${id}`);
        return (data['migration_info'] as JsonObject)['status'] === 'success';
      };
      await eventually(isOver, 'it has moved');
    };
    await api.ok('POST', 'sys/auth/guests', { type: 'userpass' });
    await api.ok('POST', 'sys/auth/machines', { type: 'approle' });
    await limit('mount', 'auth/guests');
    await limit('path', `auth/guests/login/*`);
    await limit('role', 'auth/machines', { role: 'web' });
    assert.deepEqual(await twice('guests'), [400, 429]);

    await move('auth/guests', 'auth/visitors');
    await move('auth/machines', 'auth/robots');
    assert.deepEqual(
      [await shown('mount'), await shown('path'), await shown('role')],
      ['auth/visitors/', 'auth/visitors/login/*', 'auth/robots/'],
    );
    assert.deepEqual(await twice('visitors'), [429, 429], 'also what was counted');
    await api.ok('POST', 'sys/auth/guests', { type: 'userpass' });
    assert.deepEqual(await twice('guests'), [400, 400]);
    const again = 'sys/quotas/rate-limit/again';
    await limit('again', 'auth/guests');
    await api.refused([400, /under the name "mount"$/], 'POST', again, { path: 'auth/visitors', rate: 1 });
    await api.ok('DELETE', again);

    for (const path of ['visitors', 'robots', 'guests']) await api.ok('DELETE', `sys/auth/${path}`);
    assert.equal((await api('LIST', 'sys/quotas/rate-limit')).status, 404, 'those of what is disabled are deleted');
    await api.ok('POST', 'sys/auth/visitors', { type: 'userpass' });
    assert.deepEqual(await twice('visitors'), [400, 400]);
    await limit('mount', 'auth/visitors');
    await api.ok('DELETE', 'sys/auth/visitors');
  });

  it('may be for logins by a role of any method that has roles', async () => {
    const pem = publicPem(newKey());
    for (const [type, config] of [
      ['jwt', { jwt_validation_pubkeys: pem, default_role: 'web' }],
      ['kubernetes', { pem_keys: pem }],
    ] as const) {
      await api.ok('POST', `sys/auth/${type}`, { type });
      await api.ok('POST', `auth/${type}/config`, config);
      await put(type, { path: `auth/${type}`, role: 'web', rate: 1, interval: '1m' });
      const loginBy = async (role?: string): Promise<number> =>
        (await api('POST', `auth/${type}/login`, { jwt: 'x', ...(role && { role }) }, { token: '' })).status;
      // That they are refused does not matter: a quota is for those, too.
      assert.deepEqual([await loginBy('other'), await loginBy('other')], [400, 400], type);
      assert.deepEqual([await loginBy('web'), await loginBy('WEB')], [400, 429], type);
      assert.equal(await loginBy(), type === 'jwt' ? 429 : 400, 'the default role is one');
    }
  });

  it('says what is wrong with it', async () => {
    const wrong = (rule: JsonObject, error: string | RegExp) =>
      api.refused([400, error], 'POST', 'sys/quotas/rate-limit/x', rule);
    await wrong({ rate: 0 }, "'rate' is invalid");
    await wrong({}, "'rate' is invalid");
    await wrong({ rate: -1 }, "'rate' is invalid");
    await wrong({ rate: 'often' }, /field "rate" must be a number/);
    await wrong({ rate: 1, path: 'nowhere' }, 'invalid mount path "nowhere/"');
    await wrong({ rate: 1, interval: '25h' }, /must not be longer than a day/);
    await wrong(
      { rate: 1, path: 'auth/approle/login', role: 'web' },
      /^Quotas cannot contain both a path suffix and a role/,
    );
    await wrong({ rate: 1, path: 'sys', role: 'web' }, /^Mount path "sys\/" is not a valid auth method/);
    await wrong({ rate: 1, path: 'auth/userpass', role: 'web' }, /does not support use with role-based quotas$/);
    await wrong({ rate: 1, path: 'sys/*/x*' }, /one "\*", at its end/);
    await wrong({ rate: 1, group_by: 'entity' }, /"group_by" must be "ip"/);
    await wrong({ rate: 1, type: 'lease-count' }, /"type" must be "rate-limit"/);
    await put('first', { path: 'sys', rate: 9 });
    await wrong({ path: 'sys/', rate: 9 }, 'quota rule with similar properties exists under the name "first"');
    assert.equal((await api('GET', 'sys/quotas/rate-limit/x')).status, 404);
  });

  it('counts at most so many requests of 64 clients at once', async () => {
    await put('logins', { path: 'auth/userpass/login/*', rate: 5, interval: '1m' });
    const statuses = await Promise.all(Array.from({ length: 64 }, async () => (await login('ana', 'wrong')).status));
    assert.deepEqual(
      [400, 429].map((status) => statuses.filter((each) => each === status).length),
      [5, 59],
    );
  });
});
