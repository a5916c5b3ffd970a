import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import {
  type PosedCluster,
  startPosedCluster,
  startPostgres,
  type TestPostgres,
  ybServersFunction,
  ownClock,
} from '@coffer/testkit';
import { logIn, newUser, openYsql, roleExists, SEED_SQL } from '../ysql-fixture.ts';

let server: TestPostgres;
let posed: PosedCluster;
const NAMES = ['n1', 'n2', 'n3', 'r1'];
before(async () => {
  server = await startPostgres();
  posed = await startPosedCluster({
    target: server,
    nodes: NAMES.map((name) => ({ name, nodeType: name === 'r1' ? 'read_replica' : 'primary' })),
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

function pick(name: string): { host: string; port: number } {
  const { host, port } = posed.node(name);
  return { host, port };
}

describe('revoking in a cluster', () => {
  const LOGIN = `CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}'`;
  before(async () => {
    await server.query('CREATE ROLE cluster_group');
    await server.query('CREATE DATABASE second');
    await server.query('CREATE TABLE elsewhere (id int)', [], 'second');
    // Privileges that others give are taken away by a member of the owner.
    await server.query('CREATE ROLE app_owner');
    await server.query('ALTER TABLE elsewhere OWNER TO app_owner', [], 'second');
    await server.query(`GRANT app_owner TO ${server.user}`);
    await server.query('GRANT CREATE ON SCHEMA public TO cluster_group');
  });

  /** Users that are dropped in different ways: by name of what depends on them, their creation and what happens next. */
  const users: Readonly<Record<string, readonly [string, (username: string) => Promise<void>]>> = {
    nothing: [`${LOGIN} IN ROLE cluster_group`, async () => undefined],
    'a privilege here': [SEED_SQL, async () => undefined],
    'a privilege in another database': [
      LOGIN,
      async (username) => void (await server.query(`GRANT SELECT ON elsewhere TO "${username}"`, [], 'second')),
    ],
    'a table': [`${LOGIN} IN ROLE cluster_group`, makeTable],
  };
  async function makeTable(username: string): Promise<void> {
    const session = await logIn(posed.node('n1'), username, 'Pass-1234-word');
    await session.query('CREATE TABLE of_cluster_user (id int)');
    await session.end();
  }
  async function sessionsEverywhere(username: string): Promise<Promise<unknown>[]> {
    const sessions = await Promise.all(NAMES.map((name) => logIn(posed.node(name), username, 'Pass-1234-word')));
    return sessions.map((session) => new Promise((resolve) => session.once('end', resolve)));
  }
  async function sessionsOfNobody(): Promise<unknown> {
    return server.query('SELECT pid FROM pg_stat_activity WHERE usesysid NOT IN (SELECT oid FROM pg_roles)');
  }

  for (const [what, [creation, prepare]] of Object.entries(users)) {
    it(`ends the sessions on every node, balanced or not, of a user on whom depends: ${what}`, async () => {
      for (const load_balance of ['true', 'false']) {
        await using opened = await openYsql({ ...server, ...pick('n1') }, { load_balance });
        const username = await opened.database.newUser(newUser(creation));
        await prepare(username);
        const ends = await sessionsEverywhere(username);
        await opened.database.deleteUser({ username, statements: [] });
        assert.equal(await roleExists(server, username), false);
        assert.deepEqual(await sessionsOfNobody(), []);
        await Promise.all(ends);
        assert.deepEqual(opened.log, []);
        await server.query('DROP TABLE IF EXISTS of_cluster_user');
      }
    });
  }
  it('ends the sessions on every node after statements of its own', async () => {
    await using opened = await openYsql({ ...server, ...pick('n1') });
    const username = await opened.database.newUser(newUser(LOGIN));
    const ends = await sessionsEverywhere(username);
    await opened.database.deleteUser({ username, statements: ['DROP ROLE "{{name}}"'] });
    assert.deepEqual(await sessionsOfNobody(), []);
    await Promise.all(ends);
  });
  it('locks a user out on every node before anything is done with what it owns', async () => {
    await using opened = await openYsql({ ...server, ...pick('n1') }, { owned_objects: 'fail' });
    const username = await opened.database.newUser(newUser(`${LOGIN} IN ROLE cluster_group`));
    await makeTable(username);
    const ends = await sessionsEverywhere(username);
    const seen = posed.nodes.map((node) => node.statements.length);
    await assert.rejects(opened.database.deleteUser({ username, statements: [] }), /table public\.of_cluster_user/);
    await Promise.all(ends);
    await assert.rejects(logIn(posed.node('n2'), username, 'Pass-1234-word'), { code: '28000' });
    const sent = posed.nodes.flatMap((node, at) => node.statements.slice(seen[at]).map(({ sql }) => sql));
    assert.deepEqual(
      sent.filter((sql) => /^(DROP|REASSIGN|ALTER)/.test(sql)),
      [`ALTER ROLE "${username}" NOLOGIN`],
    );
    await server.query('DROP TABLE of_cluster_user');
    await opened.database.deleteUser({ username, statements: [] });
  });
  it('asks a node that has just come in', async (test) => {
    const passes = ownClock(test);
    await posed.listNodes(['n1', 'n2']);
    await using opened = await openYsql({ ...server, ...pick('n1') });
    const names = [await opened.database.newUser(newUser(LOGIN)), await opened.database.newUser(newUser(LOGIN))];
    await opened.database.deleteUser({ username: names[0] ?? '', statements: [] });
    await posed.listNodes(['n1', 'n2', 'n3']);
    passes(31);
    const session = await logIn(posed.node('n3'), names[1] ?? '', 'Pass-1234-word');
    const ended = new Promise((resolve) => session.once('end', resolve));
    await opened.database.deleteUser({ username: names[1] ?? '', statements: [] });
    await ended;
    assert.deepEqual(await sessionsOfNobody(), []);
  });
  it('asks a node that the cluster has just lost sight of, without waiting for it', async (test) => {
    const passes = ownClock(test);
    // No connection to n3 is kept that would be used again.
    await using opened = await openYsql({ ...server, ...pick('n1') }, { max_idle_connections: -1 });
    const names = [await opened.database.newUser(newUser(LOGIN)), await opened.database.newUser(newUser(LOGIN))];
    await opened.database.deleteUser({ username: names[0] ?? '', statements: [] });
    const session = await logIn(posed.node('n3'), names[1] ?? '', 'Pass-1234-word');
    const ended = new Promise((resolve) => session.once('end', resolve));
    await posed.listNodes(['n1', 'n2']);
    passes(31);
    await opened.database.deleteUser({ username: names[1] ?? '', statements: [] });
    assert.equal(await roleExists(server, names[1] ?? ''), false);
    await session.query('SELECT 1');
    await ended;
    assert.deepEqual(opened.log, []);
  });
  it('does not wait for a node that is down, and says so', async () => {
    await using opened = await openYsql({ ...server, ...pick('n1') }, { max_open_connections: 1 });
    const username = await opened.database.newUser(newUser(SEED_SQL));
    await posed.node('n3').refuse(true);
    await opened.database.deleteUser({ username, statements: [] });
    assert.equal(await roleExists(server, username), false);
    assert.deepEqual(
      opened.log.map(({ message, fields }) => [message, fields['nodes']]),
      [['failed to reach all nodes to end the sessions of a revoked user', 1]],
    );
  });
  it('finds another node when one goes down in the middle of making a user', async () => {
    await using opened = await openYsql({ ...server, ...pick('n1') }, { load_balance: 'only-primary' });
    const names = NAMES.slice(0, 3).map((name) => posed.node(name));
    for (const node of names) {
      node.addFault({ match: /^GRANT/m, action: { type: 'drop-before' } });
    }
    const username = await opened.database.newUser(newUser(SEED_SQL));
    for (const node of names) node.clearFaults();
    assert.equal(await roleExists(server, username), true);
    await opened.database.deleteUser({ username, statements: [] });
  });
  it('asks no node twice in a row that does not answer', async () => {
    await using opened = await openYsql({ ...server, ...pick('n1') }, { connect_timeout: '1s' });
    posed.node('n3').hang(true);
    for (let i = 0; i < 3; i++) {
      const username = await opened.database.newUser(newUser(SEED_SQL));
      await opened.database.deleteUser({ username, statements: [] });
    }
    assert.equal(opened.log.length, 3);
  });
});

describe('revocations in turn in a cluster of six nodes', () => {
  const SIX = ['a1', 'a2', 'a3', 'a4', 'a5', 'a6'];
  const LOGIN = `CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}'`;
  let cluster: PosedCluster;
  before(async () => {
    cluster = await startPosedCluster({ target: server, nodes: SIX.map((name) => ({ name })) });
  });
  after(() => cluster.stop());

  /** How many connections have been made that ran something. */
  const connections = (): number =>
    cluster.nodes.reduce((sum, node) => sum + new Set(node.statements.map(({ connection }) => connection)).size, 0);

  for (const load_balance of ['true', 'false']) {
    it(`open about one connection for each node, and not for each revocation (load_balance=${load_balance})`, async () => {
      await cluster.listNodes(SIX);
      const { host, port } = cluster.node('a1');
      const before = connections();
      {
        await using opened = await openYsql({ ...server, host, port }, { load_balance });
        for (let round = 0; round < 10; round++) {
          const username = await opened.database.newUser(newUser(LOGIN));
          const session = await logIn(cluster.node(SIX[round % 6] ?? ''), username, 'Pass-1234-word');
          const ended = new Promise((resolve) => session.once('end', resolve));
          await opened.database.deleteUser({ username, statements: [] });
          await ended;
        }
        assert.deepEqual(opened.log, []);
      }
      const made = connections() - before;
      assert.ok(made >= 6 && made <= 12, `${made} connections`);
      assert.deepEqual(
        await server.query("SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'ysql-plugin %'"),
        [],
      );
    });
  }
});

describe('a node that loses its YSQL lease, and so ends all of its backends at once', () => {
  const LOST = { sqlstate: 'XX000', message: 'Object Lock Manager Shutdown' } as const;
  const NODES = ['l1', 'l2', 'l3'];
  let cluster: PosedCluster;
  before(async () => {
    cluster = await startPosedCluster({ target: server, nodes: NODES.map((name) => ({ name })) });
  });
  after(() => cluster.stop());

  /** As yugabyte-db 28601 has it: the statement at work is refused, or has run, and every connection of the node is cut. */
  const ACTIONS = ['error', 'error-after'] as const;
  const MOMENTS = {
    'makes a user': /^CREATE ROLE/m,
    'gives it privileges': /^GRANT/m,
    commits: /^COMMIT/m,
    'drops a user': /^DROP ROLE/m,
  };

  for (const type of ACTIONS) {
    for (const [what, match] of Object.entries(MOMENTS)) {
      it(`costs nobody a credential when it does so while it ${what} (${type})`, async () => {
        await cluster.listNodes(NODES);
        const { host, port } = cluster.node('l1');
        await using opened = await openYsql({ ...server, host, port }, { load_balance: 'true' });
        let lost = 0;
        for (const node of cluster.nodes) {
          const lose = (sql: string): boolean => {
            if (lost > 0 || !match.test(sql)) return false;
            lost++;
            // After the answer.
            setTimeout(() => node.dropAll(), 20);
            return true;
          };
          node.addFault({ match: lose, action: { type, ...LOST } });
        }
        const username = await opened.database.newUser(newUser(SEED_SQL));
        const session = await logIn(server, username, 'Pass-1234-word');
        await session.end();
        await opened.database.deleteUser({ username, statements: [] });
        assert.equal(lost, 1);
        assert.equal(await roleExists(server, username), false);
        for (const node of cluster.nodes) node.clearFaults();
      });
    }
  }
});

describe('a node without an address of its own', () => {
  it('is passed over with a warning, and owes nothing for ever', async () => {
    const rows = posed.nodes.map(({ host, port }, at) => ({
      ...{ host: `127.1.1.${at + 1}`, port, publicIp: at < 2 ? host : '', nodeType: 'primary' as const },
      ...{ cloud: 'cloud1', region: 'datacenter1', zone: 'rack1', uuid: String(at) },
    }));
    await server.query(ybServersFunction(rows));
    await using opened = await openYsql({ ...server, ...pick('n1') }, { load_balance: 'true' });
    const username = await opened.database.newUser(newUser(SEED_SQL));
    await opened.database.deleteUser({ username, statements: [] });
    assert.deepEqual(
      opened.log.map(({ message, fields }) => [message, fields?.['nodes']]),
      [['failed to reach all nodes to end the sessions of a revoked user', 2]],
    );
    assert.deepEqual(await opened.database.owedSessions?.(username), []);
  });
});
