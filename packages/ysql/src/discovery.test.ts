/** How a cluster is asked for its nodes, and what is made of the answers. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually, type Fault, startPostgres, startWireProxy, ybServersFunction, ownClock } from '@coffer/testkit';
import { newUser, openYsql, roleExists, SEED_SQL } from './ysql-fixture.ts';
import { LimpingCluster, MISSING, type Opened } from './limping-cluster-fixture.ts';

const cluster = new LimpingCluster();
const first = async (opened: Opened): Promise<string | undefined> =>
  await opened.access.pool.use(async ({ node }) => node);
const HANGS: Fault['action'] = { type: 'delay', ms: 86_400_000 };

describe('a question that hangs', () => {
  it('is waited for once, and put again in the background, later and later', async (test) => {
    const passes = ownClock(test);
    const opened = cluster.open(test, { yb_servers_refresh_interval: 0 });
    await cluster.use(opened, 1);
    const before_ = cluster.asked();
    cluster.atQuestion(HANGS);
    await cluster.use(opened, 1);
    assert.equal(cluster.asked() - before_, 1);
    // Each of these would hang, were it to wait.
    assert.equal((await cluster.use(opened, 8)).length, 8);
    assert.equal(cluster.asked() - before_, 1, 'it is not put again at once');
    passes(7);
    await cluster.use(opened, 8);
    await eventually(async () => cluster.asked() - before_ === 2, 'a question in the background');
    assert.match(opened.log.map((entry) => JSON.stringify(entry)).join(), /yb_servers\(\) gave no answer in 5 s/);
  });
  it('leaves the contact point to be used while no node is known', async (test) => {
    const opened = cluster.open(test);
    const before_ = cluster.asked();
    cluster.atQuestion(HANGS);
    const used = await Promise.all(Array.from({ length: 4 }, () => first(opened)));
    assert.deepEqual(used, [undefined, undefined, undefined, undefined]);
    assert.equal(cluster.asked() - before_, 1, 'those who came meanwhile did not ask as well');
  });
  it('is not waited for while it is put again and no node is known yet', async (test) => {
    const passes = ownClock(test);
    const opened = cluster.open(test);
    const before_ = cluster.asked();
    cluster.atQuestion(HANGS);
    await cluster.use(opened, 1);
    passes(7);
    await cluster.use(opened, 1);
    await eventually(async () => cluster.asked() - before_ === 2, 'a question in the background');
    // Whoever waits for the question now waits for ever.
    test.mock.timers.enable({ apis: ['setTimeout'] });
    assert.deepEqual(await cluster.use(opened, 3), ['undefined', 'undefined', 'undefined']);
    test.mock.timers.reset();
  });
  it('is not called a lack of nodes', async (test) => {
    cluster.atQuestion(HANGS);
    const only = cluster.open(test, { load_balance: 'only-primary' });
    await assert.rejects(
      first(only),
      /which nodes load_balance=only-primary allows is not known: yb_servers\(\) failed: .*gave no answer in 5 s/,
    );
  });
  it('is called off on the server', async (test) => {
    // Longer than a question is waited for.
    const opened = cluster.open(test, { statement_timeout: 7 });
    await cluster.server.query('DROP FUNCTION pg_catalog.yb_servers()');
    await cluster.server.query(
      `CREATE FUNCTION pg_catalog.yb_servers(OUT host text, OUT port int8) RETURNS SETOF record LANGUAGE sql
       AS $$ SELECT 'x'::text, 1::int8 FROM pg_sleep(600) $$`,
    );
    await first(opened);
    const left = async (): Promise<number> =>
      (
        await cluster.server.query(
          `SELECT 1 FROM pg_stat_activity WHERE query LIKE '%yb_servers()' AND state = 'active'`,
        )
      ).length;
    await eventually(async () => (await left()) === 0, 'the end of the question on the server');
    await cluster.server.query('DROP FUNCTION pg_catalog.yb_servers()');
  });
  it('does not hold up a revocation either', async (test) => {
    const passes = ownClock(test);
    const { host, port } = cluster.node('n1');
    await using opened = await openYsql({ ...cluster.server, host, port }, { load_balance: 'true' });
    const names = [];
    for (let count = 0; count < 5; count++) names.push(await opened.database.newUser(newUser(SEED_SQL)));
    cluster.atQuestion(HANGS);
    passes(31);
    const before_ = cluster.asked();
    for (const username of names) await opened.database.deleteUser({ username, statements: [] });
    assert.equal(cluster.asked() - before_, 1);
    for (const username of names) assert.equal(await roleExists(cluster.server, username), false);
  });
});

describe('a question that is answered late', () => {
  it('is waited for once, and what it says counts all the same', async (test) => {
    const opened = cluster.open(test, { yb_servers_refresh_interval: 0 });
    await cluster.use(opened, 1);
    cluster.atQuestion({ type: 'delay', ms: 2_000 });
    const before_ = cluster.asked();
    await cluster.use(opened, 1);
    // None of these waits: the answer does not come as long as the clock stands still.
    test.mock.timers.enable({ apis: ['setTimeout'] });
    await cluster.use(opened, 10);
    test.mock.timers.reset();
    await eventually(async () => cluster.asked() - before_ >= 2, 'a question in the background');
    await cluster.listNodes(['n1', 'n2']);
    for (const node of cluster.nodes) node.clearFaults();
    const gone = async (): Promise<boolean> => {
      await cluster.use(opened, 1);
      return opened.access.cluster.size === 2;
    };
    await eventually(gone, 'the list that the cluster has now');
  });
});

describe('a node that is listed twice', () => {
  it('is one node', async (test) => {
    const rest = { nodeType: 'primary' as const, cloud: 'c', region: 'r', zone: 'z', publicIp: '', uuid: '' };
    const rows = cluster.nodes.map(({ host, port }) => ({ ...rest, host, port }));
    await cluster.server.query(ybServersFunction([...rows, ...rows]));
    const opened = cluster.open(test);
    const used = await cluster.spread(opened, 8);
    for (const node of ['n1', 'n2', 'n3', 'n4'])
      assert.equal(used.filter((each) => each === node).length, 2, used.join());
    assert.equal(opened.access.cluster.size, 4);
  });
});

describe('a question that fails', () => {
  const failures: Readonly<Record<string, Fault['action']>> = {
    'because the function is missing': MISSING,
    'because we may not ask': { type: 'error', sqlstate: '42501', message: 'permission denied' },
    'because the connection is lost': { type: 'drop-before' },
  };
  for (const [why, action] of Object.entries(failures)) {
    it(`${why} is put again`, async (test) => {
      const passes = ownClock(test);
      const opened = cluster.open(test, { yb_servers_refresh_interval: 5 });
      const before_ = cluster.asked();
      cluster.atQuestion(action, 1);
      await cluster.use(opened, 6);
      assert.equal(cluster.asked() - before_, 1, 'not each time');
      for (const node of cluster.nodes) node.clearFaults();
      passes(7);
      assert.equal(new Set(await cluster.spread(opened, 8)).size, 4);
      assert.equal(cluster.asked() - before_, 2);
    });
  }
  it('leaves the nodes that are known', async (test) => {
    const passes = ownClock(test);
    const opened = cluster.open(test, { yb_servers_refresh_interval: 5 });
    assert.equal(new Set(await cluster.spread(opened, 8)).size, 4);
    for (const action of Object.values(failures)) {
      passes(600);
      cluster.atQuestion(action, 1);
      assert.ok(!(await cluster.use(opened, 8)).includes('undefined'));
      for (const node of cluster.nodes) node.clearFaults();
    }
  });
  it('is told from a lack of nodes', async (test) => {
    cluster.atQuestion({ type: 'error', sqlstate: '42501', message: 'permission denied for yb_servers' });
    await assert.rejects(
      first(cluster.open(test, { load_balance: 'only-rr' })),
      /which nodes load_balance=only-rr allows is not known: .*permission denied for yb_servers \(SQLSTATE 42501\)/,
    );
  });
  it('is one that lists nothing that could be connected to', async (test) => {
    const rest = { nodeType: 'primary' as const, cloud: 'c', region: 'r', zone: 'z', publicIp: '', uuid: '' };
    const rows = [
      { ...rest, host: '', port: 5433 },
      { ...rest, host: '127.0.0.2', port: 0 },
      { ...rest, host: '127.0.0.2', port: 70_000 },
    ];
    for (const list of [[], rows]) {
      await cluster.server.query(ybServersFunction(list));
      assert.equal(await first(cluster.open(test)), undefined, 'the contact point is used');
      await assert.rejects(
        first(cluster.open(test, { load_balance: 'only-primary' })),
        /yb_servers\(\) failed: yb_servers\(\) lists no node with an address/,
      );
    }
  });
});

describe('node types', () => {
  it('that we do not know are no primaries, and no replicas', async (test) => {
    const types = ['primary', 'read_replica', 'witness', ''];
    const rows = cluster.nodes.map(({ host, port }, at) => ({
      ...{ host, port, nodeType: types[at] as 'primary', uuid: String(at) },
      ...{ cloud: 'cloud1', region: 'datacenter1', zone: 'z', publicIp: '' },
    }));
    await cluster.server.query(ybServersFunction(rows));
    const usedBy = async (load_balance: string): Promise<string[]> =>
      [...new Set(await cluster.spread(cluster.open(test, { load_balance }), 8))].toSorted();
    assert.deepEqual(await usedBy('only-primary'), ['n1']);
    assert.deepEqual(await usedBy('only-rr'), ['n2']);
    assert.deepEqual(await usedBy('prefer-primary'), ['n1']);
    assert.equal((await usedBy('any')).length, 4);
    await cluster.node('n1').refuse(true);
    await assert.rejects(usedBy('only-primary'));
  });
});

describe('the port', () => {
  it('that was configured is used for all nodes where the configured host is listed under another', async (test) => {
    const rows = cluster.nodes.map(({ host }, at) => ({
      ...{ host, port: 6_433, nodeType: 'primary' as const, uuid: String(at) },
      ...{ cloud: 'cloud1', region: 'datacenter1', zone: 'z', publicIp: '' },
    }));
    await cluster.server.query(ybServersFunction(rows));
    const opened = cluster.open(test, { yb_servers_refresh_interval: 0 });
    assert.equal(new Set(await cluster.spread(opened, 8)).size, 4);
    const warnings = opened.log.filter(({ message }) => message.includes('with another port'));
    assert.equal(warnings.length, 1);
  });
  it('that is listed is used otherwise, also when the configured host is none of the nodes', async (test) => {
    const opened = cluster.open(test);
    assert.equal(new Set(await cluster.spread(opened, 8)).size, 4);
    const balancer = await startWireProxy({ target: cluster.server, host: '127.0.0.9' });
    test.after(() => balancer.stop());
    const behind = cluster.open(test, { host: balancer.host, port: balancer.port });
    assert.equal(new Set(await cluster.spread(behind, 8)).size, 4);
    assert.deepEqual([...opened.log, ...behind.log], []);
  });
});

describe('the connection that asks', () => {
  it('counts once', async (test) => {
    const opened = cluster.open(test, { yb_servers_refresh_interval: 0, max_open_connections: 12 });
    await cluster.use(opened, 1);
    await cluster.node('n1').refuse(true);
    const held: string[] = [];
    const hold = (left: number): Promise<void> =>
      opened.access.pool.use(async ({ node }) => {
        held.push(cluster.nameOf(node));
        if (left > 1) await hold(left - 1);
      });
    await hold(9);
    for (const node of ['n2', 'n3', 'n4']) assert.equal(held.filter((each) => each === node).length, 3, held.join());
  });
});

describe('a server without yb_servers()', () => {
  it('is used without balancing, with one warning', async () => {
    const plain = await startPostgres({ ybServers: false });
    {
      await using opened = await openYsql(plain, { load_balance: 'true', yb_servers_refresh_interval: 0 });
      const username = await opened.database.newUser(newUser(SEED_SQL));
      await opened.database.deleteUser({ username, statements: [] });
      assert.deepEqual(
        opened.log.map((entry) => entry.message),
        ['the server has no function yb_servers(): connections are not balanced across nodes'],
      );
    }
    await plain.stop();
  });
});
