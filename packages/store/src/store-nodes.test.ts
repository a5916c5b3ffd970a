/** The store on several database nodes, of which some fail. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  type PosedCluster,
  startPosedCluster,
  startPostgres,
  type TestPostgres,
  type WireProxy,
} from '@coffer/testkit';
import { openPostgresStore, type Store } from './index.ts';
import { namesIn, PUT, StoreNodes, VALUE, within } from './store-fixture.ts';

const nodes = new StoreNodes();
/** Within which the store answers, or says that it is away. */
const ANSWER_MS = 10_000;

const put = (store: Store, name: string) => store.run(PUT, ['m', name, VALUE]);
const usedBy = (proxy: WireProxy | undefined): number => proxy?.statements.length ?? 0;

// They mostly wait, each with nodes and a database of its own.
describe('a store on several hosts', { concurrency: true }, () => {
  it('passes over one that is down, when it opens and later', async (test) => {
    const [first, second] = await nodes.proxies(test, 2);
    assert.ok(first !== undefined && second !== undefined);
    await first.refuse(true);
    const { store } = await nodes.open(test, [first, second]);
    await put(store, 'a');
    await first.refuse(false);
    await second.refuse(true);
    second.dropAll();
    // Whatever is on its way at that moment may be unknown; what comes next is not.
    await store.run('SELECT 1');
    await put(store, 'b');
    await store.transaction([{ sql: PUT, params: ['m', 'c', VALUE] }, { sql: 'SELECT 1' }]);
    assert.deepEqual(await namesIn(store), ['a', 'b', 'c']);
    assert.ok(usedBy(first) > 0 && usedBy(second) > 0);
  });

  it('answers by another node when one is frozen, and says what nobody can know', async (test) => {
    const [first, second] = await nodes.proxies(test, 2);
    assert.ok(first !== undefined && second !== undefined);
    const { store } = await nodes.open(test, [first, second]);
    await put(store, 'a');
    const before = usedBy(second);
    first.freeze(true);
    const [read, written] = await within(
      ANSWER_MS,
      Promise.allSettled([namesIn(store), put(store, 'b'), namesIn(store), namesIn(store), namesIn(store)]),
    );
    assert.ok(read.status === 'fulfilled' && read.value.includes('a'));
    assert.ok(written.status === 'rejected' || usedBy(second) > before);
    if (written.status === 'rejected') assert.match(String(written.reason), /node does not answer.*unknown/);
    await within(1_000, put(store, 'c'));
    assert.ok((await namesIn(store)).includes('c'));
  });

  it('is answered by the primary, whichever comes first, and by no standby', async (test) => {
    const standby = await startPostgres();
    test.after(() => standby.stop());
    const database = await nodes.makeDatabase();
    await standby.query(`CREATE DATABASE ${database} OWNER ${standby.user}`);
    await standby.halt();
    // It stays in recovery for ever, as a standby whose primary is away.
    await writeFile(join(standby.dataDirectory, 'standby.signal'), '');
    await standby.resume();
    const [primary] = await nodes.proxies(test, 1);
    assert.ok(primary !== undefined);
    const { store } = await nodes.open(test, [standby, primary], { database });
    await put(store, 'a');
    await primary.refuse(true);
    primary.dropAll();
    const reason = /cannot connect to the database: .*(hot standby|refused)/;
    await within(ANSWER_MS, assert.rejects(namesIn(store), { code: 'unavailable', message: reason }));
    await primary.refuse(false);
    assert.deepEqual(await namesIn(store), ['a']);
    await assert.rejects(nodes.open(test, [standby], { database }), { code: 'failed', message: /hot standby/ });
  });

  it('turns away from a node that has come to take no writes', async (test) => {
    const [first, second] = await nodes.proxies(test, 2);
    assert.ok(first !== undefined && second !== undefined);
    const { store, log } = await nodes.open(test, [first, second]);
    const message = 'cannot execute INSERT in a read-only transaction';
    first.addFault({ match: /INSERT INTO entries/, times: 100, action: { type: 'error', sqlstate: '25006', message } });
    await put(store, 'a');
    await store.transaction([
      { sql: PUT, params: ['m', 'b', VALUE] },
      { sql: PUT, params: ['m', 'c', VALUE] },
    ]);
    assert.deepEqual(await namesIn(store), ['a', 'b', 'c']);
    assert.ok(log.some(({ fields }) => fields['reason'] === '25006'));
    const refused = { type: 'error', sqlstate: '25006', message } as const;
    second.addFault({ match: /INSERT INTO entries/, times: 100, action: refused });
    const nowhere = { code: 'unavailable', message: /read-only transaction.*nothing of this request was stored/ };
    await within(ANSWER_MS, assert.rejects(put(store, 'd'), nowhere));
  });
});

describe('a store in a cluster', () => {
  let server: TestPostgres;
  let posed: PosedCluster;
  before(async () => {
    server = await startPostgres();
    posed = await startPosedCluster({
      target: server,
      mode: 'postgresql',
      nodes: ['z1', 'z2', 'z3'].map((zone, at) => ({ name: `n${at + 1}`, zone })),
    });
    await server.query(`CREATE DATABASE coffer_store OWNER ${server.user}`);
  });
  after(async () => {
    await posed.stop();
    await server.stop();
  });
  const urlOf = (query: string): string => {
    const { host, port } = posed.node('n1');
    return `postgres://${server.user}:${server.password}@${host}:${port}/coffer_store${query}`;
  };
  const open = async (query: string): Promise<Store> =>
    await openPostgresStore({ connectionUrl: urlOf(query), maxConnections: 6 });
  const counts = (): number[] => posed.nodes.map(({ connections }) => connections);

  it('says which setting of its URL the server does not know', async () => {
    const unknown = open('?failed_host_reconnect_delay=1');
    await assert.rejects(unknown, { code: 'failed', message: /parameter "failed_host_reconnect_delay"/ });
  });

  it('spreads its connections over the nodes, and goes on without one', async () => {
    const store = await open('?load_balance=true&yb_servers_refresh_interval=0');
    await Promise.all(Array.from({ length: 6 }, () => store.run('SELECT pg_catalog.pg_sleep(0.3)')));
    assert.deepEqual(counts(), [2, 2, 2]);
    const [, second] = posed.nodes;
    await second?.refuse(true);
    second?.dropAll();
    await Promise.all(Array.from({ length: 6 }, () => store.run('SELECT pg_catalog.pg_sleep(0.3)')));
    assert.equal(counts()[1], 0);
    await second?.refuse(false);
    await store.close();
  });

  it('stays in the zone that topology_keys names, until that is away', async () => {
    const store = await open('?load_balance=true&topology_keys=cloud1.datacenter1.z3&yb_servers_refresh_interval=0');
    await Promise.all(Array.from({ length: 4 }, () => store.run('SELECT pg_catalog.pg_sleep(0.2)')));
    assert.deepEqual(counts(), [0, 0, 4]);
    posed.node('n3').freeze(true);
    const answers = await within(ANSWER_MS, Promise.all(Array.from({ length: 4 }, () => store.run('SELECT 1 AS one'))));
    assert.equal(answers.length, 4);
    posed.node('n3').freeze(false);
    posed.node('n3').dropAll();
    await store.close();
  });
});
