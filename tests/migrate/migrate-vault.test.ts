/**
 * `migrate vault` from an OpenBao to this server, with one PostgreSQL behind both: from what a real one answered, and from a real one
 * with the original Go plugin where BENCH_OPENBAO and BENCH_GO_PLUGIN name them.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { type Client, createClient } from '@coffer/client';
import { databaseUnderTest, type TestDatabase } from '@coffer/testkit';
import { type Ran, runCli } from '../../packages/cli/src/cli-fixture.ts';
import { issue, startTestServer, type TestServer } from '../dev-server.ts';
import { type Recorder, startRecorder } from '../golden/recorder.ts';
import { tryLogin } from '../logins.ts';
import { RECORDED_PASSWORD, startRecordedSource } from './recorded-source.ts';
import { REPORTING, seed, SOURCE_TOKEN, startOpenBao } from './running-openbao.ts';

interface Source {
  readonly address: string;
  close(): Promise<void>;
}

async function recorded(database: TestDatabase): Promise<Source> {
  await database.query(`CREATE ROLE ${REPORTING} LOGIN PASSWORD '${RECORDED_PASSWORD}'`);
  return startRecordedSource(database);
}

const { BENCH_OPENBAO = '', BENCH_GO_PLUGIN = '' } = process.env;

async function running(database: TestDatabase): Promise<Source> {
  const source = await startOpenBao(BENCH_OPENBAO, BENCH_GO_PLUGIN);
  await database.query(`CREATE ROLE ${REPORTING} LOGIN`);
  await seed(source.client, database);
  return { address: source.address, close: () => source.stop() };
}

function moves(start: (database: TestDatabase) => Promise<Source>): void {
  let directory: string;
  let database: TestDatabase;
  let source: Source;
  let target: TestServer;
  /** Before the target, so that what is written there can be counted. */
  let recorder: Recorder;
  let from: Client;
  const printed: string[] = [];

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'coffer-migrate-'));
    database = await databaseUnderTest();
    source = await start(database);
    from = createClient({ address: source.address, token: SOURCE_TOKEN });
    target = await startTestServer();
    recorder = await startRecorder(target.address);
  });
  after(async () => {
    await recorder.close();
    await target.close();
    await source.close();
    await database.stop();
    await rm(directory, { recursive: true });
  });

  async function migrate(...flags: readonly string[]): Promise<Ran & { readonly writes: readonly string[] }> {
    recorder.take();
    const env = { VAULT_ADDR: recorder.address, VAULT_TOKEN: 'root', VAULT_FROM_TOKEN: SOURCE_TOKEN };
    const ran = await runCli(['migrate', 'vault', `-from=${source.address}`, ...flags], { env });
    printed.push(ran.stdout, ran.stderr);
    const writes = recorder.take().filter(({ method }) => method !== 'GET');
    return { ...ran, writes: writes.map(({ path }) => path.slice('/v1/'.length)) };
  }
  const outcomeOf = ({ stdout }: Ran, path: string): string =>
    stdout
      .split('\n')
      .find((line) => line.includes(` ${path}`))
      ?.split(' ')[0] ?? `no line for ${path}:\n${stdout}`;
  const outcomes = (ran: Ran, paths: readonly string[]) => paths.map((path) => outcomeOf(ran, path));
  const data = async (client: Client, path: string): Promise<JsonObject> => (await client.read(path))?.data ?? {};
  const CONNECTIONS = ['yugabytedb', 'by-url', 'masked', 'other'].map((name) => `database/config/${name}`);
  const OTHERS = [
    ...['sys/policies/acl/app', 'sys/policies/password/letters', 'sys/mounts/database', 'sys/auth/approle'],
    ...['database/roles/app', 'auth/approle/role/app'],
  ];
  const STATIC = 'database/static-roles/reporting';
  const all = () => ['-plugin-name=mysql-database-plugin=ysql-plugin', `-secrets=${join(directory, 'secrets.json')}`];

  it('tells what it would write, and writes nothing', async () => {
    const ran = await migrate('-dry-run');
    assert.deepEqual([ran.exitCode, ran.stderr, ran.writes], [0, '', []]);
    assert.deepEqual(new Set(outcomes(ran, OTHERS)), new Set(['create']));
    assert.deepEqual(new Set(outcomes(ran, [...CONNECTIONS, STATIC])), new Set(['waits']));
    assert.match(ran.stdout, /stays +secrets engine +sys\/mounts\/kv: it is of type kv/);
    assert.match(ran.stdout, /database\/config\/yugabytedb: .*; left out: retry_on_failure/);
    assert.match(ran.stdout, /lease +database\/creds\/app\/: 1 alive/);
    assert.match(ran.stdout, /Nothing was written\./);
  });

  it('writes what it can read, and lists how to give the rest', async () => {
    const ran = await migrate();
    assert.equal(ran.exitCode, 2);
    assert.deepEqual(new Set(outcomes(ran, OTHERS)), new Set(['created']));
    assert.deepEqual(new Set(outcomes(ran, [...CONNECTIONS, STATIC])), new Set(['waits']));
    assert.equal(ran.writes.length, OTHERS.length);
    assert.match(ran.stdout, /"database\/config\/yugabytedb": \{\n {4}"password": ""/);
    assert.match(
      ran.stdout,
      /read -rs PASSWORD\nprintf %s "\$PASSWORD" \| vault write database\/config\/yugabytedb \\\n/,
    );
    const tuned = await data(target.client, 'sys/mounts/database/tune');
    assert.deepEqual(
      ['default_lease_ttl', 'max_lease_ttl', 'listing_visibility', 'description'].map((name) => tuned[name]),
      [7200, 172800, 'unauth', 'users of YugabyteDB'],
    );
  });

  it('goes on where it was, with what is given', async () => {
    const { user: username, password, host, port, database: db } = database;
    const url = `postgresql://${username}:${password}@${host}:${port}/${db}?sslmode=disable`;
    const secrets = {
      'database/config/yugabytedb': { password },
      'database/config/by-url': { password },
      'database/config/masked': { connection_url: url },
      // That one was a MySQL: everything is said anew.
      'database/config/other': {
        connection_url: url.replace(/\/\/.*@/, '//{{username}}:{{password}}@'),
        username,
        password,
      },
      'database/config/nobodys': {},
    };
    await writeFile(join(directory, 'secrets.json'), JSON.stringify(secrets));
    const ran = await migrate(...all());
    assert.equal(ran.exitCode, 0, ran.stdout);
    assert.deepEqual(new Set(outcomes(ran, OTHERS)), new Set(['same']));
    assert.deepEqual(new Set(outcomes(ran, [...CONNECTIONS, STATIC])), new Set(['created']));
    assert.equal(ran.writes.length, CONNECTIONS.length + 1);
    assert.equal(ran.stderr, '-secrets names database/config/nobodys, which is no connection of the source\n');
    assert.match(
      ran.stdout,
      new RegExp(`^VAULT_ADDR=${source.address} VAULT_TOKEN="\\$VAULT_FROM_TOKEN" vault delete ${STATIC}$`, 'm'),
    );
  });

  it('takes the static role over without a rotation', async () => {
    const [there, here] = await Promise.all(
      [from, target.client].map((client) => data(client, 'database/static-creds/reporting')),
    );
    const password = here?.['password'] as string;
    assert.equal(password, there?.['password']);
    assert.deepEqual(await tryLogin(database, REPORTING, password), { user: REPORTING });
    const rotated = [there, here].map((creds) => Date.parse(creds?.['last_vault_rotation'] as string));
    assert.equal(rotated[0], rotated[1]);
    assert.equal(here?.['rotation_period'], 24 * 3600);
  });

  it('leaves a server that issues credentials and lets approles in by their ids', async () => {
    const { username, password } = await issue(target.client, 'app');
    assert.match(username, /^moved-app-\w{12}$/);
    assert.match(password, /^[a-z]{24}$/);
    assert.deepEqual(await tryLogin(database, username, password), { user: username });
    const [there, here] = await Promise.all(
      [from, target.client].map((client) => data(client, 'auth/approle/role/app/role-id')),
    );
    assert.deepEqual(here, there);
    const secretId = await target.client.write('auth/approle/role/app/secret-id', {});
    const login = await createClient({ address: target.address }).write('auth/approle/login', {
      role_id: here?.['role_id'] ?? '',
      secret_id: secretId?.data?.['secret_id'] ?? '',
    });
    assert.deepEqual(login?.auth?.policies, ['app', 'default']);
    assert.equal(login.auth.leaseDuration, 20 * 60);
  });

  it('run again changes nothing', async () => {
    const ran = await migrate(...all());
    assert.deepEqual([ran.exitCode, ran.writes], [0, []], ran.stdout);
    assert.deepEqual(new Set(outcomes(ran, [...OTHERS, ...CONNECTIONS, STATIC])), new Set(['same']));
    const without = await migrate('-plugin-name=mysql-database-plugin=ysql-plugin');
    assert.deepEqual([without.exitCode, without.writes], [2, []], 'one connection is not the same any more');
    assert.deepEqual(outcomes(without, CONNECTIONS), ['same', 'same', 'same', 'differs']);
  });

  it('never overwrites what is different here, unless it is told to', async () => {
    await target.client.write('database/roles/app', { default_ttl: '5m', revocation_statements: ['SELECT 1'] });
    await target.client.write('auth/approle/role/app', { token_ttl: '5m' });
    await target.client.write('sys/mounts/database/tune', { description: 'mine' });
    const paths = ['database/roles/app', 'auth/approle/role/app', 'sys/mounts/database'];
    const ran = await migrate(...all());
    assert.deepEqual([ran.exitCode, ran.writes], [2, []]);
    assert.deepEqual(outcomes(ran, paths), ['differs', 'differs', 'differs']);
    assert.match(ran.stdout, /database\/roles\/app: default_ttl, revocation_statements\n/);
    const planned = await migrate(...all(), '-overwrite', '-dry-run');
    assert.deepEqual([planned.exitCode, planned.writes], [0, []]);
    assert.deepEqual(outcomes(planned, paths), ['change', 'change', 'change']);
    const told = await migrate(...all(), '-overwrite');
    assert.equal(told.exitCode, 0, told.stdout);
    assert.deepEqual(outcomes(told, paths), ['changed', 'changed', 'changed']);
    assert.equal(told.writes.length, 3);
    const role = await data(target.client, 'database/roles/app');
    assert.deepEqual([role['default_ttl'], role['revocation_statements']], [3600, []]);
    assert.deepEqual((await migrate(...all())).writes, []);
  });

  it('notices that a password was rotated by one of the two', async () => {
    await target.client.write('database/rotate-role/reporting', {});
    const ran = await migrate(...all(), '-overwrite');
    assert.deepEqual([ran.exitCode, ran.writes], [2, []]);
    assert.match(
      ran.stdout,
      /differs +static role .*the password differs: one of the two servers has rotated it since/,
    );
  });

  it('prints no secret', async () => {
    const creds = await Promise.all(
      [from, target.client].map((client) => data(client, 'database/static-creds/reporting')),
    );
    const secrets = [SOURCE_TOKEN, `:${database.password}@`, ...creds.map(({ password }) => password as string)];
    for (const secret of secrets) assert.ok(!printed.some((text) => text.includes(secret)), secret);
  });
}

describe('migrate vault, from what an OpenBao answered', () => moves(recorded));
describe('migrate vault, from an OpenBao', () => {
  if (BENCH_OPENBAO !== '' && BENCH_GO_PLUGIN !== '') moves(running);
  else it('BENCH_OPENBAO and BENCH_GO_PLUGIN name none: skipped', { skip: true });
});
