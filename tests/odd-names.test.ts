/** Names that every JavaScript object knows (`constructor`, `__proto__`) are names like any other, wherever one is given. */
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { text as textOf } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { run } from '@coffer/cli';
import { startTestServer, type TestServer } from './dev-server.ts';

const NAMES = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf'];

let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(() => server.close());

interface Answer {
  readonly status: number;
  readonly body: JsonObject;
  readonly text: string;
}

/** With the body as text, since an object written in a program has no key `__proto__`. */
async function send(method: string, path: string, body?: string, token = 'root'): Promise<Answer> {
  const answer = await fetch(`${server.address}/v1/${path}`, {
    method,
    headers: { 'x-vault-token': token, 'content-type': 'application/json' },
    ...(body !== undefined && { body }),
  });
  const text = await answer.text();
  return { status: answer.status, text, body: (text === '' ? {} : JSON.parse(text)) as JsonObject };
}

/** The text of an object with these names as its keys. */
const objectOf = (value: (name: string) => string): string =>
  `{${NAMES.map((name) => `${JSON.stringify(name)}: ${value(name)}`).join(', ')}}`;

function own(object: unknown, ...keys: string[]): unknown {
  return keys.reduce((inner, key) => {
    assert.ok(typeof inner === 'object' && inner !== null && Object.hasOwn(inner, key), `there is no ${key}`);
    return (inner as JsonObject)[key];
  }, object);
}

const dataOf = ({ body }: Answer): unknown => own(body, 'data');

/** Runs one command line with the root token. */
async function coffer(...words: string[]): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const [stdout, stderr, stdin] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdin.end();
  const env = { HOME: '/nonexistent', VAULT_ADDR: server.address, VAULT_TOKEN: 'root' };
  const exitCode = await run(words, { stdin, stdout, stderr, env });
  stdout.end();
  stderr.end();
  return { exitCode, stdout: await textOf(stdout), stderr: await textOf(stderr) };
}

describe('names that every object knows', () => {
  for (const name of NAMES) {
    it(`${name} names policies, and no capability, shorthand or key in them`, async () => {
      const text = `path "a" { capabilities = ["read"] comment = "${name}" }`;
      assert.equal((await send('PUT', `sys/policies/acl/${name}`, JSON.stringify({ policy: text }))).status, 204);
      assert.equal(own(dataOf(await send('GET', `sys/policies/acl/${name}`)), 'policy'), text);
      const { keys } = dataOf(await send('LIST', 'sys/policies/acl')) as { keys: string[] };
      assert.ok(keys.includes(name.toLowerCase()));
      assert.equal((await send('DELETE', `sys/policies/acl/${name}`)).status, 204);
      assert.equal((await send('GET', `sys/policies/acl/${name}`)).status, 404);
      for (const body of [
        `path "a" { policy = "${name}" }`,
        `path "a" { capabilities = ["${name}"] }`,
        `path "a" { ${name} = 1 }`,
        `${name} = 1`,
        `{"${name}": {}}`,
        `{"path": {"a": {"${name}": []}}}`,
      ]) {
        const refused = await send('PUT', 'sys/policies/acl/odd', JSON.stringify({ policy: body }));
        assert.equal(refused.status, 400, body);
        assert.match(refused.text, new RegExp(`failed to parse policy.*${name}`), body);
      }
    });

    it(`${name} names a path and a parameter of a policy`, async () => {
      const policy = `path "sys/policies/acl/${name}" { capabilities = ["create", "update"] denied_parameters = { "${name}" = [] } }`;
      await send('PUT', 'sys/policies/acl/odd', JSON.stringify({ policy }));
      const made = await send('POST', 'auth/token/create', '{"policies": ["odd"]}');
      const token = String(own(made.body, 'auth', 'client_token'));
      const write = (more: string) =>
        send('PUT', `sys/policies/acl/${name.toLowerCase()}`, `{"policy": "name = \\"x\\""${more}}`, token);
      const path = name === name.toLowerCase();
      assert.equal((await write('')).status, path ? 204 : 403);
      assert.equal((await write(`, "${name}": 1`)).status, 403);
    });

    it(`${name} names password policies, and no rule or key in them`, async () => {
      const policy = 'length = 8 rule "charset" { charset = "ab" }';
      const path = `sys/policies/password/${name}`;
      assert.equal((await send('GET', `${path}/generate`)).status, 400);
      assert.equal((await send('PUT', path, JSON.stringify({ policy }))).status, 204);
      assert.match(String(own(dataOf(await send('GET', `${path}/generate`)), 'password')), /^[ab]{8}$/);
      const rule = `length = 8 rule "${name}" { charset = "ab" }`;
      assert.match((await send('PUT', path, JSON.stringify({ policy: rule }))).text, /is not known; use rule/);
      const key = `length = 8 ${name} = 1 rule "charset" { charset = "ab" }`;
      assert.match((await send('PUT', path, JSON.stringify({ policy: key }))).text, /keys without effect/);
    });

    it(`${name} is no type of engine, auth method or plugin`, async () => {
      for (const [path, body] of [
        ['sys/mounts/odd', { type: name }],
        ['sys/auth/odd', { type: name }],
        [`sys/plugins/catalog/${name}/x`, { command: 'x', sha256: '00' }],
        ['sys/plugins/catalog/x', { type: name, command: 'x', sha256: '00' }],
        ['odd-database/config/x', { plugin_name: name, connection_url: 'postgres://localhost/x' }],
      ] as const) {
        if (path.startsWith('odd-database')) await send('POST', 'sys/mounts/odd-database', '{"type": "database"}');
        const { status, text } = await send('POST', path, JSON.stringify(body));
        assert.equal(status, 400, `${path}: ${text}`);
        assert.match(text, new RegExp(name), path);
      }
      assert.equal((await send('GET', `sys/plugins/catalog/database/${name}`)).status, 404);
    });

    it(`${name} names a mount, a role and a user`, async () => {
      assert.equal((await send('POST', `sys/mounts/${name}`, '{"type": "database"}')).status, 204);
      assert.equal(own(dataOf(await send('GET', 'sys/mounts')), `${name}/`, 'type'), 'database');
      assert.equal((await send('GET', `${name}/roles/${name}`)).status, 404);
      assert.equal((await send('GET', `${name}/creds/${name}`)).status, 400);
      assert.equal((await send('DELETE', `sys/mounts/${name}`)).status, 204);
      assert.equal((await send('POST', `auth/token/roles/${name}`, '{}')).status, 204);
      assert.equal(own(dataOf(await send('GET', `auth/token/roles/${name}`)), 'name'), name);
    });

    it(`${name} is no function and no field of a template`, async () => {
      await send('POST', 'sys/mounts/odd-database', '{"type": "database"}');
      for (const template of [`{{${name}}}`, `{{.${name}}}`, `{{.RoleName | ${name}}}`]) {
        const body = {
          plugin_name: 'ysql-plugin',
          connection_url: 'postgres://localhost:1/x',
          verify_connection: false,
        };
        const { status, text } = await send(
          'POST',
          'odd-database/config/x',
          JSON.stringify({ ...body, username_template: template }),
        );
        assert.equal(status, 400, `${template}: ${text}`);
      }
    });
  }

  it('are asked about, each by itself', async () => {
    const answer = await send('POST', 'sys/capabilities-self', JSON.stringify({ paths: NAMES }));
    for (const name of NAMES) {
      assert.deepEqual(own(answer.body, name), ['root']);
      assert.deepEqual(own(dataOf(answer), name), ['root']);
    }
    const one = await send('POST', 'sys/capabilities-self', '{"paths": ["__proto__"]}');
    assert.deepEqual(own(dataOf(one), 'capabilities'), ['root']);
  });

  it('in a body are parameters like any other', async () => {
    const { text } = await send(
      'POST',
      'sys/policies/acl/odd',
      `{"policy": "name = \\"x\\"", ${objectOf(() => '1').slice(1)}`,
    );
    for (const name of NAMES) assert.match(text, new RegExp(`unrecognized parameters.*${name}`));
    const query = NAMES.map((name) => `${name}=1`).join('&');
    const read = await send('GET', `sys/policies/acl/odd?${query}`);
    for (const name of NAMES) assert.match(read.text, new RegExp(`unrecognized parameters.*${name}`));
  });

  it('are kept in what is wrapped, and in the metadata of a token', async () => {
    const text = objectOf((name) => `{"in": "${name}", "__proto__": 1}`);
    const wrapped = await fetch(`${server.address}/v1/sys/wrapping/wrap`, {
      method: 'POST',
      headers: { 'x-vault-token': 'root', 'x-vault-wrap-ttl': '60' },
      body: text,
    });
    const { wrap_info: info } = (await wrapped.json()) as { wrap_info: { token: string } };
    const unwrapped = await send('POST', 'sys/wrapping/unwrap', undefined, info.token);
    assert.deepEqual(dataOf(unwrapped), JSON.parse(text));
    const made = await send('POST', 'auth/token/create', `{"meta": ${objectOf((name) => JSON.stringify(name))}}`);
    const looked = await send(
      'GET',
      'auth/token/lookup-self',
      undefined,
      String(own(made.body, 'auth', 'client_token')),
    );
    for (const name of NAMES) assert.equal(own(dataOf(looked), 'meta', name), name);
  });

  it('are no command, flag, format or field of the command line', async () => {
    for (const name of NAMES) {
      for (const words of [
        [name],
        ['policy', name],
        ['policy', 'list', `-${name}`],
        ['policy', 'list', `-format=${name}`],
        ['token', 'lookup', `-field=${name}`],
        ['plugin', 'info', name, 'x'],
      ]) {
        const { exitCode, stdout, stderr } = await coffer(...words);
        assert.notEqual(exitCode, 0, words.join(' '));
        assert.equal(stdout, '', words.join(' '));
        assert.doesNotMatch(stderr, /native code|\[object|TypeError/);
      }
      const metadata = await coffer('token', 'create', `-metadata=${name}=kept`, '-format=json');
      assert.equal(own(JSON.parse(metadata.stdout), 'auth', 'metadata', name), 'kept');
      const yaml = await coffer('token', 'create', `-metadata=${name}=kept`, '-format=yaml');
      assert.match(yaml.stdout, new RegExp(`^ {4}${name}: kept$`, 'm'));
    }
  });
});
