/** One node after the other is replaced by one of this version, and nobody who uses them notices. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { brotliDecompressSync } from 'node:zlib';
import type { Client } from '@coffer/client';
import { eventually, makeAdmin, startPostgres, type TestPostgres } from '@coffer/testkit';
import { configure, connectionTo, issue, type Issued, SEED_CREATION } from '../dev-server.ts';
import { DurableHome, type DurableServer, initialize, unseal } from '../durable-process.ts';
import { tryLogin } from '../logins.ts';

/** The last version whose nodes did not hear of each other's changes. */
const BEFORE = 'schema-4';

describe('a rolling upgrade', () => {
  let database: TestPostgres;
  let home: DurableHome;
  let keys: readonly string[];
  let root: string;
  const issued: Issued[] = [];
  let old: DurableServer;
  let first: DurableServer;
  let second: DurableServer;

  const startOld = () => home.start(['-log-level=debug'], [process.execPath, home.path(`${BEFORE}.cjs`)]);
  const open = async (server: DurableServer): Promise<DurableServer> => {
    await unseal(server, keys);
    return server;
  };
  const at = (server: DurableServer): Client => server.client(root);
  const password = async (server: DurableServer): Promise<string> =>
    ((await at(server).read('database/static-creds/rotating'))?.data as { password: string }).password;
  const serves = async ({ username, password: secret }: Issued): Promise<void> =>
    assert.deepEqual(await tryLogin(database, username, secret), { user: username });
  const isGone = async (username: string): Promise<boolean> =>
    (await database.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [username])).length === 0;
  const revoke = async (server: DurableServer, { leaseId, username }: Issued): Promise<void> => {
    await at(server).write('sys/leases/revoke', { lease_id: leaseId, sync: true });
    assert.ok(await isGone(username), username);
  };
  const renew = async (server: DurableServer, { leaseId }: Issued): Promise<void> => {
    const answer = await at(server).write('sys/leases/renew', { lease_id: leaseId, increment: 7200 });
    assert.ok(Number(answer?.leaseDuration) > 3600);
  };

  before(async () => {
    database = await startPostgres();
    home = await DurableHome.make();
    await writeFile(
      home.path(`${BEFORE}.cjs`),
      brotliDecompressSync(await readFile(join(import.meta.dirname, `${BEFORE}.cjs.br`))),
    );
    await database.query(`CREATE SCHEMA coffer AUTHORIZATION "${database.user}"`);
    const store = new URL(database.url);
    store.searchParams.set('options', '-csearch_path=coffer');
    await home.configure(`storage "yugabytedb" { connection_url = ${JSON.stringify(store.href)} }`);
    await makeAdmin(database, { user: 'rotating_admin', password: 'chosen' });

    old = await startOld();
    const made = await initialize(old);
    [keys, root] = [made.unseal_keys_b64.slice(0, 2), made.root_token];
    await open(old);
    await configure(at(old), connectionTo(database));
    await at(old).write('database/config/rotating', {
      plugin_name: 'ysql-plugin',
      allowed_roles: '*',
      ...{ ...connectionTo(database), username: 'rotating_admin', password: 'chosen' },
    });
    await database.query('CREATE ROLE rotating LOGIN');
    await database.query('GRANT rotating TO rotating_admin WITH ADMIN OPTION');
    await at(old).write('database/static-roles/rotating', {
      db_name: 'rotating',
      username: 'rotating',
      rotation_period: '5s',
    });
    await at(old).write('database/roles/short', {
      db_name: 'yugabytedb',
      creation_statements: SEED_CREATION,
      default_ttl: '2s',
      max_ttl: '2s',
    });
    await at(old).write('sys/policies/acl/kept', { policy: 'path "database/*" { capabilities = ["read"] }' });
    for (let count = 0; count < 4; count++) issued.push(await issue(at(old)));
  });
  after(async () => {
    await home.remove();
    await database.stop();
  });

  it('begins with a new node beside the old one', async () => {
    first = await open(await home.start());
    for (const each of issued) await serves(each);
  });

  it('has both issue, renew and revoke, whosever leases they are', async () => {
    const [a, b, ...rest] = issued.splice(0);
    assert.ok(a !== undefined && b !== undefined);
    await renew(first, a);
    await renew(old, a);
    await revoke(first, a);
    const [byOld, byNew] = [await issue(at(old)), await issue(at(first))];
    await renew(old, byNew);
    await renew(first, byOld);
    await revoke(old, byNew);
    await revoke(first, byOld);
    await revoke(old, b);
    issued.push(...rest, await issue(at(old)), await issue(at(first)));
    for (const each of issued) await serves(each);
  });

  it('ends leases at their time, whichever of them issued or ends them', async () => {
    const short: Issued[] = [];
    for (let count = 0; count < 6; count++) short.push(await issue(at(count % 2 === 0 ? old : first), 'short'));
    await eventually(async () => {
      const gone = await Promise.all(short.map(({ username }) => isGone(username)));
      return gone.every((each) => each);
    }, 'the end of every short lease');
    for (const server of [old, first]) {
      await eventually(
        async () => (await at(server).list('sys/leases/lookup/database/creds/short')) === undefined,
        'no lease without a login',
      );
      assert.doesNotMatch(server.output(), /\[ERROR\]/);
    }
    for (const each of issued) await serves(each);
  });

  it('has both know a token that either made or revoked', async () => {
    for (const [here, there] of [
      [old, first],
      [first, old],
    ] as const) {
      const made = await at(here).write('auth/token/create', { policies: ['kept'], ttl: '1h' });
      const token = made?.auth?.clientToken ?? '';
      assert.ok(await there.client(token).read('database/creds/my-first-role'));
      await at(there).write('auth/token/revoke', { token });
      await assert.rejects(here.client(token).read('auth/token/lookup-self'), { status: 403 });
    }
  });

  it('rotates one password for all', async () => {
    const seen = new Set<string>();
    // One of them may rotate it between two looks.
    await eventually(async () => {
      const [here, there] = [await password(old), await password(first)];
      const isOne = here === there && 'user' in (await tryLogin(database, 'rotating', here));
      if (isOne) seen.add(here);
      return seen.size >= 3;
    }, 'three passwords, each the same on both nodes');
  });

  it('lets the old one end, and its leases with it stay', async () => {
    assert.equal(await old.stop('SIGTERM'), 0);
    for (const each of issued) await serves(each);
    for (const each of issued) await renew(first, each);
    await revoke(first, issued.pop() ?? assert.fail());
  });

  it('has no way back for the old one, which says so', async () => {
    await assert.rejects(startOld(), /the store at \S+ was written by a newer Coffer \(schema \d+, this one knows 4\)/);
  });

  it('ends with a second new one, which knows all that was there', async () => {
    second = await open(await home.start());
    assert.ok((await at(second).read('sys/policies/acl/kept')) !== undefined);
    assert.equal(await password(second), await password(first));
    issued.push(await issue(at(second)));
    for (const each of issued) await serves(each);
    for (const [index, each] of issued.entries()) await revoke(index % 2 === 0 ? first : second, each);
    const left = await at(first).list('sys/leases/lookup/database/creds/my-first-role');
    assert.deepEqual(left?.data?.['keys'] ?? [], []);
  });

  it('goes on as one cluster: what one node changes, the other serves', async () => {
    await at(first).write('sys/policies/acl/kept', { policy: 'path "database/*" { capabilities = ["deny"] }' });
    const made = await at(second).write('auth/token/create', { policies: ['kept'] });
    const token = made?.auth?.clientToken ?? '';
    await assert.rejects(second.client(token).read('database/creds/my-first-role'), { status: 403 });
    assert.equal(await first.stop('SIGTERM'), 0);
    assert.equal(await second.stop('SIGTERM'), 0);
  });
});
