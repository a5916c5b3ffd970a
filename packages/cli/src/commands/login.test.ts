import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { CannedAnswer, SeenRequest } from '../cli-fixture.ts';
import { runCli, withServer } from '../cli-fixture.ts';
import type { InputStream } from '../stdin.ts';

let HOME = '';
beforeEach(() => {
  HOME = mkdtempSync(join(tmpdir(), 'coffer-home-'));
});
afterEach(() => rmSync(HOME, { recursive: true }));

const ISSUED = {
  status: 200,
  body: { auth: { client_token: 's.issued', policies: ['default'], lease_duration: 60, renewable: true } },
};
const LOOKUP = {
  status: 200,
  body: {
    data: {
      id: 's.own',
      accessor: 'a',
      policies: ['app'],
      identity_policies: ['team'],
      meta: { k: 'v' },
      ttl: 90,
      renewable: true,
    },
  },
};
const WRAPPED = { status: 200, body: { wrap_info: { token: 's.wrap', ttl: 60, wrapped_accessor: 'inner' } } };

async function login(
  args: readonly string[],
  answer: (request: SeenRequest) => CannedAnswer,
  options: { env?: object; stdin?: string | InputStream } = {},
) {
  let result = { exitCode: -1, stdout: '', stderr: '' };
  let requests: readonly SeenRequest[] = [];
  await withServer(answer, async ({ address, seen }) => {
    const env = { HOME, VAULT_ADDR: address, ...options.env };
    result = await runCli(['login', ...args], {
      env,
      ...(options.stdin === undefined ? {} : { stdin: options.stdin }),
    });
    requests = seen;
  });
  return { ...result, requests };
}

function stored(): string {
  return readFileSync(join(HOME, '.vault-token'), 'utf8');
}

/** A terminal on which somebody types. */
function terminal(typed: string): InputStream & { rawModes: boolean[] } {
  const rawModes: boolean[] = [];
  const stream = new PassThrough();
  const setRawMode = (mode: boolean) => rawModes.push(mode);
  stream.write(typed);
  return Object.assign(stream, { isTTY: true, setRawMode, rawModes });
}

describe('login', () => {
  it('checks a token and keeps it for later commands', async () => {
    const { exitCode, stdout, stderr, requests } = await login(['s.own'], () => LOOKUP);
    assert.deepEqual([exitCode, stderr], [0, '']);
    assert.match(stdout, /^Success! You are now authenticated\./);
    assert.match(
      stdout,
      /^token +s\.own\n.*\ntoken_duration +1m30s\n.*\ntoken_policies +\["app"\]\nidentity_policies +\["team"\]\npolicies +\["app" "team"\]\ntoken_meta_k +v$/m,
    );
    assert.deepEqual(
      [requests[0]?.path, requests[0]?.headers['x-vault-token']],
      ['/v1/auth/token/lookup-self', 's.own'],
    );
    assert.equal(stored(), 's.own');
    assert.equal(statSync(join(HOME, '.vault-token')).mode & 0o777, 0o600);

    await withServer(
      () => LOOKUP,
      async ({ address, seen }) => {
        await runCli(['read', 'x'], { env: { HOME, VAULT_ADDR: address } });
        await runCli(['read', 'x'], { env: { HOME, VAULT_ADDR: address, VAULT_TOKEN: 'env' } });
        assert.deepEqual(
          seen.map(({ headers }) => headers['x-vault-token']),
          ['s.own', 'env'],
        );
        assert.equal((await runCli(['print', 'token'], { env: { HOME } })).stdout, 's.own\n');
      },
    );
  });

  it('takes the place of a token file that others could read', async () => {
    writeFileSync(join(HOME, '.vault-token'), 'old', { mode: 0o644 });
    await login(['-method=userpass', 'username=ana', 'password=pw'], () => ISSUED);
    assert.equal(stored(), 's.issued');
    assert.equal(statSync(join(HOME, '.vault-token')).mode & 0o777, 0o600);
  });

  it('sends no token of the environment, and warns that it stays in force', async () => {
    const { requests, stderr } = await login(
      ['-method=userpass', '-path=people/', 'username=ana', 'password=-'],
      () => ISSUED,
      {
        env: { VAULT_TOKEN: 'env' },
        stdin: 'pw',
      },
    );
    assert.deepEqual(
      [requests[0]?.method, requests[0]?.path, requests[0]?.body],
      ['PUT', '/v1/auth/people/login/ana', { password: 'pw' }],
    );
    assert.equal('x-vault-token' in (requests[0]?.headers ?? {}), false);
    assert.match(stderr, /^WARNING! The VAULT_TOKEN environment variable is set!/);
  });

  it('logs in with the details that a method takes', async () => {
    const approle = await login(['-method=approle', 'role_id=r', 'secret_id=s'], () => ISSUED);
    assert.deepEqual(
      [approle.requests[0]?.path, approle.requests[0]?.body],
      ['/v1/auth/approle/login', { role_id: 'r', secret_id: 's' }],
    );
    const jwt = await login(['-method=kubernetes', 'mount=k8s', 'role=r', 'jwt=j'], () => ISSUED);
    assert.deepEqual([jwt.requests[0]?.path, jwt.requests[0]?.body], ['/v1/auth/k8s/login', { role: 'r', jwt: 'j' }]);
  });

  it('asks for what is missing without showing it', async () => {
    const stdin = terminal('pq\u007fw\r');
    const { requests, stderr, stdout } = await login(['-method=userpass', 'username=ana'], () => ISSUED, { stdin });
    assert.deepEqual(requests[0]?.body, { password: 'pw' });
    assert.equal(stderr, 'Password (will be hidden): \n');
    assert.equal(stdout.includes('pw'), false);
    assert.deepEqual(stdin.rawModes, [true, false]);
    const interrupted = await login([], () => ISSUED, { stdin: terminal('abc\u0003') });
    assert.equal(interrupted.exitCode, 2);
    assert.match(interrupted.stderr, /Error authenticating: user interrupted\n$/);
  });

  it('prints only what was asked for', async () => {
    const details = ['-method=userpass', 'username=ana', 'password=pw'];
    const only = await login(['-token-only', ...details], () => ISSUED);
    assert.deepEqual([only.exitCode, only.stdout, only.stderr], [0, 's.issued', '']);
    assert.throws(stored, { code: 'ENOENT' });
    const silent = await login(['-no-print', ...details], () => ISSUED);
    assert.deepEqual([silent.exitCode, silent.stdout], [0, '']);
    assert.equal(stored(), 's.issued');
    const json = await login(['-format=json', ...details], () => ISSUED);
    assert.equal((JSON.parse(json.stdout) as { auth: { client_token: string } }).auth.client_token, 's.issued');
  });

  it('unwraps a wrapped token, unless the wrapping token is wanted', async () => {
    const details = ['-method=userpass', 'username=ana', 'password=pw'];
    const answer = ({ path }: SeenRequest) => (path === '/v1/sys/wrapping/unwrap' ? ISSUED : WRAPPED);
    const { requests } = await login(['-wrap-ttl=1m', ...details], answer);
    assert.equal(stored(), 's.issued');
    assert.equal(requests[0]?.headers['x-vault-wrap-ttl'], '1m0s');
    assert.equal(requests[1]?.headers['x-vault-token'], 's.wrap');
    assert.equal('x-vault-wrap-ttl' in (requests[1]?.headers ?? {}), false);
    assert.equal((await login(['-wrap-ttl=1m', '-token-only', ...details], answer)).stdout, 's.wrap');
    assert.match(
      (await login(['-wrap-ttl=1m', '-no-store', ...details], answer)).stdout,
      /^wrapping_token: +s\.wrap$/m,
    );
  });

  it('says what went wrong', async () => {
    const cases: [string[], CannedAnswer, number, RegExp][] = [
      [['-method=nope'], ISSUED, 1, /^Unknown auth method: nope\. Use "vault auth list"/],
      [['-no-store', '-no-print'], ISSUED, 1, /^-no-store and -no-print cannot be used together\n$/],
      [['-method=userpass'], ISSUED, 2, /^Error authenticating: 'username' must be specified\n$/],
      [
        ['-non-interactive'],
        ISSUED,
        2,
        /^Error authenticating: 'token' not supplied and refusing to pull from stdin\n$/,
      ],
      [[], ISSUED, 2, /^Error authenticating: cannot ask for "Token": stdin is not a terminal; /],
      [
        ['x'],
        { status: 403, body: { errors: ['permission denied'] } },
        2,
        /^Error authenticating: error looking up token: .*403/s,
      ],
      [
        ['-method=approle', 'role_id=r'],
        { status: 200, body: { data: { a: 1 } } },
        2,
        /^Error extracting token: no auth or wrapping info/,
      ],
    ];
    for (const [args, answer, code, message] of cases) {
      const { exitCode, stdout, stderr } = await login(args, () => answer);
      assert.deepEqual([exitCode, stdout], [code, ''], args.join(' '));
      assert.match(stderr, message);
    }
  });

  it('shows the token when it cannot be kept', async () => {
    const { exitCode, stdout, stderr } = await login(['-method=approle', 'role_id=r'], () => ISSUED, {
      env: { HOME: join(HOME, 'absent') },
    });
    assert.equal(exitCode, 2);
    assert.match(
      stderr,
      /^Error storing token: open .*\.vault-token: no such file or directory\nAuthentication was successful, but/,
    );
    assert.match(stdout, /^token +s\.issued$/m);
  });
});
