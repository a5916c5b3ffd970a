/** auth/token/roles, auth/token/create/:role, and list pages. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { type Api, startAuthServer, textOf } from './api.ts';

let server: Awaited<ReturnType<typeof startAuthServer>>;
let api: Api;
before(async () => {
  server = await startAuthServer();
  ({ api } = server);
});
after(() => server.close());

describe('token roles', () => {
  const create = (name: string, body: JsonObject, token = 'root') =>
    api('POST', `auth/token/create/${name}`, body, { token });

  it('give policies that the creating token does not have', async () => {
    await api.ok('POST', 'auth/token/roles/app', {
      allowed_policies: 'app',
      allowed_policies_glob: 'team-*',
      orphan: true,
      path_suffix: 'ci',
    });
    const policy = 'path "auth/token/create/app" { capabilities = ["create", "update"] }';
    await api.ok('PUT', 'sys/policies/acl/maker', { policy });
    const maker = textOf((await api.ok('POST', 'auth/token/create', { policies: 'maker' })).auth['client_token']);
    const made = await create('app', {}, maker);
    assert.deepEqual(made.auth['policies'], ['app', 'default']);
    assert.equal(made.auth['orphan'], true);
    const shown = await api.lookup(textOf(made.auth['client_token']));
    assert.deepEqual([shown['role'], shown['path']], ['app', 'auth/token/create/app/ci']);
    assert.deepEqual((await create('app', { policies: ['team-a'] }, maker)).auth['policies'], ['default', 'team-a']);
    for (const policies of [['ops'], ['app', 'ops']]) {
      assert.match((await create('app', { policies }, maker)).error, /must be subset of the role's allowed policies/);
    }
    await api.refused([403, /permission denied/], 'POST', 'auth/token/create', {}, { token: maker });
    await api.refused([400, 'unknown role none'], 'POST', 'auth/token/create/none', {});
  });

  it('leave out what they disallow', async () => {
    await api.ok('POST', 'auth/token/roles/no-ops', { disallowed_policies: 'ops', disallowed_policies_glob: 'def*' });
    assert.match((await create('no-ops', { policies: ['ops'] })).error, /"ops" is disallowed by this role/);
    assert.deepEqual((await create('no-ops', { policies: ['app'] })).auth['policies'], ['app']);
  });

  it('match globs in no time, and take so many and so long names', async () => {
    const glob = `${'*-'.repeat(250)}x`;
    await api.ok('POST', 'auth/token/roles/slow', {
      allowed_policies_glob: glob,
      disallowed_policies_glob: `${glob}*y`,
    });
    const expected = [400, /must be subset of the role's allowed policies/] as const;
    await api.refused(expected, 'POST', 'auth/token/create/slow', { policies: ['-'.repeat(500)] });
    assert.ok((await create('slow', { policies: [`${'-'.repeat(500)}x`] })).status === 200);
    for (const [field, value] of [
      ['allowed_policies_glob', `*${'a'.repeat(512)}`],
      ['disallowed_policies_glob', Array.from({ length: 129 }, (_, index) => `p${index}*`)],
      ['allowed_policies', 'a'.repeat(513)],
    ] as const) {
      await api.refused([400, new RegExp(`field "${field}"`)], 'POST', 'auth/token/roles/slow', { [field]: value });
    }
    const many = Array.from({ length: 129 }, (_, index) => `p${index}`);
    await api.refused([400, /the maximum is 128/], 'POST', 'auth/token/create', { policies: many });
    await api.ok('DELETE', 'auth/token/roles/slow');
    await api.refused([400, /longer than 512/], 'POST', 'auth/token/create', { display_name: 'n'.repeat(513) });
  });

  it('do not make root tokens for those who have none', async () => {
    await api.ok('POST', 'auth/token/roles/sly', { allowed_policies: 'root' });
    await api.ok('PUT', 'sys/policies/acl/sly', {
      policy: 'path "auth/token/create/sly" { capabilities = ["update", "sudo"] }',
    });
    const token = textOf((await api.ok('POST', 'auth/token/create', { policies: 'sly' })).auth['client_token']);
    assert.match((await create('sly', {}, token)).error, /root tokens may not be created/);
    assert.match((await create('sly', { policies: ['root'] }, token)).error, /root tokens may not be created/);
  });

  it('fix period, ceiling, uses and networks, and renew by the role', async () => {
    await api.ok('POST', 'auth/token/roles/job', {
      token_period: '1h',
      token_num_uses: 9,
      token_bound_cidrs: '127.0.0.1',
      renewable: true,
    });
    const { auth } = await create('job', { num_uses: 20 });
    assert.deepEqual([auth['lease_duration'], auth['num_uses']], [3600, 9]);
    const token = textOf(auth['client_token']);
    await api.ok('POST', 'auth/token/roles/job', { period: '2h' });
    assert.equal((await api.ok('POST', 'auth/token/renew-self', {}, { token })).auth['lease_duration'], 7200);
    const { data } = await api.ok('GET', 'auth/token/roles/job');
    assert.deepEqual([data['token_period'], data['token_type'], data['name']], [7200, 'default-service', 'job']);
    await api.ok('DELETE', 'auth/token/roles/job');
    await api.refused([400, /could not be found, not renewing/], 'POST', 'auth/token/renew-self', {}, { token });
    await api.refused([400, /token_type/], 'POST', 'auth/token/roles/x', { token_type: 'recovery' });
    await api.refused([400, /non-orphan/], 'POST', 'auth/token/roles/x', { token_type: 'batch' });
  });
});

describe('lists', () => {
  it('come in pages', async () => {
    for (const name of ['p1', 'p2', 'p3', 'p4']) await api.ok('POST', `auth/token/roles/${name}`, {});
    const page = async (query: string): Promise<unknown> =>
      (await api.ok('GET', `auth/token/roles?list=true${query}`)).data['keys'];
    assert.deepEqual(await page('&after=p1&limit=2'), ['p2', 'p3']);
    assert.deepEqual(await page('&after=p10'), ['p2', 'p3', 'p4', 'sly']);
    assert.deepEqual(await page('&after=o&limit=1'), ['p1']);
    assert.equal(((await page('&limit=-1')) as string[]).length >= 4, true);
    await api.refused([404, ''], 'GET', 'auth/token/roles?list=true&after=zzz');
    await api.refused([400, /"limit" must be a whole number/], 'GET', 'auth/token/roles?list=true&limit=x');
    assert.equal((await api.ok('GET', 'sys/policies/acl?list=true&limit=1')).body['warnings'], null);
  });
});
