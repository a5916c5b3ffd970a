/** What operators and clients see of several nodes on one store. */
import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { after, before, describe, it } from 'node:test';
import { VERSION } from '@coffer/base';
import { eventually } from '@coffer/testkit';
import { DurableHome, type DurableServer, type Initialized, initialize, unseal } from '../durable-process.ts';
import { type SharedStore, startSharedStore } from './shared-store.ts';

interface Node {
  readonly id: string;
  readonly api_address: string;
  readonly active_node: boolean;
  readonly last_echo: string | null;
  readonly state: string;
  readonly started: string;
  readonly self: boolean;
}

async function nodesOf(server: DurableServer, token: string): Promise<readonly Node[]> {
  const { body } = await server.client(token).request('GET', 'sys/ha-status');
  const { data, nodes } = body as unknown as { data: { nodes: unknown }; nodes: readonly Node[] };
  assert.deepEqual(data.nodes, nodes, 'Vault has them in both places');
  return nodes;
}

async function bodyOf(server: DurableServer, path: string): Promise<Record<string, unknown>> {
  return (await server.client().request('GET', path)).body as Record<string, unknown>;
}

describe('nodes on one store', () => {
  let store: SharedStore;
  let home: DurableHome;
  let named: DurableHome;
  let made: Initialized;
  let a: DurableServer;
  let b: DurableServer;

  const states = async () =>
    (await nodesOf(a, made.root_token)).map(({ api_address, state, active_node }) => [api_address, state, active_node]);

  before(async () => {
    store = await startSharedStore();
    home = await DurableHome.make();
    named = await DurableHome.make();
    await home.configure(store.storage);
    await named.configure(`${store.storage}\napi_addr = "https://zz.example.com:8200"`);
    a = await home.start();
    made = await initialize(a, 1, 1);
    await unseal(a, made.unseal_keys_b64);
    b = await named.start();
  });
  after(async () => {
    await home.remove();
    await named.remove();
    await store.stop();
  });

  it('are listed with address, version, state and last heartbeat', async () => {
    await eventually(async () => (await states()).length === 2 && (await states())[0]?.[2] === true, 'both nodes');
    const nodes = await nodesOf(a, made.root_token);
    const [first, second] = nodes;
    const { id, last_echo, started, ...rest } = first ?? assert.fail();
    assert.deepEqual(rest, {
      hostname: hostname(),
      api_address: a.address,
      cluster_address: '',
      active_node: true,
      version: VERSION,
      state: 'active',
      self: true,
    });
    assert.match(id, /^\w{12}$/);
    for (const time of [last_echo, started]) assert.ok(Math.abs(Date.now() - Date.parse(String(time))) < 60_000);
    assert.deepEqual(
      [second?.api_address, second?.state, second?.active_node, second?.self],
      ['https://zz.example.com:8200', 'sealed', false, false],
    );
  });

  it('are all active once they are unsealed, whichever is asked', async () => {
    await unseal(b, made.unseal_keys_b64);
    await eventually(async () => (await states()).every(([, state]) => state === 'active'), 'two active nodes');
    const [mine, other] = await nodesOf(b, made.root_token);
    assert.deepEqual([mine?.active_node, other?.active_node], [true, true]);
    assert.deepEqual([mine?.self, other?.self], [false, true]);
  });

  it('are shown to a token that may read them, and to nobody else', async () => {
    await assert.rejects(a.client().request('GET', 'sys/ha-status'), { status: 403 });
    const login = async (policy: string): Promise<string> => {
      await a.client(made.root_token).write('sys/policies/acl/who', { policy });
      const answer = await a.client(made.root_token).write('auth/token/create', { policies: ['who'] });
      return answer?.auth?.clientToken ?? '';
    };
    const may = await login('path "sys/ha-status" { capabilities = ["read"] }');
    assert.equal((await nodesOf(b, may)).length, 2);
    const mayNot = await login('path "sys/mounts" { capabilities = ["read"] }');
    await assert.rejects(b.client(mayNot).request('GET', 'sys/ha-status'), { status: 403 });
  });

  it('are listed by "operator members"', async () => {
    const table = await a.run(['operator', 'members'], made.root_token);
    assert.equal(table.exit, 0, table.stderr);
    const [header = '', , row = '', second = ''] = table.stdout
      .split('\n')
      .map((line) => line.split(/ {4,}/).join('|'));
    const columns =
      'Host Name|API Address|Cluster Address|Active Node|Version|Upgrade Version|Redundancy Zone|Last Echo|State';
    assert.equal(header.replace(/ +\|/g, '|'), columns);
    const cells = row.split('|').map((cell) => cell.trim());
    assert.match(cells[7] ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    cells[7] = '';
    assert.deepEqual(cells, [hostname(), a.address, 'n/a', 'true', VERSION, 'n/a', 'n/a', '', 'active']);
    assert.match(second, /zz\.example\.com/);
    const json = await b.run(['operator', 'members', '-format=json'], made.root_token);
    const { Nodes: nodes } = JSON.parse(json.stdout) as { Nodes: readonly Node[] };
    assert.deepEqual(
      nodes.map(({ api_address, state }) => [api_address, state]),
      [
        [a.address, 'active'],
        ['https://zz.example.com:8200', 'active'],
      ],
    );
    const refused = await a.run(['operator', 'members'], 'no-token');
    assert.equal(refused.exit, 2);
    assert.match(refused.stderr, /permission denied/);
  });

  it('each lead themselves, for clients that look for the active one', async () => {
    for (const [server, address] of [
      [a, a.address],
      [b, 'https://zz.example.com:8200'],
    ] as const) {
      const { active_time, ...leader } = await bodyOf(server, 'sys/leader');
      assert.deepEqual(leader, {
        ha_enabled: true,
        is_self: true,
        leader_address: address,
        leader_cluster_address: '',
      });
      assert.ok(Date.now() - Date.parse(String(active_time)) < 60_000);
      const health = await server.client().request('GET', 'sys/health');
      assert.deepEqual([health.status, (health.body as { standby: boolean }).standby], [200, false]);
      const status = await server.run(['status']);
      assert.equal(status.exit, 0);
      assert.match(
        status.stdout,
        /HA Enabled +true\nHA Cluster +n\/a\nHA Mode +active\nActive Since +\d{4}-\d\d-\d\dT\S+Z\n$/,
      );
      assert.equal((await server.run(['status', '-field=ha_mode'])).stdout, 'active');
    }
  });

  it('do not step down, and say what to do', async () => {
    const refused = await b.run(['operator', 'step-down'], made.root_token);
    assert.equal(refused.exit, 2);
    assert.match(refused.stderr, /so no node can step down\. To take this node out of service, seal it or stop it/);
    await assert.rejects(a.client('none').request('PUT', 'sys/step-down'), { status: 403 });
  });

  it('do not lead while they are sealed', async () => {
    await b.client(made.root_token).request('PUT', 'sys/seal');
    assert.deepEqual(await bodyOf(b, 'sys/leader'), { ha_enabled: true });
    const status = await b.run(['status']);
    assert.equal(status.exit, 2);
    assert.match(status.stdout, /HA Enabled +true\n$/);
    await eventually(async () => (await states())[1]?.[1] === 'sealed', 'the other one sealed');
    await unseal(b, made.unseal_keys_b64);
    await eventually(async () => (await states())[1]?.[1] === 'active', 'the other one active');
  });

  it('are dead ten seconds after they were killed, until they are cleared away, and gone at once when they end', async () => {
    const other = async () => (await states()).find(([address]) => address !== a.address);
    await b.stop('SIGKILL');
    const seen: unknown[] = [];
    await eventually(async () => {
      const node = await other();
      if (node !== undefined) seen.push(node[1]);
      if (node?.[1] === 'dead') assert.equal(node[2], false);
      return node?.[1] !== 'active';
    }, 'the dead node');
    assert.ok(seen.includes('active'));
    b = await named.start();
    await eventually(async () => (await states()).some(([, state]) => state === 'sealed'), 'the new node');
    assert.equal(await b.stop('SIGTERM'), 0);
    assert.ok(!(await states()).some(([, state]) => state === 'sealed'));
  });
});

describe('a node on a store of its own', () => {
  let home: DurableHome;
  before(async () => (home = await DurableHome.make()));
  after(() => home.remove());

  it('lists itself, without a heartbeat, and leads nobody', async () => {
    await home.configure(home.fileStorage);
    const server = await home.start();
    const { root_token: root, unseal_keys_b64: keys } = await initialize(server, 1, 1);
    await unseal(server, keys);
    const [node, ...others] = await nodesOf(server, root);
    assert.deepEqual(others, []);
    assert.deepEqual(
      [node?.api_address, node?.active_node, node?.state, node?.self, node?.last_echo],
      [server.address, true, 'active', true, null],
    );
    assert.deepEqual(await bodyOf(server, 'sys/leader'), { ha_enabled: false });
    const { stdout } = await server.run(['operator', 'members'], root);
    assert.match(stdout, /true +\S+ +n\/a +n\/a +n\/a +active\n$/);
    assert.match((await server.run(['status'])).stdout, /HA Enabled +false\n$/);
  });
});
