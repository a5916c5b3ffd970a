/** Numbers that JavaScript does not have: what a client sends comes back digit for digit, or as the text that it was. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { runCli } from '../packages/cli/src/cli-fixture.ts';
import { startTestServer, type TestServer } from './dev-server.ts';

const NUMBERS = [
  '9007199254740993',
  '-9223372036854775809',
  '12345678901234567890',
  '1e400',
  '-0',
  '1.0',
  '1E+2',
  '0.10',
  '3.14159265358979323846',
  '7',
];
const DATA = `{"list":[${NUMBERS.join(',')}],"in":{"deep":[{"n":9007199254740993}]},"text":"1.0","ttl":3600}`;

let server: TestServer;
let folder: string;
before(async () => {
  server = await startTestServer();
  folder = mkdtempSync(join(tmpdir(), 'coffer-numbers-'));
});
after(async () => {
  rmSync(folder, { recursive: true });
  await server.close();
});

async function send(method: string, path: string, body: string, headers: Readonly<Record<string, string>> = {}) {
  const response = await fetch(`${server.address}/v1/${path}`, {
    method,
    headers: { 'x-vault-token': 'root', ...headers },
    ...(body !== '' && { body }),
  });
  return { status: response.status, text: await response.text() };
}
async function wrap(data: string): Promise<string> {
  const { text } = await send('POST', 'sys/wrapping/wrap', data, { 'x-vault-wrap-ttl': '60' });
  return tokenIn(text);
}
const tokenIn = (text: string): string => /"token":"([^"]+)"/.exec(text)?.[1] ?? assert.fail(text);
const unwrap = (token: string) => send('POST', 'sys/wrapping/unwrap', JSON.stringify({ token }));

describe('wrapped numbers', () => {
  it('come back digit for digit', async () => {
    const { status, text } = await unwrap(await wrap(DATA));
    assert.equal(status, 200);
    assert.ok(text.includes(`"data":${DATA}`), text);
  });

  it('do so after they have been moved, too', async () => {
    const moved = await send('POST', 'sys/wrapping/rewrap', JSON.stringify({ token: await wrap(DATA) }));
    const { text } = await unwrap(tokenIn(moved.text));
    assert.ok(text.includes(`"data":${DATA}`), text);
  });

  it('do so each at the top of the data', async () => {
    for (const number of NUMBERS) {
      const { text } = await unwrap(await wrap(`{"n":${number}}`));
      assert.ok(text.includes(`"data":{"n":${number}}`), text);
    }
  });

  it('are told from objects that look like them', async () => {
    const lookalikes = '{"a":{"text":"1.0"},"b":{"rawJSON":"1e400"},"c":{"toJSON":"x"}}';
    assert.ok((await unwrap(await wrap(lookalikes))).text.includes(lookalikes));
    for (const body of ['1.0', '-0', '12345678901234567890']) {
      const answer = await send('POST', 'sys/wrapping/wrap', body, { 'x-vault-wrap-ttl': '60' });
      assert.deepEqual([answer.status, /not a number/.test(answer.text)], [400, true], answer.text);
    }
  });

  it('are the same through the command line, in every format', async () => {
    const file = join(folder, 'data.json');
    writeFileSync(file, DATA);
    const env = { VAULT_ADDR: server.address, VAULT_TOKEN: 'root' };
    const wrapped = async (): Promise<string> => {
      const ran = await runCli(['write', '-field=wrapping_token', 'sys/wrapping/wrap', `@${file}`], { env });
      assert.equal(ran.exitCode, 0, ran.stderr);
      return ran.stdout;
    };
    const shown = async (...flags: string[]): Promise<string> => {
      const ran = await runCli(['unwrap', ...flags, await wrapped()], { env });
      assert.equal(ran.exitCode, 0, ran.stderr);
      return ran.stdout;
    };
    assert.ok((await shown('-format=json')).replace(/\s/g, '').includes(`"list":[${NUMBERS.join(',')}]`));
    assert.equal(await shown('-field=list'), `[${NUMBERS.join(' ')}]`);
    const table = await shown();
    assert.match(table, new RegExp(`^list +\\[${NUMBERS.join(' ').replace(/[.+]/g, '\\$&')}\\]$`, 'm'));
    assert.match(table, /^in +map\[deep:\[map\[n:9007199254740993\]\]\]$/m);
    assert.match(table, /^ttl +1h$/m);
    const yaml = await shown('-format=yaml');
    for (const whole of ['9007199254740993', '-9223372036854775809', '12345678901234567890']) {
      assert.ok(yaml.includes(`- ${whole}\n`), yaml);
    }
  });
});

describe('numbers in fields of text', () => {
  it('are their digits', async () => {
    await send('POST', 'sys/auth/userpass', '{"type":"userpass"}');
    for (const password of ['9007199254740993', '12345678901234567890', '1.0']) {
      assert.equal((await send('POST', 'auth/userpass/users/ana', `{"password":${password}}`)).status, 204);
      const login = await send('POST', 'auth/userpass/login/ana', `{"password":"${password}"}`);
      assert.equal(login.status, 200, login.text);
    }
    const { text } = await send('POST', 'auth/token/create', '{"display_name":9007199254740993,"ttl":"1h"}');
    const { client_token: token } = (JSON.parse(text) as { auth: { client_token: string } }).auth;
    const self = await send('GET', 'auth/token/lookup-self', '', { 'x-vault-token': token });
    assert.match(self.text, /"display_name":"token-9007199254740993"/);
    await send('POST', 'sys/mounts/db', '{"type":"database","options":{"n":9007199254740993,"f":1.5}}');
    assert.match((await send('GET', 'sys/mounts/db', '')).text, /"options":\{"n":"9007199254740993","f":"1.5"\}/);
  });

  it('are what a policy is asked about', async () => {
    const policy =
      'path "auth/token/create" { capabilities = ["update"] denied_parameters = { policies = ["9007199254740993"] } }';
    await send('PUT', 'sys/policies/acl/narrow', JSON.stringify({ policy }));
    const made = await send('POST', 'auth/token/create', '{"policies":["narrow"]}');
    const { client_token: token } = (JSON.parse(made.text) as { auth: { client_token: string } }).auth;
    for (const [body, status] of [
      ['{"policies":[9007199254740993]}', 403],
      ['{"policies":9007199254740993}', 403],
      ['{"policies":["default"]}', 200],
    ] as const) {
      assert.equal((await send('POST', 'auth/token/create', body, { 'x-vault-token': token })).status, status, body);
    }
  });
});

describe('numbers in fields that count', () => {
  it('are taken in any form that is whole, and refused where they are too large', async () => {
    for (const [ttl, seconds] of [
      ['60.0', 60],
      ['6e1', 60],
      ['"60"', 60],
    ] as const) {
      const { text } = await send('POST', 'auth/token/create', `{"ttl":${ttl}}`);
      assert.match(text, new RegExp(`"lease_duration":${seconds},`), ttl);
    }
    for (const body of ['{"num_uses":9007199254740993}', '{"num_uses":1e400}', '{"ttl":1e400}', '{"num_uses":1.5}']) {
      assert.equal((await send('POST', 'auth/token/create', body)).status, 400, body);
    }
  });
});
