import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { type PosedCluster, startPosedCluster, startPostgres, type TestPostgres } from './index.ts';

describe('startPosedCluster', () => {
  let postgres: TestPostgres;
  let cluster: PosedCluster;
  before(async () => {
    postgres = await startPostgres();
    cluster = await startPosedCluster({
      target: postgres,
      nodes: [
        { name: 'n1' },
        { name: 'n2', zone: 'rack2', publicIp: '203.0.113.2' },
        { name: 'r1', nodeType: 'read_replica' },
      ],
    });
  });
  after(async () => {
    await cluster.stop();
    await postgres.stop();
  });

  async function through(name: string): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: cluster.node(name).url, application_name: `session on ${name}` });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }

  it('names its nodes in yb_servers(), also in a new database, and changes the list', async () => {
    await postgres.query('CREATE DATABASE other');
    for (const database of [postgres.database, 'other']) {
      const rows = await postgres.query('SELECT * FROM yb_servers()', [], database);
      assert.deepEqual(
        rows.map(({ host, port, node_type, zone, public_ip }) => [host, Number(port), node_type, zone, public_ip]),
        [
          [cluster.node('n1').host, cluster.node('n1').port, 'primary', 'rack1', ''],
          [cluster.node('n2').host, cluster.node('n2').port, 'primary', 'rack2', '203.0.113.2'],
          [cluster.node('r1').host, cluster.node('r1').port, 'read_replica', 'rack1', ''],
        ],
      );
    }
    await cluster.listNodes(['n2']);
    assert.equal((await postgres.query('SELECT * FROM yb_servers()')).length, 1);
    await cluster.listNodes([]);
    assert.equal((await postgres.query('SELECT * FROM yb_servers()')).length, 0);
    await cluster.listNodes(['n1', 'n2', 'r1']);
  });

  it('shows and ends only the sessions of a node', async () => {
    const [one, two] = [await through('n1'), await through('n2')];
    const ended = new Promise<Error>((resolve) => two.once('error', resolve));
    const names = async (client: pg.Client): Promise<string[]> => {
      const sql = `SELECT application_name AS name FROM pg_stat_activity a WHERE a.application_name LIKE 'session on %'`;
      return (await client.query<{ name: string }>(sql)).rows.map((row) => row.name);
    };
    assert.deepEqual(await names(one), ['session on n1']);
    assert.deepEqual(await names(two), ['session on n2']);
    const { rows } = await two.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const end = async (client: pg.Client): Promise<unknown> => {
      const sql = 'SELECT pg_terminate_backend($1) FROM pg_roles WHERE rolname = current_user';
      return (await client.query<{ pg_terminate_backend: boolean }>(sql, [rows[0]?.pid])).rows;
    };
    assert.deepEqual(await end(one), [{ pg_terminate_backend: false }]);
    assert.deepEqual(await names(two), ['session on n2']);
    const helper = await through('n2');
    assert.deepEqual(await end(helper), [{ pg_terminate_backend: true }]);
    assert.match((await ended).message, /administrator command/);
    await Promise.all([one.end(), two.end(), helper.end()]);
  });

  it('can lose a node, and knows no other', async () => {
    const node = cluster.node('r1');
    await node.refuse(true);
    await assert.rejects(through('r1'), { code: 'ECONNREFUSED' });
    await node.refuse(false);
    await (await through('r1')).end();
    assert.throws(() => cluster.node('n9'), { code: 'not-found' });
  });
});
