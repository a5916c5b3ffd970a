/** What a client of the server sees while its cluster limps, and that nothing is left of it afterwards. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it, type TestContext } from 'node:test';
import { isCofferError, type JsonObject } from '@coffer/base';
import {
  dropAdmin,
  eventually,
  makeAdmin,
  type PosedCluster,
  startPosedCluster,
  startPostgres,
  type TestPostgres,
} from '@coffer/testkit';
import { configure, connectionTo, issue, startTestServer, type TestServer } from './dev-server.ts';
import { issuedRoles, tryLogin } from './logins.ts';

let database: TestPostgres;
let cluster: PosedCluster;
const NAMES = ['n1', 'n2', 'n3'];

before(async () => {
  database = await startPostgres();
  cluster = await startPosedCluster({ target: database, nodes: NAMES.map((name) => ({ name })) });
});
after(async () => {
  await cluster.stop();
  await database.stop();
});
afterEach(heal);

async function heal(): Promise<void> {
  for (const node of cluster.nodes) {
    node.clearFaults();
    node.freeze(false);
    await node.refuse(false);
  }
}

async function serve(test: TestContext, config: JsonObject = {}): Promise<TestServer> {
  const server = await startTestServer();
  test.after(async () => {
    await heal();
    await server.close();
  });
  const limits = { connect_timeout: '1s', statement_timeout: '4s', load_balance: 'any' };
  await configure(server.client, { ...connectionTo(database, cluster.node('n1')), ...limits, ...config });
  return server;
}

const leaseCount = async ({ client }: TestServer): Promise<unknown> =>
  (await client.read('sys/leases/count'))?.data?.['lease_count'];

describe('credentials while every node is away', () => {
  const away: Readonly<Record<string, () => Promise<void>>> = {
    'and refuses': async () => {
      for (const node of cluster.nodes) {
        await node.refuse(true);
        node.dropAll();
      }
    },
    'and swallows packets': async () => {
      for (const node of cluster.nodes) node.freeze(true);
    },
    'and lets nobody in': async () => {
      for (const node of cluster.nodes) {
        const action = { type: 'error', sqlstate: '53300', message: 'sorry, too many clients already' } as const;
        node.addFault({ match: /^SET /, times: Infinity, action });
        node.dropAll();
      }
    },
  };
  for (const [how, begin] of Object.entries(away)) {
    it(`${how}: 503 with the reason, and no lease`, async (test) => {
      // A statement over a connection from before would leave a lease: what became of it is not known.
      const server = await serve(test, { max_idle_connections: -1 });
      await begin();
      await assert.rejects(issue(server.client), (error) => {
        assert.ok(isCofferError(error) && 'status' in error);
        assert.equal(error.status, 503, error.message);
        assert.match(error.message, /can be reached|failed to connect|too many clients/);
        return true;
      });
      assert.equal(await leaseCount(server), 0);
      await heal();
      for (const node of cluster.nodes) node.dropAll();
      // For a moment the last search still counts for those who come after it.
      const again = (): Promise<unknown> => issue(server.client).catch(() => false);
      await eventually(again, 'credentials again');
    });
  }
});

describe('a creation whose node falls silent over it', () => {
  it('is made again under another name, and the first is dropped when it lands', async (test) => {
    const server = await serve(test, { failed_host_reconnect_delay_secs: 1 });
    const before_ = await issue(server.client);
    const held = cluster.nodes.map((node) =>
      node.addFault({ match: /^CREATE ROLE/m, times: 1, action: { type: 'delay', ms: 4_000 } }),
    );
    // Whichever node is asked first falls silent with the statement in hand, and comes back when nobody waits for it any more.
    const silent = eventually(async () => held.some(({ fired }) => fired > 0), 'a statement').then(() => {
      const node = cluster.nodes[held.findIndex(({ fired }) => fired > 0)];
      for (const each of cluster.nodes) if (each !== node) each.clearFaults();
      node?.freeze(true);
      return node;
    });
    const { username, password } = await issue(server.client);
    assert.deepEqual(await tryLogin(database, username, password), { user: username });
    const others = async (): Promise<string[]> =>
      (await issuedRoles(database)).filter((role) => role !== username && role !== before_.username);
    await eventually(async () => (await others()).length > 0, 'the first one to be made after all', { everyMs: 50 });
    (await silent)?.freeze(false);
    await eventually(async () => (await others()).length === 0, 'the first one to be dropped', {
      // At the latest with its lease, once it can no longer land.
      patienceMs: 150_000,
    });
    assert.ok((await issuedRoles(database)).includes(username));
  });
});

describe('what is changed while every node has fallen silent', () => {
  /** At once: each of them has to be answered. A root rotation is alone with its connection anyway. */
  const changes: Readonly<Record<string, readonly [path: string, body: (leaseId: string) => JsonObject][]>> = {
    'a renewal, a revocation, a rotation': [
      ['sys/leases/renew', (leaseId) => ({ lease_id: leaseId, increment: 7200 })],
      ['sys/leases/revoke', (leaseId) => ({ lease_id: leaseId, sync: true })],
      ['database/rotate-role/app', () => ({})],
    ],
    'a root rotation': [['database/rotate-root/yugabytedb', () => ({})]],
  };
  for (const [what, requests] of Object.entries(changes)) {
    it(`${what} is a 503 soon, and made when they are back`, async (test) => {
      const admin = await anAdmin(test);
      // Nobody who asks would wait for that long.
      const server = await serve(test, { ...admin, connect_timeout: '10s', statement_timeout: '10m' });
      await aStaticRole(test, server);
      const leases = await Promise.all(requests.map(() => issue(server.client)));
      for (const node of cluster.nodes) node.freeze(true);
      const refused = requests.map(async ([path, body], index) =>
        assert.rejects(server.client.write(path, body(leases[index]?.leaseId ?? '')), (error) => {
          assert.ok(isCofferError(error) && 'status' in error);
          assert.equal(error.status, 503, `${path}: ${error.message}`);
          return true;
        }),
      );
      await Promise.all(refused);
      await heal();
      for (const node of cluster.nodes) node.dropAll();
      const again = (): Promise<unknown> => issue(server.client).catch(() => false);
      await eventually(again, 'credentials again', { patienceMs: 30_000 });
      const { username, password } = await staticLogin(server);
      assert.deepEqual(await tryLogin(database, username, password), { user: username });
    });
  }
});

describe('a change whose node falls silent over it', () => {
  /** Whichever node gets `statement` first falls silent with it in hand. */
  async function silentOver(statement: RegExp): Promise<PosedCluster['nodes'][number]> {
    const held = cluster.nodes.map((node) =>
      node.addFault({ match: statement, times: 1, action: { type: 'delay', ms: 8_000 } }),
    );
    await eventually(async () => held.some(({ fired }) => fired > 0), 'a statement', { everyMs: 10 });
    const node = cluster.nodes[held.findIndex(({ fired }) => fired > 0)];
    assert.ok(node);
    for (const each of cluster.nodes) if (each !== node) each.clearFaults();
    node.freeze(true);
    return node;
  }

  it('is a rotation: it is made elsewhere, and the next one waits until the first cannot land', async (test) => {
    const server = await serve(test);
    await aStaticRole(test, server);
    const silent = silentOver(/^ALTER ROLE/m);
    await server.client.write('database/rotate-role/app', {});
    await assert.rejects(
      server.client.write('database/rotate-role/app', {}),
      /503[^]*stopped answering during the last rotation and may still set that password: you can set another one after/,
    );
    (await silent).freeze(false);
    const { username, password } = await staticLogin(server);
    assert.deepEqual(await tryLogin(database, username, password), { user: username });
  });
  it('is a root rotation: the same', async (test) => {
    const admin = await anAdmin(test);
    // After a root rotation nothing is known of the cluster but this.
    const host = cluster.nodes.map((node) => node.host).join(',');
    const server = await serve(test, { ...admin, host });
    await issue(server.client);
    const silent = silentOver(/^ALTER ROLE/m);
    await server.client.write('database/rotate-root/yugabytedb', {});
    await assert.rejects(
      server.client.write('database/rotate-root/yugabytedb', {}),
      /503[^]*may still set that password: you can set another one after/,
    );
    (await silent).freeze(false);
    await eventually(() => issue(server.client).catch(() => false), 'credentials again');
  });
  it('is a renewal: it is made elsewhere', async (test) => {
    const server = await serve(test);
    const { leaseId } = await issue(server.client);
    const silent = silentOver(/^ALTER ROLE/m);
    await server.client.write('sys/leases/renew', { lease_id: leaseId, increment: 7200 });
    await silent;
  });
});

/** An admin of its own, whose password a test may lose. */
async function anAdmin(test: TestContext): Promise<JsonObject> {
  const admin = { user: 'limping_admin', password: 'limping-admin' };
  await makeAdmin(database, admin);
  test.after(() => dropAdmin(database, admin.user));
  return { username: admin.user, password: admin.password };
}

async function aStaticRole(test: TestContext, { client }: TestServer): Promise<void> {
  await database.query('CREATE ROLE app LOGIN');
  test.after(() => database.query('DROP ROLE app'));
  const role = { db_name: 'yugabytedb', username: 'app', rotation_period: '24h' };
  await client.write('database/static-roles/app', role);
}

async function staticLogin({ client }: TestServer): Promise<{ username: string; password: string }> {
  let data: unknown;
  const read = async (): Promise<boolean> => {
    data = (await client.read('database/static-creds/app').catch(() => undefined))?.data;
    return data !== undefined;
  };
  await eventually(read, 'a password that is known', { patienceMs: 60_000 });
  return data as { username: string; password: string };
}
