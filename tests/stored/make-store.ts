/**
 * Writes a store file as this version leaves it, with every kind of value that a store holds, for later versions to read:
 * `node tests/stored/make-store.ts 0.1.0` makes `0.1.0.db.gz` and `0.1.0.json`, which says what is in it. Needs `dist/`; run
 * `npm run format` afterwards.
 *
 * The server is a real one. It is killed in the midst of three changes of a database, so that a login that is being made and
 * two rotations stay open.
 */
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { JsonObject } from '@coffer/base';
import type { Client } from '@coffer/client';
import { databaseUnderTest, startWireProxy, type TestDatabase, type WireProxy } from '@coffer/testkit';
import { DurableHome, type Initialized, initialize, unseal } from '../durable-process.ts';
import { answerOf, type Fixture, LONG, PATHS_READ } from './fixture.ts';
import { StoreFile } from './store-file.ts';
import { makeAuth, makeIdentities, makeSystem } from './make-settings.ts';

/** The logins that the three connections use: each with the rights to make and change others. */
const CONNECTIONS = ['making', 'rotating', 'rooting'] as const;

async function makeDatabase(client: Client, database: TestDatabase, proxy: WireProxy): Promise<void> {
  const { host, port } = proxy;
  await client.request('POST', 'sys/mounts/database', {
    body: { type: 'database', description: 'for apps', config: { default_lease_ttl: '1h', max_lease_ttl: LONG } },
  });
  for (const name of CONNECTIONS) {
    await database.query(`CREATE ROLE "admin-${name}" LOGIN CREATEROLE PASSWORD 'first-${name}'`);
    await database.query(`GRANT pg_signal_backend TO "admin-${name}"`);
    await client.write(`database/config/${name}`, {
      plugin_name: 'ysql-plugin',
      allowed_roles: name === 'making' ? 'app-*,once,broken' : '*',
      ...{ host, port, db: database.database, username: `admin-${name}`, password: `first-${name}` },
      root_rotation_statements: [`ALTER ROLE "{{username}}" PASSWORD '{{password}}'`],
      password_policy: name === 'rotating' ? 'long' : '',
    });
  }
  const creation_statements = [`CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'`];
  const role = { db_name: 'making', creation_statements, default_ttl: LONG, max_ttl: LONG };
  await client.write('database/roles/app-plain', role);
  await client.write('database/roles/app-full', {
    ...role,
    revocation_statements: ['REVOKE ALL ON SCHEMA public FROM "{{name}}"', 'DROP ROLE IF EXISTS "{{name}}"'],
    rollback_statements: ['DROP ROLE IF EXISTS "{{name}}"'],
    renew_statements: [`ALTER ROLE "{{name}}" VALID UNTIL '{{expiration}}'`],
    valid_until: 'max_ttl',
    credential_type: 'password',
    credential_config: { password_policy: 'long' },
  });
  await client.write('database/roles/broken', { ...role, revocation_statements: ['SELECT 1/0'] });
  for (const name of ['kept', 'scheduled', 'periodic', 'failing', 'open']) {
    await database.query(`CREATE ROLE "login-${name}" LOGIN PASSWORD 'first-${name}'`);
  }
  const make = (name: string, rest: JsonObject): Promise<unknown> =>
    client.write(`database/static-roles/${name}`, { db_name: 'rotating', username: `login-${name}`, ...rest });
  const statements = { rotation_statements: [`ALTER ROLE "{{name}}" PASSWORD '{{password}}'`] };
  await make('kept', { disable_automated_rotation: true, password: 'first-kept', skip_import_rotation: true });
  const window = { rotation_schedule: '30 2 29 2 *', rotation_window: '2h' };
  await make('scheduled', { ...statements, ...window, credential_config: { password_policy: 'short' } });
  await make('periodic', { ...statements, rotation_period: LONG });
  const failing = { rotation_statements: ['SELECT 1/0'], rotation_period: LONG, password: 'first-failing' };
  await make('failing', { ...failing, skip_import_rotation: true });
  await client.write('database/rotate-role/failing').catch(() => undefined);
  await make('open', { ...statements, rotation_period: LONG, password: 'first-open', skip_import_rotation: true });
}

async function issue(client: Client, role: string): Promise<JsonObject> {
  const answer = await client.read(`database/creds/${role}`);
  return { leaseId: answer?.leaseId ?? '', ...answer?.data };
}

/** Leases in every state but the one that the end leaves. */
async function makeLeases(client: Client): Promise<Fixture['leases']> {
  const plain = await issue(client, 'app-plain');
  const full = await issue(client, 'app-full');
  const renewed = await issue(client, 'app-plain');
  await client.write('sys/leases/renew', { lease_id: renewed['leaseId'] ?? '', increment: 1_000_000_000 });
  const broken = await issue(client, 'broken');
  await client.write('sys/leases/revoke', { lease_id: broken['leaseId'] ?? '' }).catch(() => undefined);
  return { plain, full, renewed, broken };
}

/** Begins a login, a rotation of a static role and one of a root user, and kills the server while all three are under way. */
async function cutOff(client: Client, proxy: WireProxy, kill: () => Promise<unknown>): Promise<string> {
  const fault = proxy.addFault({
    match: /^\s*(?:CREATE|ALTER) ROLE/m,
    times: 3,
    action: { type: 'delay', ms: 3_600_000 },
  });
  const cut = [
    client.read('database/creds/app-plain'),
    client.write('database/rotate-role/open'),
    client.write('database/rotate-root/rooting'),
  ].map((each) => each.catch(() => undefined));
  while (fault.fired < 3) await sleep(10);
  await kill();
  await Promise.all(cut);
  const making = proxy.statements.map(({ sql }) => /CREATE ROLE "([^"]+)"/.exec(sql)?.[1]).findLast(Boolean);
  return making ?? '';
}

async function keep(home: DurableHome, name: string): Promise<void> {
  const file = gzipSync(await readFile(home.storeFile), { level: 9 });
  await writeFile(join(import.meta.dirname, `${name}.db.gz`), file);
}

/** A store that opens by itself: its seal has a row more than one that is opened by shares. */
async function makeStatic(name: string): Promise<Fixture['staticSeal']> {
  const key = randomBytes(32).toString('hex');
  const home = await DurableHome.make({ SEAL_KEY: key });
  try {
    await home.configure(
      `${home.fileStorage}\nseal "static" { current_key_id = "first", current_key = "env://SEAL_KEY" }`,
    );
    const server = await home.start();
    const args = ['operator', 'init', '-recovery-shares=1', '-recovery-threshold=1', '-format=json'];
    const { root_token: rootToken, recovery_keys_b64: recovery } = JSON.parse(
      (await server.run(args)).stdout,
    ) as Initialized;
    await server.stop('SIGTERM');
    await keep(home, name);
    return { key, recoveryKey: recovery[0] ?? '', rootToken };
  } finally {
    await home.remove();
  }
}

async function makeStore(name: string): Promise<void> {
  const database = await databaseUnderTest();
  const proxy = await startWireProxy({ target: database });
  const home = await DurableHome.make();
  try {
    await home.configure(`${home.fileStorage}
      cluster_name = "kept-cluster"
      max_lease_ttl = "${LONG}"
      plugin_directory = ${JSON.stringify(home.directory)}`);
    await writeFile(home.path('some-plugin'), '', { mode: 0o700 });
    const server = await home.start();
    const { root_token: rootToken, unseal_keys_b64: unsealKeys } = await initialize(server, 1, 1);
    await unseal(server, unsealKeys);
    const client = server.client(rootToken);
    await makeSystem(client);
    await makeDatabase(client, database, proxy);
    const auth = await makeAuth(client, server.address);
    const identities = await makeIdentities(client);
    // What comes from here on is sealed under the second key.
    await client.write('sys/rotate');
    const leases = await makeLeases(client);
    const answers: Record<string, JsonObject | null> = {};
    for (const path of [...PATHS_READ, ...identities]) answers[path] = await answerOf(client, path);
    const creating = await cutOff(client, proxy, () => server.stop('SIGKILL'));
    const unsealKey = unsealKeys[0] ?? '';
    const file = new StoreFile(home.storeFile, Buffer.from(unsealKey, 'base64'));
    const rows = file.rows();
    file.close();
    await keep(home, name);
    const staticSeal = await makeStatic(`${name}-static`);
    const fixture: Fixture = { unsealKey, rootToken, ...auth, leases, creating, answers, rows, staticSeal };
    await writeFile(join(import.meta.dirname, `${name}.json`), `${JSON.stringify(fixture, null, 2)}\n`);
  } finally {
    await home.remove();
    await proxy.stop();
    await database.stop();
  }
}

const [name] = process.argv.slice(2);
if (name === undefined) throw new Error('the name of the store file is missing: the version that writes it');
await makeStore(name);
