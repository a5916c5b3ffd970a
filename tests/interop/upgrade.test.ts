/**
 * The plugin's file is replaced by a newer one while leases live, under HashiCorp's host code and under a real OpenBao, by
 * the commands of docs/plugin.md. Beside it, a plugin that tells its host a version, which makes the host refuse the newer
 * file: the reason for docs/decisions/0014-no-version-over-the-rpc.md.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Secret, VERSION } from '@coffer/base';
import { type Client, createClient } from '@coffer/client';
import { eventually, freePort } from '@coffer/testkit';
import { type ForeignProgram, prepareOpenBao } from '../clients/foreign-programs.ts';
import { cleanEnvironment, DIST, ended } from '../coffer-process.ts';
import { issue, SEED_CREATION, startTestServer } from '../dev-server.ts';
import { vaultShell } from '../docs-shell.ts';
import { blocksOf } from '../documentation.ts';
import { buildGoPrograms, type GoPrograms } from './go-programs.ts';
import type { GoHost } from './go-host.ts';
import { type Cluster, failure, PluginUnderTest, startCluster } from './plugin-under-test.ts';
import { runningPlugin, runningPlugins } from '../plugin-file.ts';
import { newSecret } from './secrets.ts';

const NEXT = '0.2.0';

/** Puts the plugin of a version into a directory, as a release does: by renaming. Returns its SHA-256. */
async function install(directory: string, version: string): Promise<string> {
  const script = await readFile(join(DIST, 'ysql-plugin.cjs'), 'utf8');
  const own = script.replace(/^#!.*/, `#!${process.execPath}`).replaceAll(`"${VERSION}"`, `"${version}"`);
  return replaceFile(directory, 'ysql-plugin', own);
}

async function replaceFile(directory: string, name: string, content: string | Buffer): Promise<string> {
  const file = join(directory, name);
  await writeFile(`${file}.new`, content, { mode: 0o755 });
  await rename(`${file}.new`, file);
  return createHash('sha256').update(content).digest('hex');
}

/** The SDK's plugin, which reports `v1.2.3`, or another version of as many characters. */
async function installReporting(programs: GoPrograms, directory: string, version = 'v1.2.3'): Promise<string> {
  const binary = (await readFile(programs.plugin)).toString('latin1');
  return replaceFile(directory, 'file-plugin', Buffer.from(binary.replaceAll('v1.2.3', version), 'latin1'));
}

async function temporaryDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'coffer-upgrade-'));
}

const programs = buildGoPrograms();
if ('missing' in programs) it(programs.missing, { skip: true });
else describe("the plugin's file is replaced, under HashiCorp's host code", () => underHostCode(programs));

/** Starting, checksums and calls are HashiCorp's; what the catalog keeps is modelled here (plugin_catalog.go, setInternal). */
function underHostCode(built: GoPrograms): void {
  let cluster: Cluster;
  let directory: string;
  let ysql: PluginUnderTest;
  before(async () => {
    [cluster, directory] = [await startCluster(), await temporaryDirectory()];
    ysql = await PluginUnderTest.start('ysql-plugin.cjs', built, cluster);
  });
  after(async () => {
    await ysql.host.stop();
    await cluster.stop();
    await rm(directory, { recursive: true });
  });

  /** Registers a file; an entry has the version in its key that the plugin reports. Returns the entry. */
  const register = async (host: GoHost, name: string, file: string): Promise<string> => {
    await host.call('register', { plugin: name, file, protocols: [5, 6] });
    const { version } = (await host.call('probe', { plugin: name, autoMTLS: true })) as { version: string };
    if (version === '') return name;
    await host.call('register', { plugin: `${name}/${version}`, file, protocols: [5, 6] });
    return `${name}/${version}`;
  };

  it('and its users are renewed and revoked by the new one', async () => {
    await install(directory, VERSION);
    // A configuration keeps the entry that it was made with.
    const entry = await register(ysql.host, 'upgraded', join(directory, 'ysql-plugin'));
    assert.equal(entry, 'upgraded', 'no version is in its key');
    const { pid } = await ysql.openInitialized(entry, 'old');
    const users = [await ysql.newUser('old', newSecret()), await ysql.newUser('old', newSecret())];
    await install(directory, NEXT);
    assert.equal(await register(ysql.host, 'upgraded', join(directory, 'ysql-plugin')), entry);

    await ysql.host.call('deleteUser', { database: 'old', username: users[0] ?? '' });
    await ysql.host.call('close', { database: 'old' });
    const from = ysql.host.log.length;
    const next = await ysql.openInitialized(entry, 'new');
    assert.notEqual(next.pid, pid);
    await ysql.host.waitForLog((line) => ysql.host.log.indexOf(line) >= from && line.line.includes(`v${NEXT}`));
    const [, username = ''] = users;
    const expiration = new Date(Date.now() + 7_200_000).toISOString();
    await ysql.host.call('updateUser', { database: 'new', username, expiration });
    assert.ok((await ysql.validUntil(username)) > Date.now() + 7_000_000);
    await ysql.host.call('deleteUser', { database: 'new', username });
    const left = await cluster.database.query('SELECT rolname FROM pg_roles WHERE rolname = ANY ($1)', [users]);
    assert.deepEqual(left, []);
    await ysql.host.call('close', { database: 'new' });
  });

  it('and is refused if it had reported a version', async () => {
    await installReporting(built, directory);
    const file = join(directory, 'file-plugin');
    const entry = await register(ysql.host, 'reporting', file);
    assert.equal(entry, 'reporting/v1.2.3');
    await installReporting(built, directory, 'v1.2.4');
    assert.equal(await register(ysql.host, 'reporting', file), 'reporting/v1.2.4');
    assert.match((await failure(ysql.host.open(entry, 'reporting'))).message, /checksums did not match/);
  });
}

interface Server {
  readonly address: string;
  readonly client: Client;
  readonly pid: number;
  readonly log: () => string;
  readonly stop: () => Promise<unknown>;
}

async function startOpenBao({ command: [bao] }: ForeignProgram, directory: string): Promise<Server> {
  const config = join(directory, 'server.hcl');
  await writeFile(config, `plugin_directory = ${JSON.stringify(join(directory, 'plugins'))}\n`);
  const address = `127.0.0.1:${await freePort()}`;
  const flags = ['-dev', '-dev-root-token-id=root', '-dev-no-store-token', `-dev-listen-address=${address}`];
  const child: ChildProcess = spawn(bao, ['server', ...flags, `-config=${config}`, '-log-level=debug'], {
    env: cleanEnvironment({ PATH: `${resolve('node_modules/.bin')}:${process.env['PATH'] ?? ''}`, HOME: directory }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (log += String(chunk)));
  await eventually(() => log.includes('Development mode should NOT be used'), 'the start of OpenBao', {
    patienceMs: 60_000,
  });
  const gone = ended(child);
  return {
    address: `http://${address}`,
    client: createClient({ address: `http://${address}`, token: new Secret('root') }),
    pid: child.pid ?? 0,
    log: () => log,
    stop: () => {
      child.kill();
      return gone;
    },
  };
}

const bao = await prepareOpenBao();
if ('missing' in bao) it(bao.missing, { skip: true });
else {
  describe("the plugin's file is replaced, under OpenBao", () => {
    underServer(async (directory) => startOpenBao(bao, directory), bao.command[0]);
  });
}
describe("the plugin's file is replaced, under Coffer", () => {
  underServer(async (directory) => {
    const server = await startTestServer({ pluginDirectory: join(directory, 'plugins') });
    return { ...server, pid: process.pid, stop: () => server.close() };
  });
});

function underServer(start: (directory: string) => Promise<Server>, otherClient?: string): void {
  let cluster: Cluster;
  let directory: string;
  let plugins: string;
  let server: Server;
  let client: Client;
  before(async () => {
    [cluster, directory] = [await startCluster(), await temporaryDirectory()];
    plugins = join(directory, 'plugins');
    await mkdir(plugins, { mode: 0o755 });
    server = await start(directory);
    client = server.client;
    await client.request('POST', 'sys/mounts/database', { body: { type: 'database' } });
  });
  after(async () => {
    await server.stop();
    await cluster.stop();
    await rm(directory, { recursive: true });
  });

  const register = (name: string, sha256: string, body = {}) =>
    client.write(`sys/plugins/catalog/database/${name}`, { sha256, command: 'ysql-plugin', ...body });
  const configure = async (name: string, changes = {}) => {
    const { host, port, database } = cluster.database;
    const login = { host, port, db: database, username: cluster.admin, password: cluster.password };
    await client.write(`database/config/${name}`, {
      plugin_name: 'ysql-plugin',
      allowed_roles: '*',
      ...login,
      ...changes,
    });
    await client.write(`database/roles/${name}`, {
      db_name: name,
      creation_statements: SEED_CREATION.replace('"yugabyte"', `"${database}"`),
      default_ttl: '1h',
      max_ttl: '24h',
    });
  };
  /** OpenBao closes what it reloads behind the answer: whoever comes too soon gets the old process, and keeps it. */
  const untilClosed = async <T>(reload: () => Promise<T>, plugin?: string): Promise<T> => {
    const before = await runningPlugins(server.pid, plugin);
    assert.ok(before.length > 0);
    const answer = await reload();
    const isClosed = async () => (await runningPlugins(server.pid, plugin)).every((pid) => !before.includes(pid));
    await eventually(isClosed, 'the end of the old process');
    return answer;
  };
  const revoke = (leaseId: string) => client.write('sys/leases/revoke', { lease_id: leaseId, sync: true });
  const exists = async (username: string) =>
    (await cluster.database.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [username])).length === 1;
  const started = (version: string) => server.log().split(`version=v${version}`).length - 1;
  /** The page's commands, as they stand there. */
  const upgrade = async (vault?: string): Promise<string> => {
    const block = blocksOf('docs/plugin.md').find(({ text }) => text.includes('vault plugin reload'));
    const script =
      vault === undefined ? (block?.text ?? '') : (block?.text ?? '').replaceAll('vault plugin', `"${vault}" plugin`);
    const env = vault === undefined ? {} : { BAO_ADDR: server.address, BAO_TOKEN: 'root' };
    return vaultShell(`PLUGINS="${plugins}"\n${script}`, { address: server.address, env });
  };
  const printed = () => {
    const blocks = blocksOf('docs/plugin.md');
    return blocks[blocks.findIndex(({ text }) => text.includes('vault plugin reload')) + 1]?.text;
  };

  it('with live leases, by the commands of the page', async () => {
    await register('ysql-plugin', await install(plugins, VERSION));
    await configure('yb');
    assert.equal((await client.read('database/config/yb'))?.data?.['plugin_version'], '', 'nothing is pinned');
    const [first, second, third] = [await issue(client, 'yb'), await issue(client, 'yb'), await issue(client, 'yb')];

    await install(plugins, NEXT);
    const between = await issue(client, 'yb');
    await revoke(first.leaseId);
    assert.equal(await exists(first.username), false, 'the old process goes on until the reload');

    const before = started(NEXT);
    assert.equal(await untilClosed(upgrade), printed());
    const made = await issue(client, 'yb');
    await eventually(() => started(NEXT) > before, 'the new file');
    const renewed = await client.write('sys/leases/renew', { lease_id: second.leaseId, increment: 7200 });
    assert.equal(renewed?.leaseDuration, 7200);
    for (const { leaseId, username } of [second, third, between, made]) {
      await revoke(leaseId);
      assert.equal(await exists(username), false, username);
    }
  });

  it('also when the old process ends before the reload', async () => {
    await register('ysql-plugin', await install(plugins, VERSION));
    await configure('crash');
    await client.write('sys/plugins/reload/backend', { mounts: ['database'] });
    const lease = await issue(client, 'crash');
    await register('ysql-plugin', await install(plugins, NEXT));
    process.kill(await runningPlugin(server.pid), 'SIGKILL');
    await eventually(async () => {
      try {
        await revoke(lease.leaseId);
        return true;
      } catch {
        return false;
      }
    }, 'the revocation by the new file');
    assert.equal(await exists(lease.username), false);
  });

  it('and one whose configuration is pinned to a version is let go', async () => {
    await register('ysql-plugin', await install(plugins, VERSION), { version: `v${VERSION}` });
    await client.delete('sys/plugins/catalog/database/ysql-plugin');
    await configure('pinned');
    assert.equal((await client.read('database/config/pinned'))?.data?.['plugin_version'], `v${VERSION}`);
    const lease = await issue(client, 'pinned');
    await install(plugins, NEXT);
    await untilClosed(upgrade);
    await assert.rejects(client.read('database/creds/pinned'), /checksums did not match/);
    await client.write('database/config/pinned', { plugin_version: '' });
    await revoke(lease.leaseId);
    assert.equal(await exists(lease.username), false);
    await client.delete('sys/plugins/catalog/database/ysql-plugin', { version: `v${VERSION}` });
  });

  if (otherClient === undefined) return;
  it('by the commands of the page in its own command line', async () => {
    await register('ysql-plugin', await install(plugins, VERSION));
    await configure('own');
    await install(plugins, NEXT);
    assert.equal(await untilClosed(() => upgrade(otherClient)), printed());
    const { leaseId } = await issue(client, 'own');
    await revoke(leaseId);
  });

  if ('missing' in programs) return;
  it('and is refused if it had reported a version', async () => {
    const file = { command: 'file-plugin' };
    await register('reporting', await installReporting(programs, plugins), file);
    const config = { plugin_name: 'reporting', users_file: join(directory, 'users.json'), password: 'go-admin-pass' };
    await client.write('database/config/reporting', { ...config, allowed_roles: '*' });
    assert.equal((await client.read('database/config/reporting'))?.data?.['plugin_version'], 'v1.2.3', 'it is pinned');
    await client.write('database/roles/reporting', { db_name: 'reporting', creation_statements: ['make it'] });
    const lease = await issue(client, 'reporting');
    await register('reporting', await installReporting(programs, plugins, 'v1.2.4'), file);
    const reload = () => client.write('sys/plugins/reload/backend', { mounts: ['database'] });
    await untilClosed(reload, 'file-plugin');
    await assert.rejects(client.read('database/creds/reporting'), /checksums did not match/);
    await assert.rejects(revoke(lease.leaseId), /checksums did not match/);
    await client.write('database/config/reporting', { plugin_version: 'v1.2.4' });
    await revoke(lease.leaseId);
  });
}
