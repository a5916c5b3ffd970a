/** What other clients send: verbs, headers and the older spellings of paths, over one keep-alive connection where it matters. */
import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { json, text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { databaseUnderTest, type TestDatabase } from '@coffer/testkit';
import { configure, issue, startTestServer, type TestServer, connectionTo } from './dev-server.ts';
import { issuedRoles } from './logins.ts';

let database: TestDatabase;
let server: TestServer;

before(async () => {
  database = await databaseUnderTest();
  server = await startTestServer();
  await configure(server.client, connectionTo(database));
});
after(async () => {
  await server.close();
  await database.stop();
});

interface Answer {
  readonly status: number;
  readonly body: JsonObject | undefined;
}

/** One request over an agent's connection, with any method but LIST, which Node's client cannot send. */
function send(agent: Agent, method: string, path: string, body?: JsonObject, headers: object = {}): Promise<Answer> {
  return new Promise((done, fail) => {
    const outgoing = request(`${server.address}/v1/${path}`, {
      agent,
      method,
      headers: { 'x-vault-token': 'root', ...headers },
    });
    outgoing.on('error', fail);
    outgoing.on('response', (answer) => {
      const status = answer.statusCode ?? 0;
      const read =
        answer.headers['content-length'] === '0' || status === 204 || status === 202 ? text(answer) : json(answer);
      read.then(
        (content) => done({ status, body: typeof content === 'object' ? (content as JsonObject) : undefined }),
        fail,
      );
    });
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

describe('requests of other clients', () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  after(() => agent.destroy());

  it('write by PUT and by POST, with either token header', async () => {
    const role = { db_name: 'yugabytedb' };
    assert.equal((await send(agent, 'PUT', 'database/roles/put', role)).status, 204);
    assert.equal((await send(agent, 'POST', 'database/roles/post', role)).status, 204);
    const bearer = { 'x-vault-token': '', authorization: 'Bearer root' };
    assert.equal((await send(agent, 'GET', 'database/roles/post', undefined, bearer)).status, 200);
    assert.equal((await send(agent, 'GET', 'database/roles/post', undefined, { 'x-vault-token': '' })).status, 403);
  });

  it('list by GET ?list=true and by LIST, on one connection between requests with bodies', async () => {
    const byGet = await send(agent, 'GET', 'database/roles?list=true');
    assert.deepEqual((byGet.body?.['data'] as JsonObject)['keys'], ['my-first-role', 'post', 'put']);
    const { hostname, port } = new URL(server.address);
    const socket = connect(Number(port), hostname);
    const list = 'LIST /v1/database/roles HTTP/1.1\r\nHost: localhost\r\nX-Vault-Token: root\r\n';
    const body = JSON.stringify({ db_name: 'LIST /' });
    const write = `PUT /v1/database/roles/put HTTP/1.1\r\nHost: localhost\r\nX-Vault-Token: root\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    socket.write(`${list}\r\n`);
    await waitFor(socket, /"post"/);
    socket.write(write);
    await waitFor(socket, /204 No Content/);
    for (const character of `${list}Connection: close\r\n\r\n`) socket.write(character);
    assert.match(await text(socket), /"keys":\["my-first-role","post","put"\]/);
  });

  it('renew and revoke by the older spellings', async () => {
    const [a, b, c] = [await issue(server.client), await issue(server.client), await issue(server.client)];
    const renewed = await send(agent, 'PUT', 'sys/renew', { lease_id: a.leaseId, increment: 60 });
    assert.equal(renewed.body?.['lease_duration'], 60);
    assert.equal(
      (await send(agent, 'PUT', `sys/renew/${b.leaseId}`, { increment: '2m' })).body?.['lease_duration'],
      120,
    );
    assert.equal((await send(agent, 'PUT', 'sys/revoke', { lease_id: a.leaseId })).status, 204);
    assert.equal((await send(agent, 'PUT', `sys/revoke/${b.leaseId}`)).status, 204);
    assert.deepEqual(await issuedRoles(database), [c.username]);
    assert.equal((await send(agent, 'PUT', 'sys/revoke-prefix/database/creds/my-first-role')).status, 204);
    assert.deepEqual(await issuedRoles(database), []);
  });

  it('ask for help', async () => {
    const { status, body } = await send(agent, 'GET', 'database/roles/x?help=1');
    assert.equal(status, 200);
    assert.match(body?.['help'] as string, /creation_statements/);
  });

  it('ask for the health without a token', async () => {
    const { status, body } = await send(agent, 'GET', 'sys/health', undefined, { 'x-vault-token': '' });
    assert.equal(status, 200);
    assert.equal(body?.['sealed'], false);
  });
});

function waitFor(socket: Socket, pattern: RegExp): Promise<void> {
  let seen = '';
  return new Promise((done) => {
    const read = (chunk: Buffer): void => {
      seen += chunk.toString();
      if (!pattern.test(seen)) return;
      socket.off('data', read);
      done();
    };
    socket.on('data', read);
  });
}
