/** sys/internal/ui/mounts: everyone sees what is listed for everyone, a token what it can use besides. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { type Answer, type Api, startAuthServer, textOf } from './auth/api.ts';

let server: Awaited<ReturnType<typeof startAuthServer>>;
let api: Api;
before(async () => {
  server = await startAuthServer();
  ({ api } = server);
  for (const name of ['one', 'two', 'team/db']) await api.ok('POST', `sys/mounts/${name}`, { type: 'database' });
  await api.ok('POST', 'sys/mounts/shown', { type: 'database', config: { listing_visibility: 'unauth' } });
  await api.ok('POST', 'sys/auth/people', { type: 'userpass', config: { listing_visibility: 'unauth' } });
  await api.ok('POST', 'sys/auth/machines', { type: 'approle', config: { listing_visibility: 'hidden' } });
});
after(() => server.close());

let count = 0;
async function tokenWith(policy: string, more: JsonObject = {}): Promise<string> {
  const name = `ui-${++count}`;
  await api.ok('PUT', `sys/policies/acl/${name}`, { policy });
  const body = { policies: [name], no_default_policy: true, ...more };
  return textOf((await api.ok('POST', 'auth/token/create', body)).auth['client_token']);
}
const grant = (path: string, ...capabilities: string[]): string =>
  `path "${path}" { capabilities = ${JSON.stringify(capabilities)} }\n`;
const shown = ({ data }: Answer): readonly string[] =>
  ['secret', 'auth'].flatMap((part) => Object.keys(data[part] as JsonObject));
const listFor = async (token: string): Promise<readonly string[]> =>
  shown(await api.ok('GET', 'sys/internal/ui/mounts', undefined, { token }));

describe('sys/internal/ui/mounts', () => {
  it('shows a caller without a token what is listed for everyone, and no more of it than a login page needs', async () => {
    const { data } = await api.ok('GET', 'sys/internal/ui/mounts', undefined, { token: '' });
    assert.deepEqual(data, {
      secret: { 'shown/': { type: 'database', description: '', options: null } },
      auth: { 'people/': { type: 'userpass', description: '', options: null } },
    });
  });

  it('shows a token what it can use besides, whole', async () => {
    const cases: readonly (readonly [policy: string, mounts: readonly string[]])[] = [
      [grant('none', 'read'), []],
      [grant('one/creds/x', 'read'), ['one/']],
      [grant('two/*', 'list'), ['two/']],
      [grant('t*', 'read'), ['team/db/', 'two/']],
      [grant('team/+/creds/*', 'read'), ['team/db/']],
      [grant('+/creds/+', 'update'), ['cubbyhole/', 'identity/', 'one/', 'sys/', 'two/']],
      [grant('one/*', 'deny') + grant('two/*', 'deny'), []],
      [grant('one/*', 'deny') + grant('one/creds/x', 'read'), ['one/']],
      [grant('auth/machines/login', 'update'), ['machines/']],
      [grant('on', 'read') + grant('onerous/*', 'read'), []],
    ];
    for (const [policy, mounts] of cases) {
      const expected = [...mounts, 'shown/', 'people/'].sort();
      assert.deepEqual([...(await listFor(await tokenWith(policy)))].sort(), expected, policy);
    }
    const all = await api.ok('GET', 'sys/internal/ui/mounts');
    assert.equal(shown(all).length, 10);
    const secret = all.data['secret'] as JsonObject;
    assert.deepEqual(secret['one/'], (await api.ok('GET', 'sys/mounts')).data['one/']);
  });

  it('follows the tuning at once', async () => {
    await api.ok('POST', 'sys/mounts/one/tune', { listing_visibility: 'unauth' });
    assert.ok((await listFor('')).includes('one/'));
    for (const value of ['hidden', '']) {
      await api.ok('POST', 'sys/mounts/one/tune', { listing_visibility: value });
      assert.ok(!(await listFor('')).includes('one/'), value);
    }
  });

  it('refuses a token that is none, or not valid from here', async () => {
    const bound = await tokenWith(grant('one/*', 'read'));
    await api.ok('POST', 'auth/token/roles/far', { allowed_policies: 'app', token_bound_cidrs: '192.0.2.0/24' });
    const far = textOf((await api.ok('POST', 'auth/token/create/far', { policies: ['app'] })).auth['client_token']);
    await api.ok('POST', 'auth/token/revoke', { token: bound });
    for (const token of ['hvs.none', bound, far]) {
      for (const path of ['sys/internal/ui/mounts', 'sys/internal/ui/mounts/shown']) {
        await api.refused([403, 'permission denied'], 'GET', path, undefined, { token });
      }
    }
  });

  it('does not use up a token', async () => {
    const token = await tokenWith(grant('one/*', 'read'), { num_uses: 1 });
    await listFor(token);
    assert.ok((await listFor(token)).includes('one/'));
  });
});

describe('sys/internal/ui/mounts/:path', () => {
  it('shows the mount of a path to a token that can use something in it', async () => {
    const token = await tokenWith(grant('team/db/creds/x', 'read') + grant('auth/machines/login', 'update'));
    for (const below of ['team/db', 'team/db/creds/y']) {
      const { data } = await api.ok('GET', `sys/internal/ui/mounts/${below}`, undefined, { token });
      assert.deepEqual([data['path'], data['type']], ['team/db/', 'database']);
    }
    const { data } = await api.ok('GET', 'sys/internal/ui/mounts/auth/machines', undefined, { token });
    assert.deepEqual([data['path'], data['type']], ['machines/', 'approle']);
  });

  it('tells nobody else what is there', async () => {
    const token = await tokenWith(grant('team/db/creds/x', 'read'));
    const refusal = (path: string) =>
      `preflight capability check returned 403, please ensure client's policies grant access to path "${path}/"`;
    for (const path of ['one', 'shown', 'nothing/here', 'auth/machines']) {
      await api.refused([403, refusal(path)], 'GET', `sys/internal/ui/mounts/${path}`, undefined, { token });
    }
    await api.refused([403, 'permission denied'], 'GET', 'sys/internal/ui/mounts/shown', undefined, { token: '' });
  });
});
