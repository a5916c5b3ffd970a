import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type CannedAnswer, type Ran, runCli, type SeenRequest, withServer } from './cli-fixture.ts';

const DONE: CannedAnswer = { status: 200, body: { data: { a: 'b' } } };
const AT_ONCE = { 'Retry-After': '0' };

function refusal(status: number, headers: Readonly<Record<string, string>> = AT_ONCE): CannedAnswer {
  return { status, headers, body: { errors: [`this is ${status}`] } };
}

/** Runs a command against a server that gives these answers, the last of them again and again. */
async function against(
  answers: readonly CannedAnswer[],
  env: Readonly<Record<string, string>>,
  argv: readonly string[] = ['read', 'x'],
): Promise<{ readonly ran: Ran; readonly seen: readonly SeenRequest[] }> {
  let next = 0;
  let result: { ran: Ran; seen: readonly SeenRequest[] } | undefined;
  await withServer(
    () => answers[Math.min(next++, answers.length - 1)] ?? DONE,
    async ({ address, seen }) => {
      result = { ran: await runCli(argv, { env: { VAULT_ADDR: address, VAULT_TOKEN: 't', ...env } }), seen };
    },
  );
  assert.ok(result);
  return result;
}

describe('VAULT_MAX_RETRIES', () => {
  it('is none unless it is set, as on the command line of Vault', async () => {
    for (const status of [503, 500, 429, 0]) {
      const { ran, seen } = await against([refusal(status), DONE], {});
      assert.deepEqual([ran.exitCode, seen.length], [2, 1], String(status));
    }
    const { ran, seen } = await against([refusal(503), DONE], {}, ['status']);
    assert.deepEqual([ran.exitCode, seen.length], [1, 1]);
  });

  it('sends a request again as it was, until it is answered', async () => {
    for (const status of [503, 429]) {
      const answers = [refusal(status), refusal(status), DONE];
      const { ran, seen } = await against(answers, { VAULT_MAX_RETRIES: '2' }, ['write', '-field=a', 'x', 'k=v']);
      assert.deepEqual(ran, { exitCode: 0, stdout: 'b', stderr: '' });
      assert.deepEqual(
        seen.map(({ method, path, body, headers }) => [method, path, body, headers['x-vault-token']]),
        Array.from({ length: 3 }, () => ['PUT', '/v1/x', { k: 'v' }, 't']),
      );
    }
  });

  it('ends with the last answer', async () => {
    const { ran, seen } = await against([refusal(503), refusal(503), refusal(429)], { VAULT_MAX_RETRIES: '2' });
    assert.match(ran.stderr, /Code: 429\. Errors:\n\n\* this is 429\n$/);
    assert.deepEqual([ran.exitCode, seen.length], [2, 3]);
  });

  it('is for no answer, 412, 429 and 5xx other than 501', async () => {
    // Those of which Retry-After means nothing wait a second or more.
    const counted = async (status: number, expected: number) => {
      const { seen } = await against([refusal(status), DONE], { VAULT_MAX_RETRIES: '1' });
      assert.equal(seen.length, expected, String(status));
    };
    await Promise.all([
      ...[0, 412, 500, 502, 504].map((status) => counted(status, 2)),
      ...[400, 403, 404, 405, 501].map((status) => counted(status, 1)),
    ]);
  });

  it('waits for nothing that comes after VAULT_CLIENT_TIMEOUT', async () => {
    const env = { VAULT_MAX_RETRIES: '2', VAULT_CLIENT_TIMEOUT: '30s' };
    const later = new Date(Date.now() + 3_600_000).toUTCString();
    for (const wait of ['3600', later]) {
      const { ran, seen } = await against([refusal(503, { 'Retry-After': wait }), DONE], env);
      assert.match(ran.stderr, /\* this is 503\n$/);
      assert.deepEqual([ran.exitCode, seen.length], [2, 1]);
    }
  });
});

describe('what the environment says about requests', () => {
  it('is refused by the name of the variable', async () => {
    const cases: [string, string, RegExp][] = [
      ['VAULT_MAX_RETRIES', 'x', /VAULT_MAX_RETRIES: invalid value "x": use a number of retries/],
      ['VAULT_MAX_RETRIES', '-1', /VAULT_MAX_RETRIES: invalid value "-1"/],
      ['VAULT_RATE_LIMIT', '1:x', /VAULT_RATE_LIMIT: invalid value "1:x": use requests per second/],
      ['VAULT_CLIENT_TIMEOUT', 'soon', /VAULT_CLIENT_TIMEOUT/],
      ['VAULT_PROXY_ADDR', 'socks5://u:hunter2@x:1', /^[^:]*: VAULT_PROXY_ADDR must be an http:\/\/ or https:\/\/ URL/],
      ['https_proxy', 'http://u:hunter2@', /^[^:]*: https_proxy must be an http:\/\/ or https:\/\/ URL/],
    ];
    for (const [variable, value, message] of cases) {
      const { ran, seen } = await against([DONE], { [variable]: value });
      assert.match(ran.stderr, /^failed to read environment: /);
      assert.match(ran.stderr, message);
      assert.equal(ran.stderr.includes('hunter2'), false);
      assert.deepEqual([ran.exitCode, seen.length], [2, 0], variable);
    }
  });

  it('takes the rates that Vault takes', async () => {
    for (const rate of ['10', '0.5', '10:20', '1:0'])
      assert.equal((await against([DONE], { VAULT_RATE_LIMIT: rate })).ran.exitCode, 0, rate);
  });
});
