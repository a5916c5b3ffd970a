/** sys/capabilities and its siblings: any number of paths within a bound, and never the event loop for long. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ApiError } from '@coffer/client';
import { startTestServer, type TestServer } from './dev-server.ts';

let server: TestServer;
let token = '';
let accessor = '';

before(async () => {
  server = await startTestServer();
  await server.client.write('sys/policies/acl/some', {
    policy:
      'path "a/*" { capabilities = ["read"] } path "a/+/no" { capabilities = ["deny"] } path "b/" { capabilities = ["list"] }',
  });
  const made = await fetch(`${server.address}/v1/auth/token/create`, {
    method: 'POST',
    headers: { 'x-vault-token': 'root' },
    body: JSON.stringify({ policies: ['some'] }),
  });
  const { auth } = (await made.json()) as { auth: { client_token: string; accessor: string } };
  ({ client_token: token, accessor } = auth);
});
after(() => server.close());

const ask = async (path: string, body: Readonly<Record<string, unknown>>) => {
  const response = await fetch(`${server.address}/v1/sys/${path}`, {
    method: 'POST',
    headers: { 'x-vault-token': path === 'capabilities-self' ? token : 'root' },
    body: JSON.stringify(body),
  });
  return {
    status: response.status,
    body: (await response.json()) as { data: Record<string, string[]>; errors: string[] },
  };
};

describe('capabilities', () => {
  it('are told of each path, as a token, by itself and by its accessor', async () => {
    const paths = ['a/x', 'a/x/no', '/a/x', 'b', 'b/', 'c'];
    for (const [path, more] of [
      ['capabilities', { token }],
      ['capabilities-self', {}],
      ['capabilities-accessor', { accessor }],
    ] as const) {
      const { status, body } = await ask(path, { ...more, paths });
      assert.equal(status, 200, path);
      assert.deepEqual(body.data, {
        'a/x': ['read'],
        'a/x/no': ['deny'],
        '/a/x': ['read'],
        b: ['deny'],
        'b/': ['list'],
        c: ['deny'],
      });
      const one = await ask(path, { ...more, paths: [], path: 'a/x' });
      assert.deepEqual(one.body.data, { 'a/x': ['read'], capabilities: ['read'] });
    }
  });

  it('are told of a thousand paths, and a million are refused with the bound', async () => {
    for (const [path, more] of [
      ['capabilities', { token }],
      ['capabilities-self', {}],
      ['capabilities-accessor', { accessor }],
    ] as const) {
      const listed = await ask(path, { ...more, paths: Array.from({ length: 900 }, (_, i) => `a/${i}`) });
      assert.equal(Object.keys(listed.body.data).length, 900);
      const many = await ask(path, { ...more, paths: Array.from({ length: 1000 }, (_, i) => `a/${i}`).join() });
      assert.equal(Object.keys(many.body.data).length, 1000);
      const tooMany = await ask(path, { ...more, paths: 'a,'.repeat(9000) });
      assert.equal(tooMany.status, 400);
      assert.match(String(tooMany.body.errors), /field "paths" has 9000 paths; the maximum is 1000/);
      // The body of a request is bounded before that.
      for (const paths of [Array.from({ length: 1_000_000 }, () => 'a'), 'a,'.repeat(1_000_000)]) {
        const { status, body } = await ask(path, { ...more, paths });
        assert.equal(status, 400);
        assert.match(String(body.errors), /more than|long/);
      }
    }
  });
});

describe('policies', () => {
  it('are bounded in size, plain and in base64', async () => {
    const policy = `# ${'x'.repeat(1024 * 1024)}\n`;
    for (const text of [policy, Buffer.from(policy).toString('base64'), `${' '.repeat(2_000_000)}{`]) {
      await assert.rejects(
        server.client.write('sys/policies/acl/long', { policy: text }),
        (error) => error instanceof ApiError && error.status === 400 && /1048576 at most/.test(error.message),
      );
    }
    const small = Buffer.from('path "a" {}').toString('base64');
    await server.client.write('sys/policies/acl/base64', { policy: small });
    assert.equal((await server.client.read('sys/policies/acl/base64'))?.data?.['policy'], 'path "a" {}');
  });

  // `policies/acl/(?P<name>.+)` in hashicorp/vault:vault/logical_system_paths.go
  it('may have slashes in their names', async () => {
    const { client } = server;
    await client.write('sys/policies/acl/Team/app', { policy: 'path "a/*" { capabilities = ["read"] }' });
    await client.write('sys/policy/team/old', { policy: 'path "b" { capabilities = ["read"] }' });
    const keys = (await client.list('sys/policies/acl'))?.data?.['keys'] as string[];
    assert.deepEqual(
      keys.filter((name) => name.startsWith('team')),
      ['team/app', 'team/old'],
    );
    assert.equal((await client.read('sys/policies/acl/team/old'))?.data?.['name'], 'team/old');
    const token = (await client.write('auth/token/create', { policies: ['team/app'] }))?.auth?.clientToken;
    const of = await client.write('sys/capabilities', { token: token ?? '', paths: ['a/x', 'b'] });
    assert.deepEqual([of?.data?.['a/x'], of?.data?.['b']], [['read'], ['deny']]);
    await client.delete('sys/policy/team/app');
    assert.equal(await client.read('sys/policies/acl/team/app'), undefined);
  });
});
