import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually, freePort, startPostgres, startWireProxy, type TestPostgres } from '@coffer/testkit';
import pg from 'pg';
import { knock, requestCancel } from './knock.ts';

let server: TestPostgres;
async function logIn(
  { host, port }: { readonly host: string; readonly port: number },
  user: string,
  password: string,
): Promise<pg.Client> {
  const client = new pg.Client({ host, port, user, password, database: server.database });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

before(async () => {
  server = await startPostgres();
});
after(() => server.stop());

describe('a knock', () => {
  it('is answered by a server, without a login', async () => {
    assert.equal(await knock(server.host, server.port, 5_000), true);
  });
  it('is answered by nobody where nobody listens', async () => {
    assert.equal(await knock('127.0.0.1', await freePort(), 5_000), false);
  });
  it('is not answered by a node that hangs or is frozen', async () => {
    const proxy = await startWireProxy({ target: server });
    assert.equal(await knock(proxy.host, proxy.port, 5_000), true);
    proxy.freeze(true);
    assert.equal(await knock(proxy.host, proxy.port, 200), false);
    proxy.freeze(false);
    assert.equal(await knock(proxy.host, proxy.port, 5_000), true);
    await proxy.stop();
  });
});

describe('a frozen node', () => {
  it('goes on with what it was sent when it is no longer frozen', async () => {
    const proxy = await startWireProxy({ target: server });
    const client = await logIn(proxy, server.user, server.password);
    proxy.freeze(true);
    const answer = client.query<{ one: number }>('SELECT 1 AS one');
    const early = new Promise((done) => setTimeout(done, 200, 'nothing'));
    assert.equal(await Promise.race([answer, early]), 'nothing');
    proxy.freeze(false);
    assert.equal((await answer).rows[0]?.one, 1);
    await client.end();
    await proxy.stop();
  });
});

describe('a cancel request', () => {
  it('ends a statement that is under way', async () => {
    const client = await logIn(server, server.user, server.password);
    const { processID: processId, secretKey } = client as unknown as { processID: number; secretKey: number };
    const sleeping = client.query('SELECT pg_sleep(60)');
    const atWork = "SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND query LIKE '%pg_sleep%' AND state = 'active'";
    await eventually(async () => (await server.query(atWork, [processId])).length > 0, 'the statement');
    requestCancel(server.host, server.port, { processId, secretKey });
    await assert.rejects(sleeping, { code: '57014' });
    await client.end();
  });
});
