/** Three nodes on one store, from nothing, by the files of deploy/ and the commands of docs/production.md. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { copyFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { createClient, type Client } from '@coffer/client';
import { eventually, freePort, startPostgres, type TestPostgres } from '@coffer/testkit';
import { splitSql } from '@coffer/ysql';
import pg from 'pg';
import { coffer, DIST, type CommandResult } from './coffer-process.ts';
import { connectionTo, issue } from './dev-server.ts';
import { executedBlocks } from './documentation.ts';
import { DurableHome, type DurableServer } from './durable-process.ts';

const DEPLOY = resolve(import.meta.dirname, '..', 'deploy');
const NODES = ['node1', 'node2', 'node3'];
const PASSWORD = 'change-me';
/** Who makes the store's user, as on YugabyteDB Aeon: no superuser. */
const ADMINISTRATOR = { user: 'dba', password: 'dba-word' };
const run = promisify(execFile);
const blocks = executedBlocks('docs/production.md', import.meta.filename);
const blockOf = (kind: string, part: string): string => {
  const found = blocks.filter((block) => block.kind === kind && block.text.includes(part));
  assert.equal(found.length, 1, `${kind}: ${part}`);
  return found[0]?.text ?? '';
};

describe('three nodes by docs/production.md', () => {
  let database: TestPostgres;
  let directory = '';
  let home: DurableHome;
  const nodes: DurableServer[] = [];
  let rootToken = '';
  const ca = (): string => join(directory, 'tls', 'ca.pem');
  const at = (node: number): DurableServer => nodes[node] ?? assert.fail(`node ${node} does not run`);
  const clientOf = (address: string, token = rootToken): Client =>
    createClient({ address, token, caCert: readFileSync(ca(), 'utf8') });
  const health = async (address: string): Promise<unknown> =>
    (await clientOf(address, '').request('GET', 'sys/health', { query: { sealedcode: '299', uninitcode: '298' } }))
      .status;
  const command = (node: number, args: readonly string[], stdin = ''): Promise<CommandResult> =>
    coffer(args, { env: { VAULT_ADDR: at(node).address, VAULT_CACERT: ca(), VAULT_TOKEN: rootToken }, stdin });
  const storeUrl = (user: string, password: string): string =>
    `postgres://${user}:${password}@127.0.0.1:${database.port}/coffer`;
  const asAdministrator = async (where: string, sql: string): Promise<void> => {
    const { host, port } = database;
    const connection = new pg.Client({ host, port, ...ADMINISTRATOR, database: where });
    await connection.connect();
    try {
      // Each for itself: no database is made inside a transaction.
      for (const statement of splitSql(sql)) await connection.query(statement);
    } finally {
      await connection.end();
    }
  };
  const asStore = (sql: string): Promise<unknown> => run('psql', ['-X', storeUrl('coffer', PASSWORD), '-c', sql]);

  before(async () => {
    database = await startPostgres();
    directory = await mkdtemp(join(tmpdir(), 'coffer-nodes-'));
    home = await DurableHome.make();
  });
  after(async () => {
    await home.remove();
    await rm(directory, { recursive: true, force: true });
    await database.stop();
  });

  it('makes the store’s user and schema, and nothing more than these', async () => {
    const sql = await readFile(join(DEPLOY, 'store.sql'), 'utf8');
    const [first = '', second = ''] = sql.replace(/^--.*$/gm, '').split('\\connect coffer');
    await database.query(
      `CREATE ROLE ${ADMINISTRATOR.user} LOGIN CREATEROLE CREATEDB PASSWORD '${ADMINISTRATOR.password}'`,
    );
    await asAdministrator('postgres', first);
    await asAdministrator('coffer', second);
    const [role] = await database.query(
      `SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls AS more,
              EXISTS (SELECT FROM pg_auth_members WHERE member = r.oid) AS member FROM pg_roles r WHERE rolname = 'coffer'`,
    );
    assert.deepEqual(role, { more: false, member: false });
  });

  it('keeps its user to one schema', { skip: !existsSync('/usr/bin/psql') && 'no psql here' }, async () => {
    await assert.rejects(asStore('CREATE TABLE public.t ()'), /permission denied for schema public/);
    await assert.rejects(asStore('CREATE SCHEMA other'), /permission denied for database/);
    await assert.rejects(asStore('CREATE ROLE other'), /permission denied/);
    const another = storeUrl('yugabyte', 'yugabyte');
    await assert.rejects(run('psql', ['-X', another, '-c', 'SELECT 1']), /permission denied for database/);
  });

  it('makes a certificate for each name', async () => {
    await copyFile(join(DEPLOY, 'certificates.sh'), join(directory, 'certificates.sh'));
    await run('bash', ['-euc', blockOf('sh nodes', 'certificates.sh')], { cwd: directory });
    const made = await readdir(join(directory, 'tls'));
    for (const name of ['coffer', ...NODES]) {
      for (const ending of ['pem', 'key', 'both.pem']) assert.ok(made.includes(`${name}.example.com.${ending}`), name);
    }
    assert.equal((await stat(join(directory, 'tls', 'ca.key'))).mode & 0o077, 0);
  });

  it('lays out a machine as the configuration and the unit expect it', async () => {
    const root = join(directory, 'root');
    const inside = (text: string): string => text.replace(/(?<= )\/(usr|etc|var)\//g, `${root}/$1/`);
    const script = inside(await readFile(join(DEPLOY, 'host.sh'), 'utf8'))
      // Nobody but root gives files away, and the machine that tests run on keeps its users.
      .replace(/ -o root -g (root|coffer)/g, '')
      .replace(/^useradd/m, ': useradd');
    const given = join(directory, 'given');
    await run('mkdir', ['-p', given, `${root}/usr/local/lib`, `${root}/usr/local/bin`, `${root}/etc/systemd/system`]);
    for (const name of ['coffer.hcl', 'coffer.service']) await copyFile(join(DEPLOY, name), join(given, name));
    for (const name of ['coffer', 'cert.pem', 'key.pem', 'ca.pem', 'yugabytedb-ca.pem']) {
      await writeFile(join(given, name), name);
    }
    await run('sh', ['-c', script], { cwd: given });
    const config = await readFile(`${root}/etc/coffer/coffer.hcl`, 'utf8');
    const named = [...config.matchAll(/"(\/[\w./-]+)"|sslrootcert=([\w./-]+)/g)].map(([, path, root]) => path ?? root);
    assert.equal(named.length, 4);
    for (const path of named) assert.ok(existsSync(`${root}${path}`), path);
    for (const [, path = ''] of (await readFile(`${root}/etc/systemd/system/coffer.service`, 'utf8')).matchAll(
      /^ExecStart=(\S+)/gm,
    )) {
      assert.equal((await stat(`${root}${path}`)).mode & 0o777, 0o755);
    }
  });

  it('starts each node with its configuration', async () => {
    for (const name of NODES) {
      const config = (await readFile(join(DEPLOY, 'coffer.hcl'), 'utf8'))
        .replaceAll('node1', name)
        .replace('0.0.0.0:8200', '127.0.0.1:0')
        .replace('/etc/coffer/tls/cert.pem', join(directory, 'tls', `${name}.example.com.pem`))
        .replace('/etc/coffer/tls/key.pem', join(directory, 'tls', `${name}.example.com.key`))
        .replace(/connection_url = ".*"/, `connection_url = "${storeUrl('coffer', PASSWORD)}"`)
        .replace('/usr/local/lib/coffer/plugins', DIST);
      await home.configure(config, '');
      nodes.push(await home.start());
      assert.equal(await health(at(nodes.length - 1).address), 298, 'not initialized');
    }
    const rows = await database.query(
      `SELECT DISTINCT schemaname, tableowner FROM pg_tables WHERE tableowner = 'coffer'`,
      [],
      'coffer',
    );
    assert.deepEqual(rows, [{ schemaname: 'coffer', tableowner: 'coffer' }]);
  });

  it('unseals each node at its own name', async () => {
    const lines = blockOf('sh nodes', 'operator init').trim().split('\n');
    let node = -1;
    let keys: readonly string[] = [];
    for (const line of lines.map((each) => each.replace(/ *#.*/, ''))) {
      const [, name = ''] = /^export VAULT_ADDR=https:\/\/(\w+)\.example\.com:8200$/.exec(line) ?? [];
      if (name !== '') node = NODES.indexOf(name);
      else if (line === 'coffer operator init') {
        const { stdout } = await command(node, ['operator', 'init']);
        keys = [...stdout.matchAll(/^Unseal Key \d: (\S+)$/gm)].map(([, key = '']) => key);
        rootToken = /^Initial Root Token: (\S+)$/m.exec(stdout)?.[1] ?? '';
      } else if (line === 'coffer operator unseal') {
        assert.equal(await health(at(node).address), 299, 'sealed');
        const [first = '', second = '', third = ''] = keys;
        // The command for the last share only: each one is a process.
        for (const key of [first, second]) {
          await clientOf(at(node).address).request('PUT', 'sys/unseal', { body: { key } });
        }
        const { exit, stderr } = await command(node, ['operator', 'unseal', '-'], third);
        assert.equal(exit, 0, stderr);
        assert.equal(await health(at(node).address), 200);
      } else assert.match(line, /^export VAULT_CACERT=/);
    }
    assert.equal(node, 2);
    for (const { address } of nodes) assert.equal(await health(address), 200);
  });

  it('serves on one node what was written on another', async () => {
    await clientOf(at(0).address).write('sys/policies/acl/readers', { policy: 'path "a" { capabilities = ["read"] }' });
    for (const { address } of nodes) {
      const read = await clientOf(address).read('sys/policies/acl/readers');
      assert.equal(read?.data?.['policy'], 'path "a" { capabilities = ["read"] }');
    }
  });

  it('makes, renews and ends a login on whichever node is asked', async () => {
    const [first, second, third] = [0, 1, 2].map((node) => clientOf(at(node).address));
    assert.ok(first !== undefined && second !== undefined && third !== undefined);
    await first.request('POST', 'sys/mounts/database', { body: { type: 'database' } });
    const connection = { plugin_name: 'ysql-plugin', allowed_roles: '*', ...connectionTo(database) };
    await second.write('database/config/yugabytedb', connection);
    const creation_statements = `CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'`;
    await third.write('database/roles/app', { db_name: 'yugabytedb', creation_statements });
    const { leaseId, username } = await issue(first, 'app');
    const exists = async (): Promise<unknown> =>
      (await database.query('SELECT count(*)::int AS count FROM pg_roles WHERE rolname = $1', [username]))[0]?.[
        'count'
      ];
    assert.equal(await exists(), 1);
    assert.equal((await second.write('sys/leases/renew', { lease_id: leaseId }))?.leaseId, leaseId);
    await third.write('sys/leases/revoke', { lease_id: leaseId, sync: true });
    assert.equal(await exists(), 0);
  });

  const haproxy = ['/usr/sbin/haproxy', '/usr/local/sbin/haproxy', process.env['HAPROXY'] ?? ''].find((file) =>
    existsSync(file),
  );
  it('goes on behind the balancer when a node is sealed', {
    skip: haproxy === undefined && 'no haproxy here',
  }, async () => {
    const port = await freePort();
    let config = (await readFile(join(DEPLOY, 'haproxy.cfg'), 'utf8'))
      .replace('bind :443', `bind 127.0.0.1:${port}`)
      .replace('log /dev/log local0', 'log stdout format raw local0')
      .replace('/etc/haproxy/coffer.pem', join(directory, 'tls', 'coffer.example.com.both.pem'))
      .replace('/etc/haproxy/coffer-ca.pem', ca());
    for (const [node, name] of NODES.entries()) {
      config = config.replace(`${name}.example.com:8200`, new URL(at(node).address).host);
    }
    const file = join(directory, 'haproxy.cfg');
    await writeFile(file, config);
    const balancer = spawn(haproxy ?? '', ['-db', '-f', file], { stdio: 'ignore' });
    try {
      const address = `https://127.0.0.1:${port}`;
      await eventually(async () => (await health(address).catch(() => 0)) === 200, 'the balancer serves');
      assert.equal((await command(1, ['operator', 'seal'])).exit, 0);
      const reads = async (): Promise<boolean> => {
        for (let request = 0; request < 6; request++) await clientOf(address).read('sys/policies/acl/readers');
        return true;
      };
      await eventually(() => reads().catch(() => false), 'only open nodes are asked');
    } finally {
      balancer.kill('SIGTERM');
    }
  });

  const canDump = ['psql', 'pg_dump', 'pg_restore'].every((name) => existsSync(join('/usr/bin', name)));
  it('comes back from a backup', { skip: !canDump && 'no pg_dump here' }, async () => {
    const { user, password } = ADMINISTRATOR;
    const env = {
      ...process.env,
      STORE_URL: storeUrl('coffer', PASSWORD),
      STORE_ADMIN_URL: storeUrl(user, password),
    };
    await run('bash', ['-euc', blockOf('sh backup', 'pg_dump')], { cwd: directory, env });
    const client = clientOf(at(0).address);
    await client.write('sys/policies/acl/later', { policy: 'path "b" { capabilities = ["read"] }' });
    for (const node of nodes) await node.stop('SIGTERM');
    await run('bash', ['-euc', blockOf('sh backup', 'pg_restore')], { cwd: directory, env });
    const rows = await database.query(
      `SELECT count(*)::int AS ours FROM pg_tables WHERE tableowner = 'coffer'`,
      [],
      'coffer',
    );
    assert.ok(Number(rows[0]?.['ours']) > 5);
    const policies = await database.query('SELECT name FROM coffer.policies ORDER BY name', [], 'coffer');
    assert.deepEqual(policies, [{ name: 'readers' }]);
    nodes.splice(0, nodes.length, await home.start());
    assert.equal(await health(at(0).address), 299, 'sealed, with the keys of before');
  });
});

describe('the compose file’s own files', () => {
  it('are made by the commands of the page', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'coffer-compose-'));
    try {
      await run('cp', ['-r', DEPLOY, join(directory, 'deploy')]);
      await writeFile(join(directory, 'coffer'), '');
      await run('bash', ['-euc', blockOf('sh compose', 'unseal.key')], { cwd: directory });
      const made = join(directory, 'deploy', 'compose');
      assert.match(await readFile(join(made, 'unseal.key'), 'utf8'), /^[0-9a-f]{64}\n$/);
      for (const name of ['coffer.both.pem', 'ca.pem', ...NODES.flatMap((node) => [`${node}.pem`, `${node}.key`])]) {
        assert.ok(existsSync(join(made, 'tls', name)), name);
      }
      const { stdout } = await run('openssl', ['x509', '-noout', '-text', '-in', join(made, 'tls', 'node2.pem')]);
      assert.match(stdout, /DNS:node2, DNS:coffer, DNS:localhost/);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});
