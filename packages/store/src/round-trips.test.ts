/** How often the store waits for its database, on a connection that is there. */
import assert from 'node:assert/strict';
import { connect, createServer, type Server } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { PUT, StoreNodes, VALUE } from './store-fixture.ts';
import type { Store } from './store.ts';

const nodes = new StoreNodes();

/** Passes everything on, and counts how often the client speaks after the server has. */
async function startRelay(): Promise<{ readonly server: Server; readonly port: number; count: number }> {
  const relay = { count: 0, port: 0, server: createServer() };
  relay.server.on('connection', (client) => {
    const upstream = connect(nodes.server.port, nodes.server.host);
    let serverSpoke = true;
    client.on('data', (bytes) => {
      if (serverSpoke) relay.count++;
      serverSpoke = false;
      upstream.write(bytes);
    });
    upstream.on('data', (bytes) => {
      serverSpoke = true;
      client.write(bytes);
    });
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  await new Promise<void>((done) => relay.server.listen(0, '127.0.0.1', done));
  const address = relay.server.address();
  if (address !== null && typeof address === 'object') relay.port = address.port;
  return relay;
}

describe('the round trips of a warm connection', () => {
  let relay: Awaited<ReturnType<typeof startRelay>>;
  before(async () => (relay = await startRelay()));
  after(() => relay.server.close());

  it('are one for a statement, two for a transaction, one for one that may be run again', async (test) => {
    const { store } = await nodes.open(test, [{ host: '127.0.0.1', port: relay.port }], { maxConnections: 1 });
    const cost = async (work: (store: Store) => Promise<unknown>): Promise<number> => {
      const before = relay.count;
      await work(store);
      return relay.count - before;
    };
    const put = (name: string) => ({ sql: PUT, params: ['m', name, VALUE] });
    assert.equal(await cost(() => store.run('SELECT 1')), 1);
    assert.equal(await cost(() => store.run('SELECT name FROM entries WHERE mount = $1', ['m'])), 1);
    assert.equal(await cost(() => store.run(PUT, ['m', 'a', VALUE])), 1);
    assert.equal(await cost(() => store.transaction([put('b')])), 1);
    assert.equal(await cost(() => store.transaction(['c', 'd', 'e', 'f'].map(put))), 2);
    assert.equal(await cost(() => store.transaction([{ sql: 'SELECT 1' }, { sql: 'SELECT 2' }])), 1);
    const again = ['g', 'h'].map((name) => ({ ...put(name), repeatable: true }));
    assert.equal(await cost(() => store.transaction(again)), 1);
    await assert.rejects(store.run(PUT, ['m', 'a', VALUE]));
    assert.equal(await cost(() => store.run('SELECT 1')), 1, 'after a failure');
  });
});
