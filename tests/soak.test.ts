/**
 * Issue and revoke, 16 at once, while one statement in twenty is hit by a fault and the nodes of the cluster go down in
 * turn: nobody sees an error, and nothing is left. 150 pairs a mode, or as many as SOAK says (`SOAK=2000`).
 *
 * The cluster is posed: wire proxies before one PostgreSQL (CONTRIBUTING.md). It shows what we do about faults, not which
 * faults a real YugabyteDB has.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  eventually,
  type FaultAction,
  type InstalledFault,
  type PosedCluster,
  type PosedNode,
  startPosedCluster,
  startPostgres,
  type TestPostgres,
} from '@coffer/testkit';
import { configure, connectionTo, issue, startTestServer, type TestServer } from './dev-server.ts';
import { issuedRoles, tryLogin } from './logins.ts';

const PAIRS = Number(process.env['SOAK'] ?? 150);
const CLIENTS = 16;
/** An attempt has about five statements, and there are ten attempts: at twice the rate one pair in some thousands would have none left. */
const FAULT_RATE = 0.05;
/** How long a node stays down, and how long all of them are up in between at least. */
const DOWN_MS = 250;
const UP_MS = 250;
/** What they get done in between at least: on a slow machine nodes must not go down more often for each thing done. */
const UP_STATEMENTS = 60;

const FAULTS: Readonly<Record<string, FaultAction>> = {
  '40001': { type: 'error', sqlstate: '40001', message: 'could not serialize access: MISMATCHED_SCHEMA' },
  '40001 too late': { type: 'error-after', sqlstate: '40001', message: 'Restarting a DDL transaction not supported' },
  XX000: { type: 'error', sqlstate: 'XX000', message: 'Catalog Version Mismatch: A DDL occurred while processing' },
  '40P01': { type: 'error', sqlstate: '40P01', message: 'deadlock detected' },
  '57P01': {
    type: 'fatal',
    sqlstate: '57P01',
    message: 'terminating connection due to administrator command',
  },
  'connection lost before': { type: 'drop-before' },
  'connection lost after': { type: 'drop-after' },
  delay: { type: 'delay', ms: 20 },
};

const ROLES = {
  seed: {},
  'in-role': {
    creation_statements: `CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}' IN ROLE app_readers`,
  },
};

/** One kind after the other: drawn by lot, one of them would be missing now and then. */
function inTurn(kinds: readonly string[]): () => string {
  let count = 0;
  return () => kinds[count++ % kinds.length] ?? '';
}

/** Hits statements at the given rate. */
function injectFaults(node: PosedNode, nextKind: () => string): ReadonlyMap<string, InstalledFault> {
  const kinds = Object.entries(FAULTS);
  let drawn = { index: -1, kind: '' };
  const kindFor = (index: number): string => {
    if (drawn.index !== index) {
      drawn = { index, kind: Math.random() < FAULT_RATE ? nextKind() : '' };
    }
    return drawn.kind;
  };
  return new Map(
    kinds.map(([kind, action]) => [
      kind,
      node.addFault({ match: (_, index) => kindFor(index) === kind, times: Infinity, action }),
    ]),
  );
}

/** Takes one node after the other down and up again, until told to stop; then all are up. */
async function cycleNodes(nodes: readonly PosedNode[], stop: AbortSignal): Promise<number> {
  let losses = 0;
  const statements = (): number => nodes.reduce((sum, node) => sum + node.statements.length, 0);
  while (!stop.aborted) {
    const node = nodes[losses++ % nodes.length];
    await node?.refuse(true);
    node?.dropAll();
    await sleep(DOWN_MS);
    await node?.refuse(false);
    const before = statements();
    await sleep(UP_MS);
    while (!stop.aborted && statements() - before < UP_STATEMENTS) await sleep(20);
  }
  return losses;
}

for (const mode of ['postgresql', 'yugabytedb'] as const) {
  describe(`soak, ${mode} mode`, () => {
    let database: TestPostgres;
    let cluster: PosedCluster;
    let server: TestServer;

    before(async () => {
      database = await startPostgres({ authMethod: 'md5' });
      await database.query('CREATE ROLE app_readers');
      cluster = await startPosedCluster({
        target: database,
        mode,
        nodes: ['node1', 'node2', 'node3'].map((name) => ({ name })),
      });
      server = await startTestServer();
      const [contact] = cluster.nodes;
      await configure(server.client, {
        ...connectionTo(database, {
          host: cluster.nodes.map(({ host }) => host).join(','),
          port: contact?.port ?? 0,
        }),
        load_balance: 'any',
        failed_host_reconnect_delay_secs: 0,
        max_open_connections: CLIENTS,
      });
      for (const [name, role] of Object.entries(ROLES)) {
        const seed = await server.client.read('database/roles/my-first-role');
        await server.client.write(`database/roles/${name}`, { ...seed?.data, ...role });
      }
    });
    after(async () => {
      await server.close();
      await cluster.stop();
      await database.stop();
    });

    it(`${PAIRS} pairs of issue and revoke, ${CLIENTS} at once`, { timeout: 3_600_000 }, async (test) => {
      const nextKind = inTurn(Object.keys(FAULTS));
      const faults = cluster.nodes.map((node) => injectFaults(node, nextKind));
      const done = new AbortController();
      const cycling = cycleNodes(cluster.nodes, done.signal);
      const errors: string[] = [];
      const started = Date.now();
      let begun = 0;

      async function pair(role: string): Promise<void> {
        const { leaseId, username, password } = await issue(server.client, role);
        assert.deepEqual(await tryLogin(database, username, password), { user: username });
        await server.client.write('sys/leases/revoke', { lease_id: leaseId });
        assert.ok('refusal' in (await tryLogin(database, username, password)), `${username} can log in after its end`);
      }
      async function client(): Promise<void> {
        while (begun < PAIRS) {
          const role = begun++ % 2 === 0 ? 'seed' : 'in-role';
          await pair(role).catch((error: unknown) => errors.push(`${role}: ${String(error)}`));
        }
      }
      await Promise.all(Array.from({ length: CLIENTS }, client));
      done.abort();
      const losses = await cycling;
      const seconds = (Date.now() - started) / 1000;
      for (const node of cluster.nodes) node.clearFaults();

      const statements = cluster.nodes.reduce((sum, node) => sum + node.statements.length, 0);
      const fired = new Map(
        Object.keys(FAULTS).map((kind) => [kind, faults.reduce((sum, of) => sum + (of.get(kind)?.fired ?? 0), 0)]),
      );
      const total = [...fired.values()].reduce((sum, count) => sum + count, 0);
      test.diagnostic(
        `${mode}: ${PAIRS} pairs in ${seconds.toFixed(1)} s, ${statements} statements, ${losses} node losses, ${total} faults (${[...fired].map(([kind, count]) => `${kind}: ${count}`).join(', ')}), ${errors.length} errors surfaced`,
      );
      assert.deepEqual(errors, []);
      assert.deepEqual(await issuedRoles(database), []);
      // The lease of a user whose sessions a node could not be asked about is looked at again every ten seconds.
      await eventually(
        async () => (await server.client.read('sys/leases/count'))?.data?.['lease_count'] === 0,
        'no lease is left',
      );
      for (const [kind, count] of fired) assert.ok(count > 0, `no statement was hit by ${kind}`);
      assert.ok(losses > 1, 'nodes went down');
    });
  });
}
