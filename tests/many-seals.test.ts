/** The seals of several servers on one database: real processes, and the command line. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { databaseUnderTest, eventually, type TestDatabase } from '@coffer/testkit';
import { DurableHome, type DurableServer, type Initialized, initialize, isSealed, unseal } from './durable-process.ts';

const NAME = 'coffer_many_seals';

describe('the seals of servers on one database', () => {
  let database: TestDatabase;
  let storage: string;
  let homes: readonly DurableHome[];

  before(async () => (database = await databaseUnderTest()));
  after(() => database.stop());
  beforeEach(async () => {
    await database.query(`CREATE DATABASE ${NAME} OWNER ${database.user}`);
    const url = new URL(database.url);
    url.pathname = `/${NAME}`;
    storage = `storage "yugabytedb" { connection_url = ${JSON.stringify(url.toString())} }`;
    homes = [await DurableHome.make(), await DurableHome.make(), await DurableHome.make()];
  });
  afterEach(async () => {
    for (const home of homes) await home.remove();
    await database.query(`DROP DATABASE ${NAME} WITH (FORCE)`);
  });

  const startAll = async (configuration: (home: DurableHome) => Promise<string>) => {
    const servers: DurableServer[] = [];
    for (const home of homes) {
      await home.configure(await configuration(home));
      servers.push(await home.start());
    }
    const [a, b, c] = servers;
    assert.ok(a && b && c);
    return [a, b, c] as const;
  };
  /** Which read what each of them has written. */
  const agree = async (root: string, round: number, ...servers: readonly DurableServer[]): Promise<void> => {
    for (const [index, writer] of servers.entries()) {
      const path = `sys/policies/acl/of-${round}-${index}`;
      await writer.client(root).write(path, { policy: `# ${round}` });
      for (const reader of servers) assert.ok((await reader.client(root).read(path)) !== undefined, path);
    }
  };
  const json = (text: string): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;

  it('follow rotations and new shares, handed in anywhere, and open by those after a restart', async () => {
    const [a, b, c] = await startAll(async () => storage);
    const { root_token: root, unseal_keys_b64: keys } = await initialize(a);
    for (const server of [a, b, c]) await unseal(server, keys.slice(0, 2));
    await agree(root, 0, a, b, c);
    for (const [round, server] of [a, b, a].entries()) {
      const rotated = await server.run(['operator', 'rotate'], root);
      assert.match(rotated.stdout, new RegExp(`Success! Rotated key[^]*Key Term +${round + 2}`), rotated.stderr);
      await agree(root, round + 1, a, b, c);
    }

    const begun = await a.run(
      ['operator', 'rekey', '-init', '-key-shares=1', '-key-threshold=1', '-format=json'],
      root,
    );
    const nonce = `-nonce=${String(json(begun.stdout)['nonce'])}`;
    await b.run(['operator', 'rekey', nonce, keys[2] ?? ''], root);
    assert.match((await c.run(['operator', 'rekey', '-status'], root)).stdout, /Rekey Progress +1\/2/);
    assert.match((await a.run(['operator', 'rekey', nonce, keys[2] ?? ''], root)).stderr, /already been provided/);
    const done = await c.run(['operator', 'rekey', nonce, keys[0] ?? ''], root);
    const [, share = ''] = /Key 1: (\S+)/.exec(done.stdout) ?? [];
    assert.match((await a.run(['operator', 'rekey', nonce, share], root)).stderr, /No rekey is in progress/);
    await b.run(['operator', 'rotate'], root);
    await agree(root, 5, a, b, c);

    await c.stop('SIGKILL');
    const restarted = await (homes[2] ?? assert.fail()).start();
    await unseal(restarted, [share]);
    assert.equal(await isSealed(restarted), false);
    await agree(root, 6, a, b, restarted);
    assert.ok((await restarted.client(root).read('sys/policies/acl/of-0-1')) !== undefined);
    const { data } = json((await restarted.run(['read', '-format=json', 'sys/key-status'], root)).stdout);
    assert.equal((data as { term: number }).term, 5);
  });

  it('close one by one, or all at once', async () => {
    const [a, b, c] = await startAll(async () => storage);
    const { root_token: root, unseal_keys_b64: keys } = await initialize(a, 1, 1);
    for (const server of [a, b, c]) await unseal(server, keys);
    await agree(root, 0, a, b, c);
    const one = await b.run(['operator', 'seal'], root);
    assert.equal(one.stdout, 'Success! Vault is sealed.\n');
    const warned = one.stderr.replaceAll(/\s+/g, ' ');
    for (const { address } of [a, c]) assert.ok(warned.includes(address), warned);
    assert.match(warned, /only this node is sealed\. Other nodes are unsealed/);
    assert.deepEqual([await isSealed(a), await isSealed(b), await isSealed(c)], [false, true, false]);
    await agree(root, 1, a, c);
    await unseal(b, keys);

    const all = await a.run(['operator', 'seal', '-all'], root);
    assert.equal(all.stderr, '');
    const [, named = ''] = /^Success! Vault is sealed\.\nSealed nodes: (.*)\n$/.exec(all.stdout) ?? [];
    assert.deepEqual(named.split(', ').toSorted(), [a, b, c].map(({ address }) => address).toSorted());
    for (const server of [a, b, c]) {
      await eventually(
        () => isSealed(server).catch(() => false) as Promise<boolean>,
        () => server.output(),
      );
    }
    for (const server of [a, b, c]) {
      await eventually(async () => {
        await unseal(server, keys).catch(() => undefined);
        return (await isSealed(server).catch(() => true)) === false;
      }, 'it opens again');
    }
    await agree(root, 2, a, b, c);
    // One that hears nothing does not hold the others up, and is sealed when it wakes up.
    c.child.kill('SIGSTOP');
    const { status, body } = await a.client(root).request('PUT', 'sys/seal', { body: { all: true } });
    assert.equal(status, 200);
    const { data, warnings } = body as { data: Record<string, string[]>; warnings: string[] };
    assert.deepEqual(data['not_heard'], [c.address]);
    assert.deepEqual((data['sealed'] ?? []).toSorted(), [a.address, b.address].toSorted());
    assert.match(warnings[0] ?? '', /no answer within 10 s/);
    c.child.kill('SIGCONT');
    await assert.rejects(c.client(root).read('sys/mounts'), /Vault is sealed/);
    assert.equal(await isSealed(c), true);
  });

  it('are of one kind: a server with another key or another kind of seal does not start', async () => {
    const key = randomBytes(32).toString('hex');
    const by = async (home: DurableHome, content: string, id: string): Promise<string> => {
      await writeFile(home.path('unseal.key'), content, { mode: 0o600 });
      const file = JSON.stringify(`file://${home.path('unseal.key')}`);
      return `${storage}\nseal "static" { current_key_id = "${id}", current_key = ${file} }`;
    };
    const [a, b, c] = await startAll((home) => by(home, key, 'one'));
    const made = await a.run(['operator', 'init', '-recovery-shares=1', '-recovery-threshold=1', '-format=json']);
    const { root_token: root } = JSON.parse(made.stdout) as Initialized;
    for (const server of [b, c]) {
      await eventually(async () => (await isSealed(server)) === false, 'it opens once another has made the keys');
    }
    await agree(root, 0, a, b, c);
    await a.run(['operator', 'rotate'], root);
    await agree(root, 1, a, b, c);

    const other = await DurableHome.make();
    try {
      for (const [configuration, message] of [
        [
          await by(other, key, 'two'),
          /sealed under the key "one", which is neither .*: configure the key that the other/,
        ],
        [storage, /has a seal of type "static", not "shamir": configure seal "static"/],
      ] as const) {
        await other.configure(configuration);
        await assert.rejects(other.start(), message);
      }
      await other.configure(await by(other, randomBytes(32).toString('hex'), 'one'));
      await assert.rejects(other.start(), /the key "one" does not open this store: configure the key that the other/);
    } finally {
      await other.remove();
    }
    await agree(root, 2, a, b, c);
    await b.run(['operator', 'seal', '-all'], root);
    for (const server of [a, b, c]) {
      await eventually(
        () => isSealed(server).catch(() => false) as Promise<boolean>,
        () => server.output(),
      );
    }
  });
});
