import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type CannedAnswer, runCli, type SeenRequest, withServer } from '../cli-fixture.ts';
import { HTTP_FLAGS } from '../global-flags.ts';

/** What is offered for a line. Whatever happens, it is no error. */
async function offered(
  line: string,
  env: Readonly<Record<string, string>> = {},
  argv: string[] = [],
): Promise<string[]> {
  const ran = await runCli(argv, { env: { VAULT_ADDR: 'http://127.0.0.1:1', COMP_LINE: line, ...env } });
  assert.deepEqual([ran.exitCode, ran.stderr], [0, ''], line);
  return ran.stdout.split('\n').slice(0, -1);
}

const MOUNTS = {
  secret: { 'cubbyhole/': {}, 'database/': {}, 'data-2/': {}, '$(id)/': {}, 'with blank/': {} },
  auth: { 'token/': {}, 'userpass/': {} },
};
const LISTS: Readonly<Record<string, readonly string[]>> = {
  'sys/policies/acl': ['default', 'root', 'team-a', 'a;rm'],
  'database/roles': ['my-role', 'my-other', 'sub/'],
  'database/roles/sub': ['deep'],
  'auth/userpass/users': ['ann'],
};

function answer({ path }: SeenRequest): CannedAnswer {
  const { pathname, searchParams } = new URL(path, 'http://x');
  const asked = pathname.slice('/v1/'.length);
  if (asked === 'sys/internal/ui/mounts') return { status: 200, body: { data: MOUNTS } };
  if (asked === 'sys/audit') return { status: 200, body: { data: { 'file/': {} } } };
  if (asked === 'sys/plugins/catalog') return { status: 200, body: { data: { detailed: [{ name: 'ysql-plugin' }] } } };
  const keys = searchParams.get('list') === 'true' ? LISTS[asked] : undefined;
  return keys === undefined ? { status: 404, body: { errors: [] } } : { status: 200, body: { data: { keys } } };
}

describe('completion', () => {
  it('offers commands, subcommands and flags', async () => {
    assert.deepEqual(await offered('vault l'), ['lease', 'list', 'login']);
    assert.deepEqual(await offered('vault lease re'), ['renew', 'revoke']);
    assert.deepEqual(await offered('  vault   lease  '), ['lookup', 'renew', 'revoke']);
    assert.deepEqual(await offered('vault -address=x lease loo'), ['lookup']);
    assert.deepEqual(await offered('vault -auto'), ['-autocomplete-install', '-autocomplete-uninstall']);
    assert.deepEqual(await offered('vault read --fo'), ['--format']);
    const all = Object.keys(HTTP_FLAGS).map((name) => `-${name}`);
    assert.deepEqual(await offered('vault lease revoke -'), [...all, '-force', '-help', '-prefix', '-sync'].sort());
    assert.deepEqual(await offered('vault read x -'), []);
    assert.deepEqual(await offered('vault nope '), await offered('vault '));
    for (const nothing of ['', 'vau', 'vault']) assert.deepEqual(await offered(nothing), await offered('vault '));
  });

  it('offers the values of flags', async () => {
    assert.deepEqual(await offered('vault read -format '), ['json', 'raw', 'table', 'yaml']);
    assert.deepEqual(await offered('vault list -format=j'), ['-format=json']);
    assert.deepEqual(await offered('vault login -method=user'), ['-method=userpass']);
    // bash says what it replaces: with its COMP_WORDBREAKS what is behind "=" and ":".
    assert.deepEqual(await offered('vault list -format=j', {}, ['vault', 'j', '=']), ['json']);
    assert.deepEqual(await offered('vault list -format=js', {}, ['vault', '-format=js', 'list']), ['-format=json']);
    assert.deepEqual(
      await offered('vault login -method=', {}, ['vault', '', '=']),
      await offered('vault login -method '),
    );
    assert.deepEqual(await offered('vault operator rekey -target '), ['barrier', 'recovery']);
    assert.deepEqual(await offered('vault token revoke -mode '), ['orphan', 'path']);
    assert.deepEqual(await offered('vault secrets enable d'), ['database']);
    assert.deepEqual(await offered('vault plugin info '), ['auth', 'database', 'secret']);
    assert.deepEqual(await offered('vault read -nope=x'), []);
  });

  it('looks at the line up to the cursor, which is counted in bytes', async () => {
    assert.deepEqual(await offered('vault lease revoke', { COMP_POINT: '9' }), ['lease']);
    assert.deepEqual(
      await offered('vault write é=1 lea', { COMP_POINT: String(Buffer.byteLength('vault ')) }),
      await offered('vault '),
    );
    assert.deepEqual(await offered('vault lea', { COMP_POINT: 'x' }), ['lease']);
  });

  it('offers files', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'coffer-complete-'));
    await mkdir(join(directory, 'sub'));
    for (const name of ['policy.hcl', '.hidden', 'a b']) await writeFile(join(directory, name), '');
    const [sub, file, hidden] = ['sub/', 'policy.hcl', '.hidden'].map((name) =>
      join(directory, name, name === 'sub/' ? '/' : ''),
    );
    assert.deepEqual(await offered(`vault policy write x ${directory}/`), [file, sub]);
    assert.deepEqual(await offered(`vault policy write x ${directory}/.h`), [hidden]);
    assert.deepEqual(await offered(`vault policy write x ${directory}/absent/`), []);
    await rm(directory, { recursive: true });
  });

  it('offers what the server knows, as far as a shell takes it for one word', async () => {
    await withServer(answer, async ({ address, seen }) => {
      const env = { VAULT_ADDR: address, VAULT_TOKEN: 'mine', VAULT_WRAP_TTL: '5m' };
      const check = async (line: string, expected: readonly string[]) =>
        assert.deepEqual(await offered(line, env), expected, line);
      await check('vault policy read ', ['default', 'root', 'team-a']);
      await check('vault token create -policy=te', ['-policy=team-a']);
      await check('vault secrets disable ', ['cubbyhole/', 'data-2/', 'database/']);
      await check('vault auth tune u', ['userpass/']);
      await check('vault audit disable ', ['file/']);
      await check('vault plugin deregister database ', ['ysql-plugin']);
      await check('vault read dat', ['data-2/', 'database/']);
      await check('vault read datab', ['database/']);
      await check('vault read database/roles/my', ['database/roles/my-other', 'database/roles/my-role']);
      await check('vault read database/roles/s', ['database/roles/sub/deep']);
      await check('vault list database/roles/', ['database/roles/sub/']);
      await check('vault delete auth/userpass/users/', ['auth/userpass/users/ann']);
      await check('vault policy read x ', []);
      for (const { headers, method } of seen)
        assert.deepEqual([method, headers['x-vault-token'], headers['x-vault-wrap-ttl']], ['GET', 'mine', undefined]);
    });
  });

  it('offers nothing, and says nothing, where the server refuses or has nothing that is understood', async () => {
    for (const canned of [
      { status: 403, body: { errors: ['permission denied'] } },
      { status: 503, body: { errors: ['sealed'] } },
      { status: 200, text: 'not JSON' },
      { status: 200, body: { data: { keys: 7, secret: [], detailed: 'x' } } },
    ]) {
      await withServer(
        () => canned,
        async ({ address }) => {
          for (const line of ['policy read ', 'read ', 'secrets disable ', 'plugin info auth '])
            assert.deepEqual(await offered(`vault ${line}`, { VAULT_ADDR: address }), [], line);
        },
      );
    }
    assert.deepEqual(await offered('vault read ', { VAULT_ADDR: 'no url' }), []);
    assert.deepEqual(await offered('vault read ', { VAULT_CACERT: '/absent' }), []);
  });

  it('starts no program that keeps the token', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'coffer-completion-'));
    const [config, helper, ran] = [join(directory, 'config'), join(directory, 'helper'), join(directory, 'ran')];
    await writeFile(helper, `#!/bin/sh\ntouch ${ran}\necho mine\n`, { mode: 0o755 });
    await writeFile(config, `token_helper = "${helper}"\n`);
    await withServer(answer, async ({ address, seen }) => {
      const env = { VAULT_ADDR: address, VAULT_CONFIG_PATH: config };
      assert.deepEqual(await offered('vault policy read ', env), []);
      assert.deepEqual([seen, existsSync(ran)], [[], false]);
      assert.deepEqual(await offered('vault policy read t', { ...env, VAULT_TOKEN: 'mine' }), ['team-a']);
    });
    await rm(directory, { recursive: true });
  });

  it('does not wait for a server that never answers', async () => {
    const server = createServer((socket) => socket.resume().on('error', () => undefined)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    assert.deepEqual(await offered('vault policy read ', { VAULT_ADDR: `http://127.0.0.1:${port}` }), []);
    server.close();
    await once(server, 'close');
  });
});
