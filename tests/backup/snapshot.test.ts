/** Snapshots of one server with a store file, as an operator takes and restores them. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { buffer, text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DurableHome, type DurableServer, initialize, unseal } from '../durable-process.ts';
import { cleanEnvironment, COFFER, coffer, ended } from '../coffer-process.ts';

describe('a snapshot of a server', () => {
  let home: DurableHome;
  let server: DurableServer;
  let root: string;
  let keys: readonly string[];
  let file: string;
  before(async () => {
    home = await DurableHome.make();
    await home.configure(home.fileStorage);
    server = await home.start();
    ({ root_token: root, unseal_keys_b64: keys } = await initialize(server, 1, 1));
    await unseal(server, keys);
    file = home.path('a.snap');
    await put('kept', 'before');
    await put('changed', 'before');
    const { data } = (await server.client(root).write('identity/entity', { name: 'ana', policies: 'changed' })) ?? {};
    const alias = { name: 'ana', mount_accessor: await accessor(), canonical_id: data?.['id'] ?? '' };
    await server.client(root).write('identity/entity-alias', alias);
    const saved = await run('save', file);
    assert.equal(saved.exit, 0, saved.stderr);
    assert.match(saved.stdout, /^Success! Saved a snapshot to .*a\.snap \(\d.* KiB, \d+ rows\)$/m);
    await put('changed', 'after');
    await put('later', 'after');
    await server.client(root).delete('identity/entity/name/ana');
    await server.client(root).write('identity/entity', { name: 'bo' });
  });
  after(() => home.remove());

  const run = (...args: string[]) => server.run(['operator', 'snapshot', ...args], root);
  const put = (name: string, capabilities: string) =>
    server.client(root).write(`sys/policies/acl/${name}`, { policy: `# ${capabilities}` });
  /** Of the method of tokens. */
  const accessor = async (): Promise<string> => {
    const methods = (await server.client(root).read('sys/auth'))?.data as Record<string, { accessor: string }>;
    return methods['token/']?.accessor ?? '';
  };
  const entity = async (name: string) => (await server.client(root).read(`identity/entity/name/${name}`))?.data;
  const policy = async (name: string): Promise<unknown> =>
    (await server.client(root).read(`sys/policies/acl/${name}`))?.data?.['policy'];

  it('is a file for its owner only, of which nothing is in the open, and nothing else is left', async () => {
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    const bytes = await readFile(file);
    assert.ok(!bytes.includes(root) && !bytes.includes('before'));
    assert.deepEqual(
      (await readdir(home.path('data'))).filter((name) => name.includes('copy')),
      [],
    );
    assert.deepEqual(
      (await readdir(home.directory)).filter((name) => name.includes('partial')),
      [],
    );
  });

  it('goes into a pipe as well, with nothing else in it, and is told of as JSON', async () => {
    const environment = cleanEnvironment({ VAULT_ADDR: server.address, VAULT_TOKEN: root });
    const child = spawn(COFFER, ['operator', 'raft', 'snapshot', 'save', '/dev/stdout'], { env: environment });
    const [bytes, told, exit] = await Promise.all([buffer(child.stdout), text(child.stderr), ended(child)]);
    assert.equal(exit, 0, told);
    assert.match(told, /^Success! Saved a snapshot to \/dev\/stdout /m);
    await writeFile(home.path('piped.snap'), bytes);
    const seen = await coffer(['operator', 'snapshot', 'inspect', '-format=json', home.path('piped.snap')]);
    assert.equal((JSON.parse(seen.stdout) as { size: number }).size, bytes.length);

    const asJson = await run('save', '-format=json', home.path('piped.snap'));
    const again = await coffer(['operator', 'snapshot', 'inspect', '-format=json', home.path('piped.snap')]);
    assert.deepEqual(JSON.parse(asJson.stdout), JSON.parse(again.stdout));
    const folder = await run('save', home.path('data'));
    assert.equal(folder.exit, 2);
    assert.match(folder.stderr, /^Error taking the snapshot: .*data is neither a file nor a pipe$/m);
  });

  it('is looked into without a server', async () => {
    const { stdout, exit } = await coffer(['operator', 'snapshot', 'inspect', '-format=json', file]);
    assert.equal(exit, 0);
    const {
      storage_type: type,
      size,
      tables,
    } = JSON.parse(stdout) as {
      storage_type: string;
      size: number;
      tables: { name: string; rows: number }[];
    };
    assert.deepEqual([type, size], ['file', (await stat(file)).size]);
    assert.deepEqual(
      tables.map(({ name }) => name),
      [
        ...['mounts', 'entries', 'policies', 'tokens'],
        ...['identity_entities', 'identity_groups', 'identity_aliases', 'identity_members'],
        ...['leases', 'intents', 'keyring'],
      ],
    );
    assert.ok((tables.find(({ name }) => name === 'policies')?.rows ?? 0) >= 2);
    const shown = await coffer(['operator', 'raft', 'snapshot', 'inspect', file]);
    assert.match(shown.stdout, /Storage Type +file[\s\S]*Table +Count +Total Size[\s\S]*keyring +4/);
  });

  it('that is damaged, cut off or something else is refused, and changes nothing', async () => {
    const bytes = await readFile(file);
    const flipped = Buffer.from(bytes);
    flipped[Math.floor(bytes.length / 2)]! ^= 1;
    const refused = { flipped, cut: bytes.subarray(0, -20), empty: Buffer.alloc(0), other: Buffer.from('{"a": 1}') };
    for (const [name, content] of Object.entries(refused)) {
      const bad = home.path(`${name}.snap`);
      await writeFile(bad, content);
      for (const args of name === 'flipped' ? [['inspect'], ['restore', '-force']] : [['restore']]) {
        const { stderr, exit } = await run(...args, bad);
        assert.deepEqual(
          [exit, /^Error reading the snapshot: not a snapshot, or a damaged one/.test(stderr)],
          [2, true],
          name,
        );
      }
      // Whoever sends it by hand is refused as well.
      for (const path of ['sys/storage/snapshot', 'sys/storage/snapshot-force', 'sys/storage/raft/snapshot']) {
        const answer = await fetch(`${server.address}/v1/${path}`, {
          method: 'POST',
          headers: { 'x-vault-token': root },
          body: content,
        });
        assert.equal(answer.status, 400, `${name} to ${path}`);
      }
    }
    assert.equal(await policy('later'), '# after');
    assert.match((await run('restore', home.path('no-such.snap'))).stderr, /no such file or directory/);
  });

  it('is for those only who may read and write it, and no byte of others is taken', async () => {
    await server.client(root).write('sys/policies/acl/backup', {
      policy: 'path "sys/storage/raft/snapshot" { capabilities = ["read"] }',
    });
    const token =
      (await server.client(root).write('auth/token/create', { policies: ['backup'] }))?.auth?.clientToken ?? '';
    const send = (method: string, path: string, token: string, body?: Buffer) =>
      fetch(`${server.address}/v1/${path}`, { method, headers: { 'x-vault-token': token }, ...(body && { body }) });
    const taken = await send('GET', 'sys/storage/raft/snapshot', token);
    assert.deepEqual([taken.status, taken.headers.get('content-type')], [200, 'application/gzip']);
    assert.ok((await taken.arrayBuffer()).byteLength > 1000);
    const large = Buffer.alloc(5_000_000);
    for (const [method, path, who] of [
      ['GET', 'sys/storage/snapshot', token],
      ['POST', 'sys/storage/raft/snapshot', token],
      ['POST', 'sys/storage/raft/snapshot-force', token],
      ['GET', 'sys/storage/raft/snapshot', ''],
      ['POST', 'sys/storage/snapshot', 'nobody'],
    ] as const) {
      const answer = await send(method, path, who, method === 'POST' ? large : undefined);
      assert.deepEqual([answer.status, ((await answer.json()) as { errors: string[] }).errors.length], [403, 1], path);
    }
    assert.equal(await policy('later'), '# after');
  });

  it('takes back what has changed since, and keeps the keys and tokens valid', async () => {
    const { stderr, stdout, exit } = await run('restore', file);
    assert.deepEqual([exit, stdout], [0, 'Success! The snapshot was restored.\n'], stderr);
    const asJson = await run('restore', '-format=json', file);
    assert.deepEqual(JSON.parse(asJson.stdout), { restored: true, warnings: [] });
    assert.deepEqual(await Promise.all(['kept', 'changed', 'later'].map(policy)), ['# before', '# before', undefined]);
    await put('later', 'again');
    assert.equal(await policy('later'), '# again');
    assert.equal(await entity('bo'), undefined);
    await server.client(root).write('identity/entity', { name: 'acknowledged' });
    await server.stop('SIGKILL');
    server = await home.start();
    await unseal(server, keys);
    const ana = await entity('ana');
    const [alias] = (ana?.['aliases'] ?? []) as { name: string }[];
    assert.deepEqual([ana?.['policies'], alias?.name, await entity('bo')], [['changed'], 'ana', undefined]);
    assert.notEqual(await entity('acknowledged'), undefined);
    assert.deepEqual(await Promise.all(['changed', 'later'].map(policy)), ['# before', '# again']);
  });

  it('can be taken after the keys were rotated, and restored from before', async () => {
    assert.equal((await server.run(['operator', 'rotate'], root)).exit, 0);
    await put('rotated', 'after');
    assert.equal((await run('restore', file)).exit, 0);
    assert.equal(await policy('rotated'), undefined);
    await put('rotated', 'again');
    const newer = home.path('b.snap');
    assert.equal((await run('save', newer)).exit, 0);
    assert.equal((await run('restore', newer)).exit, 0);
    assert.equal(await policy('rotated'), '# again');
  });

  it('is as it was before when the server is killed in the midst of a restore', async () => {
    for (let index = 0; index < 3; index++) {
      await put('later', `round ${index}`);
      const { pid } = server.child;
      assert.ok(pid !== undefined);
      const restoring = run('restore', file);
      await sleep(index * 60);
      await server.stop('SIGKILL');
      await restoring;
      server = await home.start();
      await unseal(server, keys);
      const found = [await policy('changed'), await policy('later')];
      assert.ok(
        [`# before,# round ${index}`, '# before,'].includes(found.join()),
        `either all of it or nothing: ${found.join()}`,
      );
    }
  });

  it('of a server with other keys needs -force, and then its own key shares', async () => {
    const other = await DurableHome.make();
    try {
      await other.configure(other.fileStorage);
      const fresh = await other.start();
      const { root_token: otherRoot, unseal_keys_b64: otherKeys } = await initialize(fresh, 1, 1);
      await unseal(fresh, otherKeys);
      const refused = await fresh.run(['operator', 'snapshot', 'restore', file], otherRoot);
      assert.equal(refused.exit, 2);
      assert.match(
        refused.stderr,
        /could not verify hash file, possibly the snapshot is using a different set of unseal keys/,
      );
      const forced = await fresh.run(['operator', 'snapshot', 'restore', '-force', file], otherRoot);
      assert.equal(forced.exit, 0, forced.stderr);
      assert.match(forced.stderr, /WARNING! the store now has the keys of the snapshot: unseal every node/);
      assert.match((await fresh.run(['status'])).stdout, /^Sealed +true$/m);
      const sealed = await fresh.run(['operator', 'snapshot', 'restore', file], otherRoot);
      assert.match(sealed.stderr, /Vault is sealed/);
      await assert.rejects(unseal(fresh, otherKeys));
      await unseal(fresh, keys);
      assert.equal((await fresh.client(root).read('sys/policies/acl/changed'))?.data?.['policy'], '# before');
      await fresh.stop('SIGTERM');
    } finally {
      await other.remove();
    }
  });
});
