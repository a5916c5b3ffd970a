/** A store is moved to the other type and back, with a command that is killed and run again. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, writeFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openEmbeddedStore } from '@coffer/store';
import { databaseUnderTest, type TestDatabase } from '@coffer/testkit';
import { cleanEnvironment, COFFER, coffer, ended } from '../coffer-process.ts';
import { executedBlocks } from '../documentation.ts';
import { DurableHome, initialize, unseal } from '../durable-process.ts';

const ROWS = 20_000;

describe('operator migrate', () => {
  let home: DurableHome;
  let database: TestDatabase;
  let name: string;
  let root: string;
  let keys: readonly string[];
  let stanza: string;
  const migrate = (...args: string[]) =>
    coffer(['operator', 'migrate', `-config=${home.path('migrate.hcl')}`, ...args]);
  const configure = (source: string, destination: string): Promise<void> =>
    writeFile(
      home.path('migrate.hcl'),
      `${source.replace('storage', 'storage_source')}\n${destination.replace('storage', 'storage_destination')}\n`,
    );

  before(async () => {
    database = await databaseUnderTest();
    name = `coffer_migrate_${process.pid}`;
    await database.query(`CREATE DATABASE ${name} OWNER ${database.user}`);
    const url = new URL(database.url);
    url.pathname = `/${name}`;
    stanza = `storage "yugabytedb" { connection_url = ${JSON.stringify(url.toString())} }`;
    home = await DurableHome.make();
    await home.configure(home.fileStorage);
    const server = await home.start();
    ({ root_token: root, unseal_keys_b64: keys } = await initialize(server, 1, 1));
    await unseal(server, keys);
    await server.client(root).write('sys/policies/acl/p', { policy: '# moved' });
    await configure(home.fileStorage, stanza);
    const busy = await migrate();
    assert.equal(busy.exit, 2);
    assert.match(busy.stderr, /Error migrating: error mounting 'storage_source': .*another process has it open/);
    await server.stop('SIGTERM');
    // Much that nobody reads.
    const store = await openEmbeddedStore({ path: home.storeFile });
    for (let row = 0; row < ROWS; row += 500) {
      await store.transaction(
        Array.from({ length: 500 }, (_, index) => ({
          sql: 'INSERT INTO entries (mount, name, value) VALUES ($1, $2, $3)',
          params: ['nobody', `n${row + index}`, Buffer.alloc(200, row % 256)],
        })),
      );
    }
    await store.close();
  });
  after(async () => {
    await home.remove();
    await database.query(`DROP DATABASE ${name} WITH (FORCE)`);
    await database.stop();
  });

  it('refuses what it cannot do, before it begins', async () => {
    const without = await coffer(['operator', 'migrate']);
    assert.deepEqual([without.exit, without.stderr], [1, 'Must specify exactly one config path using -config\n']);
    assert.match((await migrate('-start=core/')).stderr, /^flag -start: .*continues where it was interrupted/);
    await writeFile(home.path('one.hcl'), home.fileStorage.replace('storage', 'storage_source'));
    const one = await coffer(['operator', 'migrate', `-config=${home.path('one.hcl')}`]);
    assert.equal(one.exit, 1);
    assert.match(one.stderr, /^Error loading configuration from .*one\.hcl: .*storage_destination/);
    const nowhere = home.fileStorage.replace('/data', '/no-such');
    await configure(nowhere, stanza);
    const mistaken = await migrate('-log-level=debug');
    assert.equal(mistaken.exit, 2);
    assert.match(mistaken.stderr, /^Error migrating: error mounting 'storage_source': there is no store: .*no-such/m);
    await assert.rejects(access(home.path('no-such')), 'and none is made');
    await configure(home.fileStorage, home.fileStorage);
    assert.match((await migrate()).stderr, /^Error migrating: the destination is the source$/m);
    assert.match((await migrate('-log-level=loud')).stderr, /^flag -log-level: "loud" is not one of trace, /);
    await configure(home.fileStorage, stanza);
  });

  /** How many rows have come; none before there is a table for them. */
  const arrived = async (): Promise<number> => {
    try {
      return Number((await database.query('SELECT count(*) AS n FROM entries', [], name))[0]?.['n']);
    } catch {
      return 0;
    }
  };
  async function killedAfter(rows: number): Promise<void> {
    const child = spawn(COFFER, ['operator', 'migrate', `-config=${home.path('migrate.hcl')}`], {
      env: cleanEnvironment({}),
      stdio: 'ignore',
    });
    const end = ended(child);
    while ((await arrived()) <= rows) await sleep(10);
    child.kill('SIGKILL');
    assert.equal(await end, -1, 'it was killed before it was done');
  }

  it('goes on after it was killed, and no server starts on a half of it', async () => {
    // The first when hardly anything has come, the others in the midst of it.
    for (const part of [0, 0.3, 0.7]) await killedAfter(part * ROWS);
    const half = await migrate('-max-parallel=0');
    assert.equal(half.exit, 1);
    await home.configure(stanza);
    await assert.rejects(home.start(), /storage migration in progress/);
    await home.configure(home.fileStorage);
    await assert.rejects(home.start(), /storage migration in progress/);

    // The last time with the page's own file.
    const [page] = executedBlocks('docs/backup.md', import.meta.filename);
    assert.ok(page !== undefined);
    const ours = page.text
      .replace('/var/lib/coffer', home.path('data'))
      .replace(/"postgres:[^"]*"/, /"postgres:[^"]*"/.exec(stanza)?.[0] ?? '');
    await writeFile(home.path('migrate.hcl'), ours);
    const { stdout, stderr, exit } = await migrate();
    assert.equal(exit, 0, stderr);
    assert.match(stdout, /^Copied and verified \d+ rows\.\nSuccess! All of the keys have been migrated\.\n$/);
    assert.match(stderr, /^==> entries: (\d+) of \1$/m);
    assert.ok((await arrived()) >= ROWS);
  });

  it('has brought everything, under the same keys', async () => {
    await home.configure(stanza);
    const server = await home.start();
    await unseal(server, keys);
    assert.equal((await server.client(root).read('sys/policies/acl/p'))?.data?.['policy'], '# moved');
    await server.client(root).write('sys/policies/acl/p', { policy: '# and changed' });
    await configure(stanza, home.fileStorage.replace('/data', '/other'));
    const busy = await migrate();
    assert.match(busy.stderr, /^Error migrating: servers are using the source; stop them first: http/m);
    await server.stop('SIGTERM');
  });

  it('takes no destination that has something in it, and goes back to the other type', async () => {
    await configure(stanza, home.fileStorage);
    assert.match((await migrate()).stderr, /Error migrating: the destination is initialized already/);
    const other = home.fileStorage.replace('/data', '/other');
    await configure(stanza, other);
    const { stderr, exit } = await migrate();
    assert.equal(exit, 0, stderr);
    await home.configure(other);
    const server = await home.start();
    await unseal(server, keys);
    assert.equal((await server.client(root).read('sys/policies/acl/p'))?.data?.['policy'], '# and changed');
    await server.stop('SIGTERM');
  });

  it('is given up with -reset', async () => {
    const third = home.fileStorage.replace('/data', '/third');
    await configure(stanza, third);
    const child = spawn(COFFER, ['operator', 'migrate', `-config=${home.path('migrate.hcl')}`], {
      env: cleanEnvironment({}),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    // It has begun with the first table.
    await once(child.stderr, 'data');
    child.kill('SIGKILL');
    await ended(child);
    const reset = await migrate('-reset');
    assert.deepEqual([reset.exit, reset.stdout], [0, 'Success! Migration lock reset (if it was set).\n'], reset.stderr);
    await home.configure(stanza);
    const server = await home.start();
    await unseal(server, keys);
    await server.stop('SIGTERM');
    await home.configure(third);
    const fresh = await home.start();
    assert.match((await fresh.run(['status'])).stdout, /^Initialized +false$/m);
    await fresh.stop('SIGTERM');
  });
});
