import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { Deadline, isCofferError, type JsonObject, silentLogger, withDeadline } from '@coffer/base';
import {
  eventually,
  type PosedCluster,
  startPosedCluster,
  startPostgres,
  startWireProxy,
  type TestPostgres,
  ybServersFunction,
  ownClock,
} from '@coffer/testkit';
import { Cluster, connect, type Dial, type Session } from '@coffer/yb-connection';
import { sessionProfile } from './ddl/session-profile.ts';
import { parseSettings } from './settings/settings.ts';
import { createUserAccess } from './users/user-access.ts';
import { newUser, openYsql, roleExists, SEED_SQL } from './ysql-fixture.ts';

let server: TestPostgres;
let posed: PosedCluster;
const NAMES = ['n1', 'n2', 'n3', 'r1'];
before(async () => {
  server = await startPostgres();
  posed = await startPosedCluster({
    target: server,
    nodes: [
      { name: 'n1', zone: 'z1' },
      { name: 'n2', zone: 'z2' },
      { name: 'n3', zone: 'z3' },
      { name: 'r1', zone: 'z1', nodeType: 'read_replica' },
    ],
  });
});
after(async () => {
  await posed.stop();
  await server.stop();
});
afterEach(async () => {
  for (const node of posed.nodes) {
    await node.refuse(false);
    node.hang(false);
  }
  await posed.listNodes(NAMES);
});

function config(more: JsonObject): JsonObject {
  const { host, port } = posed.node('n1');
  const { user: username, password } = server;
  return { host, port, username, password, db: server.database, load_balance: 'true', ...more };
}

/** Holds `count` connections at once and tells which nodes they lead to. */
async function spread(
  count: number,
  more: JsonObject,
  between: () => Promise<void> = async () => undefined,
): Promise<string[]> {
  const access = createUserAccess(
    parseSettings(config({ max_open_connections: count, ...more }), () => undefined),
    silentLogger,
  );
  const hold = async (left: number): Promise<string[]> => {
    if (left === 0) return [];
    if (left === Math.floor(count / 2)) await between();
    return await access.pool.use(async (session) => [nodeName(session), ...(await hold(left - 1))]);
  };
  return await hold(count).finally(() => access.pool.close());
}

function nodeName(session: Session): string {
  return posed.nodes.find((node) => `${node.host}:${node.port}` === session.node)?.nodeName ?? 'contact';
}

function tally(names: readonly string[]): Record<string, number> {
  const result: Record<string, number> = {};
  for (const name of names.toSorted()) result[name] = (result[name] ?? 0) + 1;
  return result;
}

describe('load balancing', () => {
  it('spreads evenly', async () => {
    assert.deepEqual(tally(await spread(8, {})), { n1: 2, n2: 2, n3: 2, r1: 2 });
    assert.deepEqual(tally(await spread(6, { load_balance: 'only-primary' })), { n1: 2, n2: 2, n3: 2 });
    assert.deepEqual(tally(await spread(2, { load_balance: 'only-rr' })), { r1: 2 });
    assert.deepEqual(tally(await spread(3, { load_balance: 'false' })), { contact: 3 });
  });
  it('goes on to those behind when somebody who waited has gone', async () => {
    const access = createUserAccess(
      parseSettings(config({ max_open_connections: 1 }), () => undefined),
      silentLogger,
    );
    const free = Promise.withResolvers<void>();
    const client = new AbortController();
    const taken = Promise.withResolvers<void>();
    const first = access.pool.use(() => {
      taken.resolve();
      return free.promise;
    });
    await taken.promise;
    const deadline = new Deadline(60_000, { gone: client.signal });
    const gone = assert.rejects(
      withDeadline(deadline, () => access.pool.use(async () => assert.fail('nobody waits for it'))),
      /the client disconnected/,
    );
    const behind = access.pool.use(async () => 'served');
    client.abort();
    free.resolve();
    await Promise.all([first, gone]);
    assert.equal(await behind, 'served');
    await access.pool.close();
  });
  it('is done with no connection left over', async () => {
    const access = createUserAccess(
      parseSettings(config({ yb_servers_refresh_interval: 0 }), () => undefined),
      silentLogger,
    );
    for (let i = 0; i < 5; i++) await access.pool.use(async () => undefined, { database: 'template1' });
    await access.pool.use(async () => {
      const count = async (): Promise<number> => {
        const sql = `SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'ysql-plugin %'`;
        return (await server.query(sql)).length;
      };
      // The server takes a moment to end what we have closed.
      await eventually(async () => (await count()) <= 1, 'one session');
      assert.equal(await count(), 1);
    });
    await access.pool.close();
  });
  it('prefers placements by level, with gaps, and falls back', async () => {
    const topology_keys = 'cloud1.datacenter1.z2:1,cloud1.datacenter1.z3:3';
    assert.deepEqual(tally(await spread(2, { topology_keys })), { n2: 2 });
    await posed.node('n2').refuse(true);
    assert.deepEqual(tally(await spread(2, { topology_keys })), { n3: 2 });
    await posed.node('n3').refuse(true);
    assert.deepEqual(tally(await spread(2, { topology_keys })), { n1: 1, r1: 1 });
    await assert.rejects(
      spread(1, { topology_keys, fallback_to_topology_keys_only: 'true' }),
      /no node that load_balance=any with topology_keys allows can be reached: .*connection refused/,
    );
    await assert.rejects(
      spread(1, { topology_keys: 'cloud1.datacenter1.z9', fallback_to_topology_keys_only: 'true' }),
      /no node of the cluster matches load_balance=any with topology_keys/,
    );
  });
  it('takes no other node type than it was told to', async () => {
    await posed.node('r1').refuse(true);
    await assert.rejects(
      spread(1, { load_balance: 'only-rr' }),
      /no node that load_balance=only-rr allows can be reached/,
    );
    assert.deepEqual(tally(await spread(3, { load_balance: 'prefer-rr' })), { n1: 1, n2: 1, n3: 1 });
  });
  it('goes round a node that fails, and takes it back', async () => {
    await posed.node('n2').refuse(true);
    assert.deepEqual(tally(await spread(6, { load_balance: 'only-primary' })), { n1: 3, n3: 3 });
    const back = await spread(6, { load_balance: 'only-primary', failed_host_reconnect_delay_secs: 0 }, () =>
      posed.node('n2').refuse(false),
    );
    assert.equal(tally(back)['n2'], 2);
  });
  it('sees new nodes at a refresh, also when the contact point is down', async () => {
    await posed.listNodes(['n1', 'n2']);
    const names = await spread(6, { yb_servers_refresh_interval: 0 }, async () => {
      await posed.listNodes(['n1', 'n2', 'n3']);
      await posed.node('n1').refuse(true);
    });
    assert.deepEqual(tally(names.slice(0, 2)), { n1: 1, n2: 1 });
    assert.ok(names.slice(3).includes('n3'));
  });
  it('leaves a node that fails aside for as long as it is told to', async (test) => {
    const passes = ownClock(test);
    await posed.node('n2').refuse(true);
    const names = await spread(9, { load_balance: 'only-primary', failed_host_reconnect_delay_secs: 30 }, async () => {
      await posed.node('n2').refuse(false);
    });
    assert.equal(tally(names)['n2'], undefined);
    await posed.node('n2').refuse(true);
    const back = await spread(9, { load_balance: 'only-primary', failed_host_reconnect_delay_secs: 30 }, async () => {
      await posed.node('n2').refuse(false);
      passes(31);
    });
    assert.ok((tally(back)['n2'] ?? 0) >= 2, 'it is the least loaded one then');
  });
  it('asks for the nodes when it opens a connection, and only when the last answer is old', async (test) => {
    const passes = ownClock(test);
    const asked = (): number =>
      posed.nodes.flatMap((node) => node.statements).filter(({ sql }) => sql.includes('yb_servers()')).length;
    const asksOf = async (more: JsonObject, between: number): Promise<number> => {
      const before_ = asked();
      await spread(6, more, async () => passes(between));
      return asked() - before_;
    };
    assert.equal(await asksOf({}, 299), 1);
    assert.equal(await asksOf({}, 301), 2);
    assert.equal(await asksOf({ yb_servers_refresh_interval: 7 }, 8), 2);
    assert.equal(await asksOf({ yb_servers_refresh_interval: 0 }, 0), 6);
    assert.equal(await asksOf({ load_balance: 'false' }, 301), 0);
  });
  describe('where nodes have two addresses', () => {
    /** The posed nodes in the yb_servers() of a database, each with these two in place of its own address. */
    async function list(addresses: (own: string, at: number) => { host: string; publicIp: string }): Promise<void> {
      const servers = posed.nodes.map(({ host, port }, at) => {
        const [nodeType, cloud, region, zone] = ['primary' as const, 'cloud1', 'datacenter1', 'z1'];
        return { port, nodeType, cloud, region, zone, uuid: String(at), ...addresses(host, at) };
      });
      await server.query(ybServersFunction(servers));
    }
    const nowhere = (at: number): string => `127.1.1.${at + 1}`;
    /** Opens connections to so many nodes; returns the addresses that were tried, in order, without the contact point. */
    async function tried(more: JsonObject = {}, nodes = 4): Promise<string[]> {
      const settings = parseSettings(config(more), () => undefined);
      const hosts: string[] = [];
      const dial: Dial = async (target, database) => {
        hosts.push(target.host);
        return connect(settings, sessionProfile(settings), target, database);
      };
      const cluster = new Cluster(settings, dial, silentLogger);
      const sessions: Session[] = [];
      for (let i = 0; i < 4; i++) sessions.push(await cluster.open());
      assert.equal(new Set(sessions.map((session) => session.node)).size, nodes);
      await Promise.all(sessions.map((session) => session.close()));
      return hosts.slice(1);
    }
    const OWN = ['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.4'];
    const withoutContact = (hosts: readonly string[]): string[] =>
      [...new Set(hosts)].filter((host) => host !== '127.0.0.1').toSorted();

    it('takes private ones when the contact point is a private one', async () => {
      await list((own, at) => ({ host: own, publicIp: nowhere(at) }));
      assert.deepEqual(withoutContact(await tried()), OWN.slice(1));
    });
    it('takes public ones when it is a public one', async () => {
      await list((own, at) => ({ host: nowhere(at), publicIp: own }));
      assert.deepEqual(withoutContact(await tried()), OWN.slice(1));
    });
    it('finds out when it is neither, once', async (test) => {
      const other = await startWireProxy({ target: server, host: '127.0.0.9' });
      test.after(() => other.stop());
      const contact = { host: other.host, port: other.port };
      await list((own, at) => ({ host: nowhere(at), publicIp: own }));
      const hosts = await tried(contact);
      assert.deepEqual(hosts.filter((host) => host.startsWith('127.0')).toSorted(), OWN);
      assert.equal(hosts.filter((host) => host.startsWith('127.1.1')).length, 1);
      await list((own, at) => ({ host: own, publicIp: nowhere(at) }));
      assert.deepEqual((await tried(contact)).toSorted(), OWN);
    });
    it('passes over nodes without a public one when the contact point is a public one', async () => {
      await list((own, at) => ({ host: at < 2 ? nowhere(at) : own, publicIp: at < 2 ? own : '' }));
      assert.deepEqual(withoutContact(await tried({}, 2)), OWN.slice(1, 2));
    });
    it('takes private ones, with or without public ones, when the contact point is a private one', async () => {
      await list((own, at) => ({ host: own, publicIp: at % 2 === 0 ? nowhere(at) : '' }));
      assert.deepEqual(withoutContact(await tried()), OWN.slice(1));
    });
  });
  it('stays with the contact point when it can reach no listed address', async () => {
    const access = createUserAccess(
      parseSettings({ ...config({}), host: server.host, port: server.port }, () => undefined),
      silentLogger,
    );
    for (const node of posed.nodes) await node.refuse(true);
    await access.pool.use(async (session) => assert.equal(session.identity.port, server.port));
    await access.pool.close();
  });
  it('says so when everything is down', async () => {
    for (const node of posed.nodes) await node.refuse(true);
    await assert.rejects(spread(1, {}), /failed to connect to host=127.0.0.1 .*connection refused/);
  });
  it('keeps the nodes of two clusters apart', async () => {
    const other = await startPostgres();
    await using here = await openYsql(
      { ...server, ...pick('n1') },
      { load_balance: 'any', yb_servers_refresh_interval: 0 },
    );
    await using there = await openYsql(other, { load_balance: 'any', yb_servers_refresh_interval: 0 });
    const names = await Promise.all(
      [here, there].flatMap((opened) => Array.from({ length: 4 }, () => opened.database.newUser(newUser(SEED_SQL)))),
    );
    for (const [i, name] of names.entries()) {
      assert.equal(await roleExists(server, name), i < 4);
      assert.equal(await roleExists(other, name), i >= 4);
    }
    await other.stop();
  });
});

function pick(name: string): { host: string; port: number } {
  const { host, port } = posed.node(name);
  return { host, port };
}

describe('a wrong password in a cluster', () => {
  it('is tried on one node only', async () => {
    const tries = (): number => server.log().split('password authentication failed').length;
    const before_ = tries();
    await assert.rejects(
      openYsql({ ...server, ...pick('n1'), password: 'wrong' }, { load_balance: 'true' }),
      (error) => isCofferError(error) && /28P01/.test(error.message),
    );
    assert.equal(tries() - before_, 1);
  });
});
