import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type CannedAnswer, runCli, type SeenRequest, withServer } from '../../cli-fixture.ts';
import { changes, differences } from './fields.ts';
import { NOTHING, temporaryFiles } from './source-fixture.ts';

describe('migrate vault', () => {
  const file = temporaryFiles();

  it('refuses what it cannot begin with, with exit code 1 and without a value', async () => {
    const cases: readonly [readonly string[], RegExp][] = [
      [[], /^flag -from is missing/],
      [['-from=http://127.0.0.1:1'], /^there is no token for the server to read from: give -from-token-file=FILE/],
      [['-from=http://127.0.0.1:1', '-non-interactive'], /^there is no token/],
      [['-from=http://127.0.0.1:1', `-from-token-file=${await file('empty', '\n')}`], /^there is no token/],
      [['-from=http://127.0.0.1:1', '-from-token-file=/nonexistent'], /^open \/nonexistent: no such file/],
      [['-from=nowhere', `-from-token-file=${await file('token', 'sesame\n')}`], /^address "nowhere" is not a URL/],
      [
        ['-from=x', `-secrets=${await file('text', 'sesame')}`],
        /: not a JSON document; use \{"database\/config\/NAME"/,
      ],
      [['-from=x', `-secrets=${await file('list', '["sesame"]')}`], /: not a JSON object; use/],
      [['-from=x', `-secrets=${await file('flat', '{"a": "sesame"}')}`], /: "a" is not an object; use/],
      [['-from=x', `-secrets=${await file('deep', '{"a": {"b": ["sesame"]}}')}`], /: "b" of "a" is not a string; use/],
    ];
    for (const [flags, message] of cases) {
      const { exitCode, stdout, stderr } = await runCli(['migrate', 'vault', ...flags]);
      assert.deepEqual([exitCode, stdout], [1, ''], stderr);
      assert.match(stderr, message);
      assert.doesNotMatch(stderr, /sesame/);
    }
  });

  it('refuses to move a server to itself', async () => {
    await withServer(
      ({ path }) => (path === '/v1/sys/seal-status' ? { status: 200, body: { cluster_id: 'one' } } : NOTHING),
      async ({ address, seen }) => {
        const env = { VAULT_ADDR: address, VAULT_TOKEN: 'mine', VAULT_FROM_TOKEN: 'theirs' };
        const { exitCode, stderr } = await runCli(['migrate', 'vault', `-from=${address}`], { env });
        assert.equal(exitCode, 1);
        assert.match(stderr, /are the same server: -from is the one to read from/);
        assert.deepEqual(
          seen.map(({ headers }) => headers['x-vault-token']),
          ['theirs', 'mine'],
        );
      },
    );
  });

  /** A source with so many policies, in pages if it knows of them. */
  const policies = (count: number, pages: boolean) => {
    const names = Array.from({ length: count }, (_, index) => `p${String(index).padStart(5, '0')}`);
    return ({ path }: SeenRequest): CannedAnswer => {
      const url = new URL(path, 'http://source');
      if (url.pathname !== '/v1/sys/policies/acl') {
        const found = url.pathname.startsWith('/v1/sys/policies/acl/');
        return found ? { status: 200, body: { data: { policy: 'path "a" {}' } } } : NOTHING;
      }
      const after = url.searchParams.get('after') ?? '';
      const rest = names.filter((name) => !pages || name > after);
      return {
        status: 200,
        body: { data: { keys: pages ? rest.slice(0, Number(url.searchParams.get('limit'))) : rest } },
      };
    };
  };

  for (const [count, pages, lists] of [
    [1_100, true, 2],
    [1_000, true, 2],
    [1_000, false, 2],
    [1_100, false, 1],
  ] as const) {
    it(`reads ${count} names from a server ${pages ? 'with' : 'without'} pages by ${lists} lists`, async () => {
      await withServer(policies(count, pages), async ({ address, seen }) => {
        const { exitCode, stdout } = await runCli(['migrate', 'vault', `-from=${address}`, '-dry-run'], {
          // The target is the same server with other answers: it has nothing.
          env: { VAULT_ADDR: `${address}/target`, VAULT_TOKEN: 'mine', VAULT_FROM_TOKEN: 'theirs' },
        });
        assert.equal(exitCode, 0);
        assert.match(stdout, new RegExp(`\n${count} create\n`.replace('\n', '\nNothing was written. ')));
        assert.equal(seen.filter(({ path }) => /^\/v1\/sys\/policies\/acl\?/.test(path)).length, lists);
      });
    });
  }

  it('goes to the source by way of the proxy of the environment', async () => {
    const paths: string[] = [];
    const proxy = ({ path }: SeenRequest): CannedAnswer => {
      paths.push(path);
      return NOTHING;
    };
    await withServer(proxy, async ({ address }) => {
      const { exitCode } = await runCli(['migrate', 'vault', '-from=http://source.invalid', '-dry-run'], {
        env: { VAULT_ADDR: address, VAULT_TOKEN: 'mine', VAULT_FROM_TOKEN: 'theirs', HTTP_PROXY: address },
      });
      assert.equal(exitCode, 0);
      assert.deepEqual(paths.slice(0, 2), ['http://source.invalid/v1/sys/seal-status', '/v1/sys/seal-status']);
    });
  });

  it('writes once more when the answer was lost, and not when it took effect, whatever VAULT_MAX_RETRIES says', async () => {
    for (const tookEffect of [false, true]) {
      let writes = 0;
      await withServer(
        (request) => {
          const { method, path } = request;
          if (!path.startsWith('/target/')) return policies(1, false)(request);
          if (method === 'PUT') return { status: writes++ === 0 ? 503 : 204, body: { errors: ['the store is away'] } };
          const there = /acl\/p00000$/.test(path) && writes > 0 && tookEffect;
          return there ? { status: 200, body: { data: { policy: 'path "a" {}' } } } : NOTHING;
        },
        async ({ address }) => {
          const names = { VAULT_ADDR: `${address}/target`, VAULT_TOKEN: 'mine', VAULT_FROM_TOKEN: 'theirs' };
          const env = { ...names, VAULT_MAX_RETRIES: '5' };
          const { exitCode, stdout } = await runCli(['migrate', 'vault', `-from=${address}`], { env });
          assert.deepEqual([exitCode, writes], [0, tookEffect ? 1 : 2], stdout);
          assert.match(stdout, /^created +policy +sys\/policies\/acl\/p00000$/m);
        },
      );
    }
  });
});

describe('the comparison of what the source has and what is here', () => {
  it('takes what is not set for the same, however it is written', () => {
    const here = { a: null, b: '', c: [], d: {}, e: 0, f: false, port: 5433 };
    assert.deepEqual(differences({ port: '5433', g: null }, here), []);
  });

  it('knows an order of statements only', () => {
    const [one, other] = [
      ['x', 'y'],
      ['y', 'x'],
    ];
    assert.deepEqual(differences({ allowed_roles: one }, { allowed_roles: other }), []);
    assert.deepEqual(differences({ creation_statements: one }, { creation_statements: other }), [
      'creation_statements',
    ]);
  });

  it('empties what is set here only', () => {
    const here = { text: 'x', number: 1, flag: true, list: ['x'], map: { a: 'b' }, same: 'y' };
    assert.deepEqual(changes({ same: 'y', more: 'z' }, here), {
      ...{ text: '', number: 0, flag: false, list: [], map: {}, more: 'z' },
    });
  });
});
