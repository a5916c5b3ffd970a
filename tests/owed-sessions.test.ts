/** A lease that is over while sessions of its user may go on: it stays, says so, and goes when they have ended. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { eventually, type PosedCluster, startPosedCluster, startPostgres, type TestPostgres } from '@coffer/testkit';
import pg from 'pg';
import { configure, connectionTo, issue, type Issued, startTestServer, type TestServer } from './dev-server.ts';
import { issuedRoles } from './logins.ts';
import { putPlugin } from './plugin-file.ts';

for (const way of ['in the process', 'over go-plugin'] as const) {
  describe(`sessions of a revoked user, ysql-plugin ${way}`, () => {
    let database: TestPostgres;
    let cluster: PosedCluster;
    let server: TestServer;
    let directory: string;

    before(async () => {
      database = await startPostgres();
      cluster = await startPosedCluster({ target: database, nodes: [{ name: 'n1' }, { name: 'n2' }] });
      directory = await mkdtemp(join(tmpdir(), 'coffer-owed-'));
      const sha256 = await putPlugin(directory);
      server = await startTestServer({ pluginDirectory: directory });
      if (way === 'over go-plugin') {
        await server.client.write('sys/plugins/catalog/database/ysql-plugin', { sha256, command: 'ysql-plugin' });
      }
      await configure(server.client, {
        ...connectionTo(database, cluster.node('n1')),
        connect_timeout: 1,
      });
    });
    after(async () => {
      await server.close();
      await rm(directory, { recursive: true });
      await cluster.stop();
      await database.stop();
    });
    afterEach(() => cluster.node('n2').hang(false));

    async function logIn({ username, password }: Issued): Promise<pg.Client> {
      const { host, port } = cluster.node('n2');
      const client = new pg.Client({ host, port, user: username, password, database: database.database });
      client.on('error', () => undefined);
      await client.connect();
      return client;
    }

    /** Nothing reaches the node any more but the sessions that a test opened before. */
    async function cutOff(): Promise<void> {
      cluster.node('n2').hang(true);
      const ours = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'ysql-plugin %'";
      await database.query(ours);
    }

    async function revoke(path: string, body: JsonObject = {}): Promise<string> {
      const answer = await server.client.request('PUT', path, { body });
      return JSON.stringify((answer.body as { warnings?: unknown } | undefined)?.warnings ?? null);
    }

    async function lookup(id: string): Promise<JsonObject | undefined> {
      const answer = await server.client
        .request('PUT', 'sys/leases/lookup', { body: { lease_id: id } })
        .catch(() => undefined);
      return (answer?.body as { data?: JsonObject } | undefined)?.data;
    }

    const gone = (id: string) =>
      eventually(
        async () => (await lookup(id)) === undefined,
        () => server.log(),
      );
    const GONE = /is gone, but its sessions may still be open: 1 of the nodes could not be reached[^]*127\.0\.0\.2:\d+/;

    /** As on a node whose session waits for another one: it is told to end, and goes on. */
    async function terminateInVain(inVain: boolean): Promise<void> {
      const body = inVain ? "LANGUAGE sql AS 'SELECT true'" : "LANGUAGE internal STRICT AS 'pg_terminate_backend'";
      await database.query(
        `CREATE OR REPLACE FUNCTION pg_catalog.pg_terminate_backend(pid int, timeout bigint DEFAULT 0) RETURNS bool VOLATILE ${body}`,
      );
    }

    it('on a node that cannot be asked are on the lease until they have ended', async () => {
      const issued = await issue(server.client);
      const session = await logIn(issued);
      const ended = new Promise((resolve) => session.once('end', resolve));
      await cutOff();
      assert.match(await revoke('sys/leases/revoke', { lease_id: issued.leaseId, sync: true }), GONE);
      assert.deepEqual(await issuedRoles(database), []);
      const owed = await lookup(issued.leaseId);
      assert.match(owed?.['revocation_owed'] as string, GONE);
      assert.equal(owed?.['revocation_error'], undefined);
      assert.ok(owed?.['next_revocation']);
      // Asked again it says the same, and asks the database for nothing.
      const before = cluster.node('n1').statements.length;
      assert.match(await revoke(`sys/leases/revoke/${issued.leaseId}`), GONE);
      assert.equal(
        cluster
          .node('n1')
          .statements.slice(before)
          .filter(({ sql }) => /ROLE|pg_shdepend/.test(sql)).length,
        0,
      );
      cluster.node('n2').hang(false);
      await ended;
      await gone(issued.leaseId);
    });

    it('are not on the lease where no server process is, which is asked again all the same', async () => {
      const issued = await issue(server.client);
      await cluster.node('n2').refuse(true);
      assert.equal(await revoke('sys/leases/revoke', { lease_id: issued.leaseId, sync: true }), 'null');
      assert.equal(await lookup(issued.leaseId), undefined);
      await cluster.node('n2').refuse(false);
    });

    if (way === 'over go-plugin') return;

    it('that do not end when they are told to are on the lease until they do', async () => {
      const issued = await issue(server.client);
      const session = await logIn(issued);
      const ended = new Promise((resolve) => session.once('end', resolve));
      await terminateInVain(true);
      assert.match(await revoke('sys/leases/revoke-prefix/database/creds'), GONE);
      assert.match((await lookup(issued.leaseId))?.['revocation_owed'] as string, GONE);
      await terminateInVain(false);
      await ended;
      await gone(issued.leaseId);
    });

    it('hold up neither a revocation nor the end of a mount', async () => {
      const issued = await issue(server.client);
      await cutOff();
      await server.client.request('PUT', 'sys/leases/revoke', { body: { lease_id: issued.leaseId } });
      await eventually(
        async () => (await lookup(issued.leaseId))?.['revocation_owed'] !== undefined,
        () => server.log(),
      );
      await server.client.request('DELETE', 'sys/mounts/database');
      assert.equal(await lookup(issued.leaseId), undefined);
      assert.match(server.log(), /lease forgotten[^]*is gone, but its sessions may still be open/);
      assert.deepEqual(await issuedRoles(database), []);
    });
  });
}
