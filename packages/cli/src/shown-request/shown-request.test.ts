import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { runCli, withServer } from '../cli-fixture.ts';

const TOKEN = 'hvs.never-shown';
const HEADERS = '-H "X-Vault-Request: true" -H "X-Vault-Token: $(coffer print token)"';

/** What a command prints, and that nothing was sent and the token is nowhere. */
async function shown(argv: readonly string[], { stdin = '' } = {}) {
  let ran = { exitCode: -1, stdout: '', stderr: '' };
  await withServer(
    () => ({ status: 500 }),
    async ({ address, seen }) => {
      const env = { VAULT_ADDR: address, VAULT_TOKEN: TOKEN };
      ran = await runCli(argv, { env, stdin, extra: { program: 'coffer' } });
      assert.deepEqual(seen, [], argv.join(' '));
      ran = { ...ran, stdout: ran.stdout.replaceAll(address, 'ADDR') };
    },
  );
  assert.ok(!`${ran.stdout}${ran.stderr}`.includes(TOKEN), argv.join(' '));
  return ran;
}

// Each line is what OpenBao 2.7 printed for the same arguments, with the headers in one order and its program's name replaced.
const CURL: readonly (readonly [argv: readonly string[], line: string])[] = [
  [['read', 'secret/foo'], `curl ${HEADERS} "ADDR/v1/secret/foo"`],
  [['read', 'secret/foo', 'a=b c'], `curl ${HEADERS} "ADDR/v1/secret/foo?a=b+c"`],
  [
    ['write', 'secret/f oo', "a=it's", 'b=2'],
    `curl -X PUT ${HEADERS} -d '{"a":"it'"'"'s","b":"2"}' "ADDR/v1/secret/f%20oo"`,
  ],
  [['write', '-f', 'secret/foo'], `curl -X PUT ${HEADERS} -d 'null' "ADDR/v1/secret/foo"`],
  [['delete', 'secret/foo'], `curl -X DELETE ${HEADERS} "ADDR/v1/secret/foo"`],
  [['list', 'secret/foo'], `curl ${HEADERS} "ADDR/v1/secret/foo?list=true"`],
  [['status'], `curl ${HEADERS} "ADDR/v1/sys/seal-status"`],
  [['token', 'revoke', '-self'], `curl -X PUT ${HEADERS} "ADDR/v1/auth/token/revoke-self"`],
  [['login', 'abc'], `curl ${HEADERS} "ADDR/v1/auth/token/lookup-self"`],
  [
    ['login', '-method=userpass', 'username=a', 'password=b'],
    `curl -X PUT -H "X-Vault-Request: true" -d '{"password":"b"}' "ADDR/v1/auth/userpass/login/a"`,
  ],
  [['monitor'], `curl ${HEADERS} "ADDR/v1/sys/monitor?log_format=standard&log_level=info"`],
  [
    ['read', '-ns=a/b', '-tls-skip-verify', '-wrap-ttl=5m', '-mfa=a:b', 'x'],
    `curl --insecure ${HEADERS} -H "X-Vault-Namespace: a/b/" -H "X-Vault-Mfa: a:b" -H "X-Vault-Wrap-Ttl: 5m0s" "ADDR/v1/x"`,
  ],
];

const POLICIES: readonly (readonly [argv: readonly string[], path: string, capabilities: string])[] = [
  [['read', 'secret/foo'], 'secret/foo', '"read"'],
  [['write', 'secret/foo', 'a=b'], 'secret/foo', '"create", "update"'],
  [['delete', 'secret/foo'], 'secret/foo', '"delete"'],
  [['list', 'secret/foo/'], 'secret/foo', '"list"'],
  [['read', 'sys/audit'], 'sys/audit', '"read", "sudo"'],
  [['plugin', 'info', 'database', 'x'], 'sys/plugins/catalog/database/x', '"read", "sudo"'],
  [['secrets', 'move', 'a', 'b'], 'sys/remount', '"create", "update", "sudo"'],
  [['secrets', 'enable', 'database'], 'sys/mounts/database', '"create", "update"'],
  [['lease', 'revoke', '-prefix', 'a/b'], 'sys/leases/revoke-prefix/a/b', '"create", "update", "sudo"'],
  [['operator', 'snapshot', 'save', '/absent/file'], 'sys/storage/raft/snapshot', '"read"'],
  [['operator', 'rekey', '-init'], 'sys/rekey/init', '"create", "update", "sudo"'],
];

/** The flag behind the words of the command's name, where flags stand. */
function withFlag(argv: readonly string[], flag: string): string[] {
  const groups = ['token', 'secrets', 'plugin', 'lease', 'operator', 'snapshot', 'print'];
  const at = argv.findIndex((word) => !groups.includes(word)) + 1;
  return [...argv.slice(0, at), flag, ...argv.slice(at)];
}

describe('-output-curl-string', () => {
  for (const [argv, line] of CURL) {
    it(argv.join(' '), async () => {
      const expected = { exitCode: 0, stdout: `${line}\n`, stderr: '' };
      assert.deepEqual(await shown(withFlag(argv, '-output-curl-string')), expected);
    });
  }

  it('asks nothing first where the command does', async () => {
    const { stdout } = await shown(['operator', 'init', '-output-curl-string', '-key-shares=1', '-key-threshold=1']);
    assert.equal(stdout, `curl -X PUT ${HEADERS} -d '{"secret_shares":1,"secret_threshold":1}' "ADDR/v1/sys/init"\n`);
    const { stdout: recovery } = await shown(['operator', 'init', '-output-curl-string', '-recovery-shares=1']);
    assert.match(recovery, /-d '\{"recovery_shares":1,/);
  });

  it('names files, and a socket', async () => {
    const file = import.meta.filename;
    const argv = ['read', '-output-curl-string', '-address=unix:///tmp/a b.sock', `-ca-cert=${file}`];
    const { stdout } = await shown([...argv, `-client-cert=${file}`, `-client-key=${file}`, 'x']);
    const files = `--cacert '${file}' --cert '${file}' --key '${file}'`;
    assert.equal(stdout, `curl --unix-socket '/tmp/a b.sock' ${files} ${HEADERS} "http://localhost/v1/x"\n`);
  });

  it('gives a line that the shell takes apart as it was meant, and runs nothing of it', async () => {
    const evil = 'q"`id`$(id)\\!';
    const { stdout } = await shown(['write', '-output-curl-string', `-header=X-A=${evil}`, `a/${evil}`, `k=${evil}'`]);
    const script = `coffer() { echo tok; }\ncurl() { printf '%s\\n' "$@"; }\n${stdout}`;
    const words = (await promisify(execFile)('bash', ['-c', script])).stdout.trimEnd().split('\n');
    assert.ok(words.includes(`X-A: ${evil}`) && words.includes('X-Vault-Token: tok'), words.join('\n'));
    assert.ok(words.includes(JSON.stringify({ k: `${evil}'` })), words.join('\n'));
    assert.equal(
      decodeURIComponent(new URL(words.at(-1)?.replace('ADDR', 'http://x') ?? '').pathname),
      `/v1/a/${evil}`,
    );
  });

  it('says when there is nothing to show', async () => {
    assert.deepEqual(await shown(['print', 'token', '-output-curl-string']), {
      exitCode: 1,
      stdout: '',
      stderr: 'Could not generate cURL command\n',
    });
    const { exitCode, stderr } = await shown(['write', '-output-curl-string', 'x', 'y']);
    assert.equal(exitCode, 1);
    assert.match(stderr, /^Failed to parse K=V data: .*\nUnable to generate cURL string from command\n$/);
  });

  it('can be switched off', async () => {
    await withServer(
      () => ({ status: 200, body: { data: { a: 1 } } }),
      async ({ address, seen }) => {
        await runCli(['read', '-output-curl-string=false', 'x'], { env: { VAULT_ADDR: address } });
        assert.equal(seen.length, 1);
      },
    );
  });
});

describe('-output-policy', () => {
  for (const [argv, path, capabilities] of POLICIES) {
    it(argv.join(' '), async () => {
      const stdout = `path "${path}" {\n  capabilities = [${capabilities}]\n}\n`;
      assert.deepEqual(await shown(withFlag(argv, '-output-policy')), { exitCode: 0, stdout, stderr: '' });
    });
  }

  it('yields to the other one, as in Vault', async () => {
    assert.match((await shown(['read', '-output-policy', '-output-curl-string', 'x'])).stdout, /^curl /);
    assert.equal((await shown(['print', 'token', '-output-policy'])).stderr, 'Could not generate policy\n');
  });
});
