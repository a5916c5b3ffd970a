/**
 * The built server, killed with SIGKILL while a statement of its own is at work in the database, or has just taken effect. The
 * next server settles that as soon as no node knows a session of the killed one, however long the times are that it would wait
 * otherwise. PostgreSQL poses as a cluster of two nodes.
 */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import type { Client } from '@coffer/client';
import type { JsonObject } from '@coffer/base';
import { dropAdmin, eventually, makeAdmin, type PosedCluster } from '@coffer/testkit';
import { startPosedCluster, startPostgres, type TestPostgres } from '@coffer/testkit';
import pg from 'pg';
import { configure, issue } from '../dev-server.ts';
import { DurableHome, type DurableServer, type Initialized, initialize, unseal } from '../durable-process.ts';
import { issuedRoles, tryLogin } from '../logins.ts';
import { putPlugin } from '../plugin-file.ts';

/** What must be over by then would take 45 or 120 s by time alone. */
const SOON = { patienceMs: 15_000 };
const OLD_CLAIM_MS = 120_000;

describe('what a killed server was at', () => {
  let database: TestPostgres;
  let cluster: PosedCluster;
  let home: DurableHome;
  let keys: Initialized;
  let server: DurableServer;
  let client: Client;
  let lock: pg.Client | undefined;

  before(async () => {
    database = await startPostgres();
    cluster = await startPosedCluster({ target: database, nodes: [{ name: 'n1' }, { name: 'n2' }] });
  });
  after(async () => {
    await cluster.stop();
    await database.stop();
  });
  beforeEach(async () => {
    await makeAdmin(database, { user: 'dead_root', password: 'root-chosen' });
    await database.query("CREATE ROLE dead_app LOGIN PASSWORD 'chosen'");
    home = await DurableHome.make();
    await mkdir(home.path('plugins'));
    await home.configure(`${home.fileStorage}\nplugin_directory = ${JSON.stringify(home.path('plugins'))}`);
    server = await home.start();
    keys = await initialize(server, 1, 1);
    await open();
  });
  afterEach(async () => {
    await unlock();
    for (const node of cluster.nodes) node.hang(false);
    await home.remove();
    for (const role of await issuedRoles(database))
      await database.query(`DROP OWNED BY "${role}"; DROP ROLE "${role}"`);
    await dropAdmin(database, 'dead_root');
    await database.query('DROP ROLE dead_app');
  });

  async function open(): Promise<void> {
    await unseal(server, keys.unseal_keys_b64);
    client = server.client(keys.root_token);
  }

  /** Through one node, so that the other has no session of the server but those that it opened to end some. */
  async function connect(role: JsonObject = {}): Promise<void> {
    const { host, port } = cluster.node('n1');
    const login = { username: 'dead_root', password: 'root-chosen', db: database.database };
    await configure(client, { host, port, ...login, load_balance: 'false' }, role);
    await client.write('database/static-roles/app', {
      db_name: 'yugabytedb',
      username: 'dead_app',
      rotation_period: 86_400,
    });
  }

  /** From now on nobody can make or change a role, but log in. */
  async function holdRoles(): Promise<void> {
    lock = new pg.Client({ ...database.superuser, host: database.host, port: database.port, database: 'postgres' });
    lock.on('error', () => undefined);
    await lock.connect();
    await lock.query('BEGIN; LOCK TABLE pg_catalog.pg_authid IN SHARE MODE');
  }

  async function unlock(): Promise<void> {
    await lock?.end();
    lock = undefined;
  }

  async function waiting(statement: string): Promise<number> {
    const sql = `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE $1 AND usename = 'dead_root'`;
    return (await database.query(sql, [`%${statement}%`])).length;
  }

  /** Kills the server while its statement waits for the lock, and starts the next one. */
  async function killWhileHeld(statement: string, work: () => Promise<unknown>): Promise<void> {
    await holdRoles();
    const cutOff = assert.rejects(work());
    await eventually(async () => (await waiting(statement)) > 0, `${statement} waits for the lock`);
    await server.stop('SIGKILL');
    await cutOff;
    assert.ok((await waiting(statement)) > 0, 'the statement is at work although its server is dead');
  }

  async function restart(): Promise<void> {
    server = await home.start();
    await open();
  }

  async function read(path: string): Promise<JsonObject> {
    return (await client.read(path))?.data ?? {};
  }

  async function leases(): Promise<unknown> {
    return (await read('sys/leases/count'))['lease_count'];
  }

  async function owedLease(): Promise<JsonObject | undefined> {
    const { body } = await client.request('LIST', 'sys/leases/lookup/database/creds/my-first-role');
    const keysOf = (body as { data?: { keys: readonly string[] } } | undefined)?.data?.keys ?? [];
    if (keysOf[0] === undefined) return undefined;
    const answer = await client.write('sys/leases/lookup', { lease_id: `database/creds/my-first-role/${keysOf[0]}` });
    return answer?.data?.['revocation_error'] === undefined ? undefined : answer.data;
  }

  it('a creation whose statement waits: it never lands', async () => {
    await connect();
    await killWhileHeld('CREATE ROLE', () => issue(client));
    await restart();
    await eventually(async () => (await waiting('CREATE ROLE')) === 0, 'its backend has ended', SOON);
    await eventually(
      async () => (await leases()) === 0,
      () => server.output(),
      SOON,
    );
    await unlock();
    assert.deepEqual(await issuedRoles(database), []);
  });

  it('a creation that has landed: it is dropped', async () => {
    await connect();
    // The privileges are held, and not the roles: the role is there, and nobody knows.
    const held = new pg.Client({
      ...database.superuser,
      host: database.host,
      port: database.port,
      database: 'postgres',
    });
    await held.connect();
    await held.query('BEGIN; LOCK TABLE pg_catalog.pg_database IN SHARE MODE');
    const cutOff = assert.rejects(issue(client));
    await eventually(async () => (await waiting('GRANT')) > 0, 'the GRANT waits');
    assert.equal((await issuedRoles(database)).length, 1);
    await server.stop('SIGKILL');
    await cutOff;
    await restart();
    await eventually(async () => (await waiting('GRANT')) === 0, 'its backend has ended', SOON);
    await held.end();
    await eventually(
      async () => (await issuedRoles(database)).length === 0,
      () => server.output(),
      SOON,
    );
    await eventually(
      async () => (await leases()) === 0,
      () => server.output(),
      SOON,
    );
  });

  it('a creation, where a node cannot be asked: it is dropped, and the lease says until when it stays', async () => {
    await connect();
    await killWhileHeld('CREATE ROLE', () => issue(client));
    cluster.node('n2').hang(true);
    await restart();
    await eventually(async () => (await waiting('CREATE ROLE')) === 0, 'its backend has ended', SOON);
    const owed = await eventually(owedLease, () => server.output(), SOON);
    assert.match(
      owed['revocation_error'] as string,
      /server process before this one never said whether it made "v-.*dropped again after/,
    );
    await unlock();
    cluster.node('n2').hang(false);
    await eventually(
      async () => (await leases()) === 0,
      () => server.output(),
      { patienceMs: 60_000 },
    );
    assert.deepEqual(await issuedRoles(database), []);
  });

  it('a creation of statements that may hide their session: it keeps its time', async () => {
    const sql = `SET LOCAL application_name = 'mine'; CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}'`;
    await connect({ creation_statements: sql });
    await killWhileHeld('CREATE ROLE', () => issue(client));
    await restart();
    await eventually(owedLease, () => server.output(), SOON);
    assert.ok((await waiting('CREATE ROLE')) > 0);
    await unlock();
    await eventually(
      async () => (await issuedRoles(database)).length === 0,
      () => server.output(),
    );
    assert.equal(await leases(), 1);
    await passTime();
    await restart();
    await eventually(
      async () => (await leases()) === 0,
      () => server.output(),
      SOON,
    );
  });

  it('a creation by a plugin in a process of its own: its sessions are ended, and it is dropped again at its time', async () => {
    const sha256 = await putPlugin(home.path('plugins'));
    await client.write('sys/plugins/catalog/database/ysql-plugin', { sha256, command: 'ysql-plugin' });
    await connect();
    await killWhileHeld('CREATE ROLE', () => issue(client));
    await restart();
    await eventually(async () => (await waiting('CREATE ROLE')) === 0, 'its backend has ended', SOON);
    await unlock();
    await eventually(owedLease, () => server.output(), SOON);
    // It may be there by now: the plugin has lived a moment longer than its server, and has tried once more.
    assert.equal(await leases(), 1);
    await passTime();
    await restart();
    await eventually(
      async () => (await leases()) === 0,
      () => server.output(),
      SOON,
    );
    assert.deepEqual(await issuedRoles(database), []);
  });

  /** The server is killed, and the time is over that a creation may take. */
  async function passTime(): Promise<void> {
    await server.stop('SIGKILL');
    const file = new DatabaseSync(home.storeFile);
    file.exec(`UPDATE leases SET issue_time = issue_time - ${OLD_CLAIM_MS}`);
    file.close();
  }

  it('the rotation of a static role: its backend is ended, and the next server sets the password', async () => {
    await connect();
    await killWhileHeld('ALTER ROLE', () => client.write('database/rotate-role/app', {}));
    const [former] = await pids();
    await restart();
    await eventually(async () => !(await pids()).includes(former), 'its backend has ended', SOON);
    await unlock();
    await eventually(
      async () => Number((await read('database/static-creds/app'))['ttl']) > 86_300,
      'it is settled',
      SOON,
    );
    const password = (await read('database/static-creds/app'))['password'] as string;
    assert.deepEqual(await tryLogin(database, 'dead_app', password), { user: 'dead_app' });
  });

  it('the rotation of the root user: its backend is ended, and the next server sets the password', async () => {
    await connect();
    await killWhileHeld('ALTER ROLE', () => client.write('database/rotate-root/yugabytedb', {}));
    const [former] = await pids();
    await restart();
    await eventually(async () => !(await pids()).includes(former), 'its backend has ended', SOON);
    await unlock();
    const old = () => tryLogin(database, 'dead_root', 'root-chosen');
    await eventually(
      async () => 'refusal' in (await old()),
      () => server.output(),
      SOON,
    );
    await client.write('sys/leases/revoke', { lease_id: (await issue(client)).leaseId, sync: true });
    assert.deepEqual(await issuedRoles(database), []);
  });

  async function pids(): Promise<unknown[]> {
    const sql = `SELECT pid FROM pg_stat_activity WHERE usename = 'dead_root' AND query LIKE '%ALTER ROLE%' AND state = 'active'`;
    return (await database.query(sql)).map(({ pid }) => pid);
  }
});
