/** A real OpenBao in development mode with the original Go plugin, and what is moved from it. */
import { spawn } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Client, createClient } from '@coffer/client';
import { eventually, freePort, type TestDatabase } from '@coffer/testkit';
import { cleanEnvironment, ended } from '../coffer-process.ts';

export const SOURCE_TOKEN = 'token-of-the-source';
/** The login of the static role. */
export const REPORTING = 'moved_reporting';
export const MYSQL_PASSWORD = 'password-of-mysql';

export interface RunningSource {
  readonly address: string;
  readonly client: Client;
  stop(): Promise<void>;
}

/** @throws Error with what it said when it does not start */
export async function startOpenBao(binary: string, plugin: string): Promise<RunningSource> {
  const directory = await mkdtemp(join(tmpdir(), 'coffer-migrate-bao-'));
  const plugins = join(directory, 'plugins');
  await mkdir(plugins);
  await copyFile(resolve(plugin), join(plugins, 'ysql-plugin'));
  await chmod(join(plugins, 'ysql-plugin'), 0o755);
  const address = `127.0.0.1:${await freePort()}`;
  const flags = [`-dev-root-token-id=${SOURCE_TOKEN}`, `-dev-listen-address=${address}`, `-dev-plugin-dir=${plugins}`];
  const child = spawn(resolve(binary), ['server', '-dev', '-dev-no-store-token', ...flags], {
    env: cleanEnvironment({ HOME: directory }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-20_000)));
  const end = ended(child);
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await end;
    await rm(directory, { recursive: true });
  };
  const client = createClient({ address: `http://${address}`, token: SOURCE_TOKEN });
  try {
    await eventually(
      async () => {
        if (child.exitCode !== null) throw new Error(`OpenBao ended:\n${output}`);
        return (await client.read('sys/plugins/catalog/database/ysql-plugin').catch(() => undefined)) !== undefined;
      },
      () => output,
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return { address: `http://${address}`, client, stop };
}

/** What somebody has who moves: a tuned mount, connections of each kind, roles, a static role, an approle, a live lease. */
export async function seed(client: Client, database: TestDatabase): Promise<void> {
  const { host, port, user, password, database: db } = database;
  const login = { username: user, password };
  const letters = 'length = 24\nrule "charset" {\n  charset = "abcdefghijklmnopqrstuvwxyz"\n  min-chars = 1\n}';
  const write = (path: string, body: Parameters<Client['write']>[1]) => client.write(path, body);
  await write('sys/policies/acl/app', { policy: 'path "database/creds/app" { capabilities = ["read"] }' });
  await write('sys/policies/password/letters', { policy: letters });
  const config = { default_lease_ttl: '2h', max_lease_ttl: '48h', listing_visibility: 'unauth' };
  await write('sys/mounts/database', { type: 'database', description: 'users of YugabyteDB', config });
  await write('sys/mounts/kv', { type: 'kv' });
  await write('sys/auth/approle', { type: 'approle', config: { max_lease_ttl: '24h' } });
  await write('sys/auth/userpass', { type: 'userpass' });
  await write('database/config/yugabytedb', {
    plugin_name: 'ysql-plugin',
    ...{ host, port: String(port), db, ...login, retry_on_failure: 'yes' },
    username_template: 'moved-{{.RoleName}}-{{random 12}}',
    allowed_roles: ['app', 'reporting'],
    password_policy: 'letters',
  });
  const address = `${host}:${port}/${db}?sslmode=disable`;
  await write('database/config/by-url', {
    plugin_name: 'postgresql-database-plugin',
    ...{ connection_url: `postgresql://{{username}}:{{password}}@${address}`, ...login, allowed_roles: '*' },
  });
  await write('database/config/masked', {
    plugin_name: 'postgresql-database-plugin',
    ...{ connection_url: `postgresql://${user}:${password}@${address}`, allowed_roles: '*' },
  });
  await write('database/config/other', {
    plugin_name: 'mysql-database-plugin',
    ...{ connection_url: '{{username}}:{{password}}@tcp(127.0.0.1:1)/', username: 'people', password: MYSQL_PASSWORD },
    ...{ verify_connection: false, allowed_roles: 'none' },
  });
  await write('database/roles/app', {
    db_name: 'yugabytedb',
    creation_statements: [
      `CREATE ROLE "{{username}}" WITH PASSWORD '{{password}}' VALID UNTIL '{{expiration}}' LOGIN;`,
    ],
    ...{ default_ttl: '1h', max_ttl: '24h' },
  });
  await write('database/static-roles/reporting', {
    ...{ db_name: 'yugabytedb', username: REPORTING, rotation_period: '24h' },
  });
  await write('auth/approle/role/app', { token_policies: 'app', token_ttl: '20m', secret_id_ttl: '24h' });
  await write('auth/approle/role/app/secret-id', {});
  await client.read('database/creds/app');
}
