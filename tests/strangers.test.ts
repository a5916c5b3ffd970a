/** What callers without a token can cost: a built server, in a process of its own, is asked by many of them at once. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { createClient, type Client } from '@coffer/client';
import { databaseUnderTest, eventually, type TestDatabase } from '@coffer/testkit';
import { type ServerProcess, startServer } from './coffer-process.ts';
import { configure, connectionTo, issue } from './dev-server.ts';

const MIB = 1024 * 1024;
let server: ServerProcess;
let client: Client;
let database: TestDatabase;

before(async () => {
  database = await databaseUnderTest();
  server = await startServer();
  client = createClient({ address: server.address, token: 'root' });
  await client.write('sys/auth/userpass', { type: 'userpass' });
  await client.write('auth/userpass/users/ana', { password: 'training', token_policies: 'default' });
  await configure(client, connectionTo(database));
});
after(async () => {
  assert.equal(await server.stop(), 0, 'nothing is left that keeps the process');
  await database.stop();
});

async function residentBytes(): Promise<number> {
  const [, pages = '0'] = (await readFile(`/proc/${server.pid}/statm`, 'utf8')).split(' ');
  return Number(pages) * 4096;
}

/** Statuses of one body sent by so many at once. `token` undefined for none. */
function flood(
  count: number,
  path: string,
  body: string,
  token?: string,
  signal?: AbortSignal,
): Promise<(number | string)[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      try {
        const response = await fetch(`${server.address}/v1/${path}`, {
          method: 'PUT',
          body,
          ...(token !== undefined && { headers: { 'x-vault-token': token } }),
          ...(signal && { signal }),
        });
        const said = await response.text();
        if (response.status === 429 || response.status === 503) {
          assert.equal(response.headers.get('retry-after'), '1');
          assert.match(said, /try again a little later/);
        }
        return response.status;
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
        // Refused while the body was still being sent.
        return error instanceof Error ? error.name : 'gone';
      }
    }),
  );
}

const login = 'auth/userpass/login/ana';

describe('large bodies', () => {
  const nestedTo = (bytes: number): string => `{"a":${'['.repeat(bytes / 2)}${']'.repeat(bytes / 2 - 6)}}`;

  it('are read from nobody who is not known, whatever the path', async () => {
    const before = await residentBytes();
    for (const [path, token] of [
      [login, undefined],
      [login, 'root'],
      ['sys/unseal', 'root'],
      ['sys/wrapping/unwrap', undefined],
      ['database/roles/x', undefined],
      ['database/roles/x', 'hvs.nobody'],
      ['nowhere/x', 'root'],
    ] as const) {
      for (const status of await flood(2, path, nestedTo(2 * MIB), token))
        assert.ok(status === 413 || status === 'TypeError', `${path}: ${status}`);
    }
    assert.ok((await residentBytes()) - before < 200 * MIB, 'was: gigabytes');
  });

  it('of a known one are refused before they are parsed, and cost memory that comes back', async () => {
    const before = await residentBytes();
    const statuses = await flood(5, 'database/roles/x', nestedTo(32 * MIB), 'root');
    // As many as the budget has room for are read, and found to be too deep; the others are to come back.
    assert.ok(statuses.includes(400), statuses.join());
    for (const status of statuses) assert.ok([400, 429, 503, 'TypeError'].includes(status), String(status));
    assert.ok((await residentBytes()) - before < 400 * MIB, 'was: gigabytes');
    await issue(client);
  });

  it('may be as large as a policy gets', async () => {
    const policy = `path "database/creds/a" { capabilities = ["read"] }\n# ${'x'.repeat(900_000)}`;
    await client.write('sys/policies/acl/large', { policy });
    assert.equal(((await client.read('sys/policies/acl/large'))?.data as { policy: string }).policy, policy);
  });
});

describe('sixty-four hostile clients', () => {
  it('hold no more memory than there is for them, and are told why they wait; others are served', async () => {
    const { hostname, port } = new URL(server.address);
    const before = await residentBytes();
    const answers: string[] = [];
    const sockets: Socket[] = [];
    let ended = 0;
    // Each has 8 connections, and on each almost all of a body; 128 MiB in all, of which 32 MiB are taken.
    const bytes = 250 * 1024;
    const head = `PUT /v1/${login} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${256 * 1024}\r\n\r\n`;
    const request = head + 'x'.repeat(bytes);
    for (let client = 1; client <= 64; client++) {
      for (let each = 0; each < 8; each++) {
        const socket = connect({ host: hostname, port: Number(port), localAddress: `127.0.1.${client}` });
        socket.on('error', () => undefined);
        socket.on('data', (chunk: Buffer) => answers.push(chunk.toString('latin1')));
        socket.on('close', () => ended++);
        socket.write(request);
        sockets.push(socket);
      }
    }
    const said = (text: string): number => answers.filter((answer) => answer.includes(text)).length;
    await eventually(
      () => ended >= 64 * 8 - 200,
      () => `the refusals: ${ended}`,
    );
    assert.ok(said('HTTP/1.1 503') > 0, 'the server is what is short');
    assert.match(
      answers.find((answer) => answer.includes(' 503 ')) ?? '',
      /retry-after: 1[\s\S]*the server is busy: too many/,
    );
    assert.ok((await residentBytes()) - before < 250 * MIB, `${((await residentBytes()) - before) / MIB} MiB`);
    await issue(client);
    assert.ok(
      (await client.write('auth/userpass/login/ana', { password: 'training' }))?.auth,
      'a small body finds room',
    );
    for (const socket of sockets) socket.destroy();
  });
});

describe('two hundred logins at once', () => {
  const body = JSON.stringify({ password: 'wrong' });

  it('hold up neither database connections nor anybody’s login for long, and nobody who has gone does', async () => {
    const gone = new AbortController();
    const floods = Promise.all(
      ['ana', 'nobody'].map((name) => flood(100, `auth/userpass/login/${name}`, body, undefined, gone.signal)),
    );
    // DNS and SCRAM of a new connection work in the thread pool that hashing had taken.
    await client.write('database/config/other', {
      plugin_name: 'ysql-plugin',
      allowed_roles: '*',
      ...connectionTo(database),
      host: 'localhost',
    });
    await client.write('auth/userpass/users/bea', { password: 'training' });
    gone.abort();
    const statuses = (await floods).flat();
    const count = (...wanted: (number | string)[]): number =>
      statuses.filter((status) => wanted.includes(status)).length;
    assert.equal(count(400, 429, 'AbortError'), 200, [...new Set(statuses)].join());
    assert.ok(count(400, 'AbortError') >= 32 && count(429) > 0, `${count(429)} told to come back`);
    const answer = await client.write('auth/userpass/login/ana', { password: 'training' });
    assert.ok(answer?.auth);
  });
});

describe('a token with so many uses', () => {
  it('serves exactly these, by however many requests at once', async () => {
    for (const uses of [1, 5]) {
      const made = await client.write('auth/token/create', { num_uses: uses, policies: ['default'] });
      const token = made?.auth?.clientToken ?? assert.fail();
      const statuses = await Promise.all(
        Array.from({ length: 60 }, async () => {
          const headers = { 'x-vault-token': token };
          return (await fetch(`${server.address}/v1/auth/token/lookup-self`, { headers })).status;
        }),
      );
      assert.equal(statuses.filter((status) => status === 200).length, uses);
      assert.equal(statuses.filter((status) => status === 403).length, 60 - uses);
    }
  });

  it('loses none by a large body that is only looked at', async () => {
    const made = await client.write('auth/token/create', { num_uses: 1, policies: ['root'] });
    const token = made?.auth?.clientToken ?? assert.fail();
    assert.deepEqual(
      await flood(1, 'sys/policies/acl/once', JSON.stringify({ policy: `# ${'x'.repeat(900_000)}` }), token),
      [204],
    );
    assert.deepEqual(
      await flood(1, 'sys/policies/acl/once', JSON.stringify({ policy: `# ${'x'.repeat(900_000)}` }), token),
      [413],
    );
  });
});

describe('names that mean something elsewhere', () => {
  const NAMES = [
    ...[
      "o'brien",
      '"',
      '";--',
      "'; DROP TABLE tokens; --",
      "' OR '1'='1",
      '$1',
      '$$',
      '{{name}}',
      '%',
      '_',
      '\\',
      "\\'",
      '?',
    ],
    ...[
      'a=b',
      '`id`',
      '$(id)',
      '-- ',
      '/**/',
      ';',
      'é',
      '日本',
      '\u200b',
      'null',
      'constructor',
      '__proto__',
      'a'.repeat(500),
    ],
  ];

  it('are names and nothing else: what is kept under one is found under no other', async () => {
    const write = async (name: string, path: string, body: object): Promise<boolean> => {
      const url = `${server.address}/v1/${path}/${encodeURIComponent(name)}`;
      const response = await fetch(url, {
        method: 'PUT',
        headers: { 'x-vault-token': 'root' },
        body: JSON.stringify(body),
      });
      const said = await response.text();
      assert.ok(
        response.status === 204 || (response.status >= 400 && response.status < 500),
        `${name}: ${response.status} ${said}`,
      );
      return response.status === 204;
    };
    const kept: string[] = [];
    for (const name of NAMES) {
      if (await write(name, 'database/roles', { db_name: 'yugabytedb', creation_statements: `-- ${name}` }))
        kept.push(name);
      await write(name, 'sys/policies/acl', { policy: '' });
    }
    assert.ok(kept.length > 5, kept.join());
    const listed = (await client.list('database/roles'))?.data?.['keys'] as string[];
    assert.deepEqual(listed.filter((name) => name !== 'my-first-role').sort(), kept.sort());
    for (const name of kept) {
      const role = await client.read(`database/roles/${name}`);
      assert.deepEqual(role?.data?.['creation_statements'], [`-- ${name}`], name);
    }
    await issue(client);
  });
});

describe('a development server and web pages', () => {
  it('are kept apart, by the name that is asked for and by the page’s origin', async () => {
    const { hostname, port } = new URL(server.address);
    const ask = async (headers: string): Promise<string> => {
      const socket = connect(Number(port), hostname);
      socket.write(`GET /v1/sys/health HTTP/1.1\r\n${headers}\r\nConnection: close\r\n\r\n`);
      return text(socket);
    };
    assert.match(await ask('Host: evil.example'), /^HTTP\/1\.1 403 [\s\S]*use 127\.0\.0\.1 or localhost/);
    assert.match(await ask(`Host: localhost:${port}\r\nOrigin: http://evil.example`), /^HTTP\/1\.1 403 /);
    assert.match(await ask(`Host: localhost:${port}`), /^HTTP\/1\.1 200 /);
  });
});
