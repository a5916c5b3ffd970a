import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RequestCase } from '../cli-fixture.ts';
import { checkRequest, runCli, withServer } from '../cli-fixture.ts';

const AUTH = {
  client_token: 's.1',
  accessor: 'acc',
  policies: ['a'],
  token_policies: ['a'],
  lease_duration: 0,
  renewable: false,
};

/** What the recorded sessions do not show: requests and output of the other ways to ask. */
const CASES: readonly RequestCase[] = [
  {
    argv: ['policy', 'read', '-format=json', 'App'],
    request: ['GET', '/v1/sys/policies/acl/app'],
    answer: { status: 200, body: { data: { policy: 'path "x" {}\n' } } },
    stdout: '{\n  "policy": "path \\"x\\" {}\\n"\n}\n',
  },
  {
    argv: ['policy', 'read', 'none'],
    request: ['GET', '/v1/sys/policies/acl/none'],
    answer: { status: 404, body: { errors: [] } },
    stderr: 'No policy named: none\n',
    exitCode: 2,
  },
  {
    argv: ['policy', 'write', 'App', '-'],
    stdin: 'path "x" {}',
    request: ['PUT', '/v1/sys/policies/acl/app', { policy: 'path "x" {}' }],
    stdout: 'Success! Uploaded policy: app\n',
    stderr: 'Policy name was converted from "App" to "app"\n',
  },
  {
    argv: ['policy', 'delete', 'app'],
    request: ['DELETE', '/v1/sys/policies/acl/app'],
    stdout: 'Success! Deleted policy: app\n',
  },
  {
    argv: [
      ...[
        'token',
        'create',
        '-field=token',
        '-orphan',
        '-no-default-policy',
        '-metadata=a=b',
        '-use-limit=2',
        '-type=batch',
      ],
      ...['-role=r', '-id=i', '-display-name=d', '-period=1h', '-explicit-max-ttl=2h', '-entity-alias=e'],
    ],
    request: [
      'POST',
      '/v1/auth/token/create/r',
      {
        id: 'i',
        meta: { a: 'b' },
        ttl: '0s',
        explicit_max_ttl: '2h0m0s',
        period: '1h0m0s',
        no_parent: true,
        no_default_policy: true,
        display_name: 'd',
        num_uses: 2,
        renewable: false,
        type: 'batch',
        entity_alias: 'e',
      },
    ],
    answer: { status: 200, body: { auth: AUTH } },
    stdout: 's.1',
  },
  {
    argv: ['token', 'lookup', '-field=ttl', 's.x'],
    request: ['POST', '/v1/auth/token/lookup', { token: 's.x' }],
    answer: { status: 200, body: { data: { ttl: 60 } } },
    stdout: '60',
  },
  {
    argv: ['token', 'lookup', '-accessor', 'a'],
    request: ['POST', '/v1/auth/token/lookup-accessor', { accessor: 'a' }],
    answer: { status: 200, body: { data: { id: '' } } },
    stdout: 'Key    Value\n---    -----\nid     n/a\n',
  },
  { argv: ['token', 'renew'], request: ['PUT', '/v1/auth/token/renew-self', { increment: 0 }] },
  {
    argv: ['token', 'renew', '-i=1h', 's.x'],
    request: ['PUT', '/v1/auth/token/renew', { increment: 3600, token: 's.x' }],
  },
  {
    argv: ['token', 'renew', '-accessor', '-increment=60', 'a'],
    request: ['POST', '/v1/auth/token/renew-accessor', { accessor: 'a', increment: 60 }],
    answer: { status: 200, body: { auth: AUTH } },
    stdout:
      'Key                  Value\n---                  -----\ntoken                s.1\ntoken_accessor       acc\ntoken_duration       ∞\n' +
      'token_renewable      false\ntoken_policies       ["a"]\nidentity_policies    []\npolicies             ["a"]\n',
  },
  ...(
    [
      [['-self'], 'PUT', 'auth/token/revoke-self', undefined],
      [['-accessor', 'x'], 'POST', 'auth/token/revoke-accessor', { accessor: 'x' }],
      [['-mode=orphan', 'x'], 'PUT', 'auth/token/revoke-orphan', { token: 'x' }],
      [['-mode=path', 'auth/a'], 'PUT', 'sys/leases/revoke-prefix/auth/a', undefined],
    ] as const
  ).map(
    ([args, method, path, body]): RequestCase => ({
      argv: ['token', 'revoke', ...args],
      request: [method, `/v1/${path}`, body],
      stdout: 'Success! Revoked token (if it existed)\n',
    }),
  ),
  {
    argv: ['token', 'revoke', '-accessor', 'gone'],
    request: ['POST', '/v1/auth/token/revoke-accessor', { accessor: 'gone' }],
    answer: { status: 200, body: { warnings: ['No token found with this accessor'] } },
    stdout: 'Success! Revoked token (if it existed)\n',
    stderr: 'WARNING! The following warnings were returned from Vault:\n\n  * No token found with this accessor\n\n',
  },
  {
    argv: ['token', 'capabilities', 'a/b'],
    request: ['POST', '/v1/sys/capabilities-self', { path: 'a/b', token: 'mine' }],
    answer: { status: 200, body: { data: { 'a/b': ['update', 'read'] } } },
    stdout: 'read, update\n',
  },
  {
    argv: ['unwrap'],
    request: ['PUT', '/v1/sys/wrapping/unwrap', null],
    stdout: 'Successfully unwrapped. There was no data in the wrapped secret.\n',
  },
  {
    argv: ['unwrap', 'w'],
    request: ['PUT', '/v1/sys/wrapping/unwrap', { token: 'w' }],
    answer: { status: 200, body: { data: { keys: ['b', 'a'] } } },
    stdout: 'Keys\n----\na\nb\n',
  },
  {
    argv: ['path-help', 'database/'],
    request: ['GET', '/v1/database?help=1'],
    answer: { status: 200, body: { help: '## DESCRIPTION', openapi: { openapi: '3.0.2' } } },
    stdout: '## DESCRIPTION\n',
  },
  {
    argv: ['path-help', '-format=json', 'database/'],
    request: ['GET', '/v1/database?help=1'],
    answer: { status: 200, body: { help: '', openapi: { openapi: '3.0.2' } } },
    stdout: '{"openapi":"3.0.2"}\n',
  },
  { argv: ['write', '-format=json', 'a', 'b=-'], stdin: 'c\n', request: ['PUT', '/v1/a', { b: 'c\n' }] },
  {
    argv: ['delete', 'kv/data/x', 'versions=1', 'versions=2'],
    request: ['DELETE', '/v1/kv/data/x?versions=1&versions=2'],
    stdout: 'Success! Data deleted (if it existed) at: kv/data/x\n',
  },
  {
    argv: ['secrets', 'move', 'a', 'b'],
    request: ['POST', '/v1/sys/remount', { from: 'a/', to: 'b/' }],
    answer: { status: 200, body: { data: { migration_id: 'm1', migration_info: { status: 'success' } } } },
    stdout:
      'Started moving secrets engine a/ to b/, with migration ID m1\nSuccess! Finished moving secrets engine a/ to b/, with migration ID m1\n',
  },
  {
    argv: ['auth', 'move', 'auth/a', 'auth/b'],
    request: ['POST', '/v1/sys/remount', { from: 'auth/a/', to: 'auth/b/' }],
    answer: { status: 200, body: { data: { migration_id: 'm1', migration_info: { status: 'failure' } } } },
    stdout: 'Started moving auth method auth/a/ to auth/b/, with migration ID m1\n',
    stderr: 'Failure! Error encountered moving auth method auth/a/ to auth/b/, with migration ID m1\n',
    exitCode: 2,
  },
];

describe('requests about tokens, policies, data and moves', () => {
  for (const asked of CASES) it(asked.argv.join(' '), () => checkRequest(asked));

  it('end when nobody knows of a move any more', async () => {
    await withServer(
      ({ method }) => (method === 'POST' ? { status: 200, body: { data: { migration_id: 'm1' } } } : { status: 404 }),
      async ({ address }) => {
        const { exitCode, stderr } = await runCli(['secrets', 'move', 'a', 'b'], { env: { VAULT_ADDR: address } });
        assert.equal(exitCode, 2);
        assert.match(stderr, /^Error checking migration status of secrets engine a\/ to b\/: nothing is known of/);
      },
    );
  });
});
