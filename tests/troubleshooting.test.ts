/** Every error of docs/troubleshooting.md is one that a user really sees. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  createCertificateAuthority,
  startPostgres,
  startWireProxy,
  type TestPostgres,
  type WireProxy,
} from '@coffer/testkit';
import { type ServerProcess, startServer } from './coffer-process.ts';
import { SEED_CREATION } from './dev-server.ts';
import { readPage } from './documentation.ts';
import { DurableHome } from './durable-process.ts';

describe('docs/troubleshooting.md', () => {
  let server: ServerProcess;
  let database: TestPostgres;
  let secured: TestPostgres;
  let proxy: WireProxy;

  before(async () => {
    const authority = await createCertificateAuthority('An authority that nobody knows');
    const { certificatePem: cert, privateKeyPem: key } = await authority.issue({ commonName: 'db' });
    [database, secured] = await Promise.all([startPostgres(), startPostgres({ tls: { cert, key } })]);
    await database.query("CREATE ROLE weak LOGIN PASSWORD 'weak'");
    proxy = await startWireProxy({ target: database });
    proxy.addFault({
      match: /CREATE ROLE/,
      times: 1_000,
      action: { type: 'error', sqlstate: '40001', message: 'The catalog snapshot is stale: catalog version mismatch' },
    });
    server = await startServer();
    await server.run(['secrets', 'enable', 'database']);
    await configure('good');
    await configure('of_weak', { username: 'weak', password: 'weak' });
    await configure('stale', { port: proxy.port });
    await configure('closed', {}, 'nobody');
    for (const db of ['good', 'of_weak', 'stale', 'closed']) await role(db, db, SEED_CREATION);
  });
  after(async () => {
    await server.stop();
    await proxy.stop();
    await Promise.all([database.stop(), secured.stop()]);
  });

  /** Both streams of a command. */
  async function said(...args: string[]): Promise<string> {
    const { stdout, stderr } = await server.run(args);
    // Warnings are wrapped.
    return `${stdout}${stderr}`.replaceAll(/\n +/g, ' ');
  }
  const from = (address: string, ...args: string[]): Promise<string> =>
    server.run(args, { env: { VAULT_ADDR: address } }).then(({ stderr }) => stderr);

  function configure(name: string, more: Readonly<Record<string, unknown>> = {}, roles = '*'): Promise<string> {
    const { host, port, user: username, password, database: db } = database;
    const fields = { plugin_name: 'ysql-plugin', host, port, username, password, db, allowed_roles: roles, ...more };
    return said('write', `database/config/${name}`, ...Object.entries(fields).map(([key, value]) => `${key}=${value}`));
  }
  const role = (name: string, db: string, creation: string): Promise<string> =>
    said('write', `database/roles/${name}`, `db_name=${db}`, `creation_statements=${creation}`, 'default_ttl=1h');

  async function issued(name: string): Promise<{ lease_id: string; data: { username: string } }> {
    const { stdout } = await server.run(['read', '-format=json', `database/creds/${name}`]);
    return JSON.parse(stdout) as Awaited<ReturnType<typeof issued>>;
  }

  const PROVOKED: Readonly<Record<string, () => Promise<string>>> = {
    'connect: connection refused': () => from('http://127.0.0.1:1', 'status'),
    'server gave HTTP response to HTTPS client': () => from(server.address.replace('http:', 'https:'), 'status'),
    'permission denied': () =>
      server.run(['secrets', 'list'], { env: { VAULT_TOKEN: 'no such token' } }).then(({ stderr }) => stderr),
    'Vault is sealed': async () => {
      const other = await startServer();
      await other.run(['operator', 'seal']);
      const { stderr } = await other.run(['secrets', 'list']);
      await other.stop();
      return stderr;
    },
    'path is already in use at ...': () => said('secrets', 'enable', 'database'),
    'No value found at ...': () => said('read', 'secret/app'),
    'lease not found': () => said('lease', 'renew', 'database/creds/good/abc'),
    'plugin not found in the catalog: ...': () => configure('x', { plugin_name: 'nope' }),
    'failed to connect to host=...': () => configure('x', { port: 1 }),
    'the server does not support SSL': () => configure('x', { sslmode: 'require' }),
    'certificate is not signed by an authority': () =>
      configure('x', { host: secured.host, port: secured.port, sslmode: 'verify-full' }),
    'permission denied to create role': () => said('read', 'database/creds/of_weak'),
    'failed to find entry for connection with name': async () => {
      await role('lost', 'nothing', SEED_CREATION);
      return said('read', 'database/creds/lost');
    },
    'is not an allowed role': () => said('read', 'database/creds/closed'),
    'unknown role': () => said('read', 'database/creds/nope'),
    'unknown placeholder': () => role('x', 'good', `CREATE ROLE "{{nmae}}"`),
    'no privileges were granted': async () => {
      await database.query('CREATE TABLE IF NOT EXISTS foreign_table (id int)');
      await database.query(`GRANT SELECT ON foreign_table TO ${database.user}`);
      await role('poor', 'good', `${SEED_CREATION} GRANT SELECT ON foreign_table TO "{{name}}"`);
      return said('read', 'database/creds/poor');
    },
    'cannot be dropped because some objects depend on it': async () => {
      const { lease_id, data } = await issued('good');
      await database.query('CREATE TABLE IF NOT EXISTS given_table (id int)');
      await database.query(`GRANT SELECT ON given_table TO "${data.username}"`);
      const words = await said('lease', 'revoke', '-sync', lease_id);
      await database.query('DROP TABLE given_table');
      return words;
    },
    'lease is not renewable': async () => {
      const token = (await server.run(['token', 'create', '-ttl=1h', '-renewable=false', '-field=token'])).stdout;
      return said('token', 'renew', token.trim());
    },
    'catalog version mismatch': () => said('read', 'database/creds/stale'),
    'another process has it open': async () => {
      const home = await DurableHome.make();
      await home.configure(home.fileStorage);
      await home.start();
      const words = await home.start().then(
        () => '',
        (error: Error) => error.message,
      );
      await home.remove();
      return words;
    },
    // As of an executable for glibc where there is only musl.
    'no such file or directory': async () => {
      const directory = await mkdtemp(join(tmpdir(), 'coffer-no-loader-'));
      const file = '#!/lib64/no-such-loader\n';
      await writeFile(join(directory, 'glibc-plugin'), file, { mode: 0o755 });
      const other = await startServer([`-dev-plugin-dir=${directory}`]);
      const sha256 = createHash('sha256').update(file).digest('hex');
      await other.run(['plugin', 'register', `-sha256=${sha256}`, 'database', 'glibc-plugin']);
      await other.run(['secrets', 'enable', 'database']);
      const { stderr } = await other.run(['write', 'database/config/x', 'plugin_name=glibc-plugin']);
      await other.stop();
      await rm(directory, { recursive: true });
      return stderr;
    },
    'rate limit quota exceeded': async () => {
      await said('write', 'sys/quotas/rate-limit/few', 'path=database/creds/poor', 'rate=0.001');
      await said('read', 'database/creds/poor');
      return said('read', 'database/creds/poor');
    },
  };

  const headings = [...readPage('docs/troubleshooting.md').matchAll(/^### `([^`]+)`/gm)].map(([, text = '']) => text);

  for (const heading of headings) {
    it(`${heading}: is seen`, async () => {
      const words = (await PROVOKED[heading]?.()) ?? '';
      assert.ok(words.includes(heading.replace(/\.\.\.$/, '')), words || 'nothing provokes it');
    });
  }

  it('has nothing provoked that it does not name', () => {
    assert.deepEqual(Object.keys(PROVOKED).sort(), [...headings].sort());
  });
});
