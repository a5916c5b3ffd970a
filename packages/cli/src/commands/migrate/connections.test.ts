import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { type CannedAnswer, runCli, type SeenRequest, withServer } from '../../cli-fixture.ts';
import { connections, NOTHING, temporaryFiles, terminal, written } from './source-fixture.ts';

describe('migrate vault and what no server shows of a connection', () => {
  const file = temporaryFiles();

  it('asks for the token and for passwords on a terminal, and shows none of them', async () => {
    await withServer(connections, async ({ address, seen }) => {
      const { exitCode, stdout, stderr } = await runCli(['migrate', 'vault', `-from=${address}`], {
        env: { VAULT_ADDR: `${address}/target`, VAULT_TOKEN: 'mine' },
        stdin: terminal('theirs\r', 'sesame\r', '\r'),
      });
      assert.equal(exitCode, 2);
      assert.equal(seen[0]?.headers['x-vault-token'], 'theirs');
      assert.deepEqual(written(seen), [
        { host: 'h', username: 'admin', plugin_name: 'ysql-plugin', password: 'sesame' },
      ]);
      assert.match(stderr, /^Token for .* \(will be hidden\): \npassword of admin for db\/config\/one, or nothing/);
      assert.match(stdout, /^created +connection +db\/config\/one$/m);
      assert.match(stdout, /^waits +connection +db\/config\/two: the source does not show password: see below$/m);
      assert.match(stdout, /^unread +connection +db\/config\/team\/: not read: names with a slash/m);
      assert.match(
        stdout,
        /^printf %s "\$PASSWORD" \| vault write db\/config\/two \\\n {4}username=admin[^|]*password=-$/m,
      );
      assert.doesNotMatch(stdout + stderr, /sesame|theirs/);
    });
  });

  it('ends when whoever is asked breaks off', async () => {
    await withServer(connections, async ({ address, seen }) => {
      const { exitCode, stderr } = await runCli(['migrate', 'vault', `-from=${address}`], {
        env: { VAULT_ADDR: `${address}/target`, VAULT_TOKEN: 'mine', VAULT_FROM_TOKEN: 'theirs' },
        stdin: terminal(),
      });
      assert.deepEqual([exitCode, written(seen)], [1, []]);
      assert.match(stderr, /Error asking: user interrupted\n$/);
    });
  });

  const CERTIFICATE = '-----BEGIN CERTIFICATE-----\n@\n-----END CERTIFICATE-----\n';
  /** As {@link connections}, which log in by a certificate. */
  const withCertificate = (request: SeenRequest): CannedAnswer => {
    const details = { connection_url: 'postgres://h/db', username: '@admin', tls_certificate: CERTIFICATE };
    const isOne = /^\/v1\/db\/config\/[a-z]+$/.test(request.path);
    const body = { data: { plugin_name: 'ysql-plugin', connection_details: details } };
    return isOne ? { status: 200, body } : connections(request);
  };

  it('takes a key from a file whose name is asked for, since a terminal takes one line', async () => {
    const key = '-----BEGIN PRIVATE KEY-----\nsesame\n-----END PRIVATE KEY-----\n';
    const name = await file('key.pem', key);
    await withServer(withCertificate, async ({ address, seen }) => {
      const { stdout, stderr } = await runCli(['migrate', 'vault', `-from=${address}`], {
        env: { VAULT_ADDR: `${address}/target`, VAULT_TOKEN: 'mine', VAULT_FROM_TOKEN: 'theirs' },
        stdin: terminal('open\r', `${name}\r`, 'open\r', `${name}.not\r`),
      });
      const [body = {}] = written(seen) as Record<string, unknown>[];
      assert.deepEqual([written(seen).length, body['private_key'], body['password']], [1, key, 'open']);
      assert.match(stderr, /file with the private_key of @admin for db\/config\/one, or nothing/);
      assert.match(stdout, /^refused +connection +db\/config\/two: open .*key\.pem\.not: no such file/m);
      assert.doesNotMatch(stdout + stderr, /sesame/);
    });
  });

  it('prints commands that bring no secret into the list of processes, and the values as they are', async () => {
    await withServer(withCertificate, async ({ address }) => {
      const { stdout } = await runCli(['migrate', 'vault', `-from=${address}`, '-dry-run'], {
        env: { VAULT_ADDR: `${address}/target`, VAULT_TOKEN: 'mine', VAULT_FROM_TOKEN: 'theirs' },
      });
      const start = stdout.indexOf('printf %s');
      const script = stdout.slice(start, stdout.indexOf('private_key.pem', start) + 'private_key.pem'.length);
      const shell = `vault() { cat; printf ' <%s>' "$@"; }\nPASSWORD=sesame\n${script}`;
      const { stdout: given } = await promisify(execFile)('sh', ['-c', shell]);
      const fields = ['connection_url=postgres://h/db', 'username=\\@admin', `tls_certificate=${CERTIFICATE}`];
      const all = ['write', 'db/config/one', ...fields, 'plugin_name=ysql-plugin', 'password=-'];
      assert.equal(given, ['sesame', ...[...all, 'private_key=@private_key.pem'].map((word) => `<${word}>`)].join(' '));
    });
  });

  it('makes a connection unverified where the file of secrets says so, and finds it the same afterwards', async () => {
    const secrets = await file('unverified', '{"db/config/one": {"password": "p", "verify_connection": "false"}}');
    for (const isThere of [false, true]) {
      const answer = (request: SeenRequest): CannedAnswer => {
        const there = isThere && request.path.endsWith('/target/v1/db/config/one');
        return connections(there ? { ...request, path: '/v1/db/config/one' } : request);
      };
      await withServer(answer, async ({ address, seen }) => {
        const { stdout } = await runCli(['migrate', 'vault', `-from=${address}`, `-secrets=${secrets}`], {
          env: { VAULT_ADDR: `${address}/target`, VAULT_TOKEN: 'mine', VAULT_FROM_TOKEN: 'theirs' },
        });
        const asked = (written(seen) as Record<string, unknown>[]).map((body) => body['verify_connection']);
        assert.deepEqual(asked, isThere ? [] : ['false']);
        assert.match(
          stdout,
          isThere ? /^same +connection +db\/config\/one$/m : /^created +connection +db\/config\/one$/m,
        );
      });
    }
  });

  it('names the namespaces below, each a move of its own, and no plugin of ours in place of another database', async () => {
    const namespaces = (request: SeenRequest): CannedAnswer => {
      const ok = (data: object): CannedAnswer => ({ status: 200, body: { data } });
      if (request.path.startsWith('/v1/sys/namespaces?')) return ok({ keys: ['team/'] });
      if (request.path.includes('/plugins/catalog/')) return NOTHING;
      const [, name] = /^\/v1\/db\/config\/([a-z]+)$/.exec(request.path) ?? [];
      if (name === undefined) return connections(request);
      return ok({ plugin_name: name === 'one' ? 'mysql-database-plugin' : 'our-postgres', connection_details: {} });
    };
    await withServer(namespaces, async ({ address }) => {
      const { stdout } = await runCli(['migrate', 'vault', `-from=${address}`, '-from-namespace=first/', '-dry-run'], {
        env: { VAULT_ADDR: `${address}/target`, VAULT_TOKEN: 'mine', VAULT_FROM_TOKEN: 'theirs' },
      });
      assert.match(stdout, /^stays +namespace +sys\/namespaces\/team\/: .* with -from-namespace=first\/team$/m);
      assert.match(stdout, /config\/one: the plugin "mysql-database-plugin" is not known here: register it; only Yuga/);
      assert.match(stdout, /config\/two: the plugin "our-postgres" .*as in -plugin-name=our-postgres=ysql-plugin$/m);
    });
  });
});
