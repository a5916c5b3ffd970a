/** What `snapshot restore -force` takes, and what it does not. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { readSnapshot, type SnapshotRow, SnapshotWriter } from '@coffer/snapshot';
import { DurableHome, type DurableServer, type Initialized, isSealed } from '../durable-process.ts';

describe('a snapshot that is restored by force', () => {
  let home: DurableHome;
  let elsewhere: DurableHome;
  let server: DurableServer;
  let root: string;
  let seal: string;
  let file: string;
  before(async () => {
    home = await DurableHome.make();
    elsewhere = await DurableHome.make();
    const key = home.path('unseal.key');
    await writeFile(key, randomBytes(32).toString('base64'), { mode: 0o600 });
    seal = `seal "static" { current_key_id = "a", current_key = "file://${key}" }`;
    [server, root] = await begin(home);
    file = home.path('a.snap');
    await server.client(root).write('sys/policies/acl/kept', { policy: '# before' });
    assert.equal((await server.run(['operator', 'snapshot', 'save', file], root)).exit, 0);
    await server.client(root).write('sys/policies/acl/later', { policy: '# after' });
  });
  after(async () => {
    await home.remove();
    await elsewhere.remove();
  });

  const begin = async (at: DurableHome): Promise<[DurableServer, string]> => {
    await at.configure(`${at.fileStorage}\n${seal}`);
    const started = await at.start();
    const args = ['operator', 'init', '-recovery-shares=1', '-recovery-threshold=1', '-format=json'];
    const { stdout } = await started.run(args);
    return [started, (JSON.parse(stdout) as Initialized).root_token];
  };

  it('is refused when it was altered, even if its checksums fit', async () => {
    const bytes = await readFile(file);
    const random = randomBytes(80);
    const altered: Readonly<Record<string, Altering>> = {
      'another value': { row: (row) => (row['name'] === 'kept' ? { ...row, value: random } : row) },
      'a row less': { row: (row) => (row['name'] === 'kept' ? undefined : row) },
      'a seal of nobody': { seal: () => random },
      'no seal': { seal: () => Buffer.alloc(0) },
      'a bit of the seal': { seal: (sealed) => sealed.with(sealed.length - 1, (sealed.at(-1) ?? 0) ^ 1) },
      'the term of the seal': { seal: (sealed) => sealed.with(1, 7) },
      'what nodes follow a new key by': {
        row: (row) => (row['name'] === 'root-key-for-nodes' ? undefined : row),
        seal: () => random,
      },
    };
    const send = async (body: Buffer): Promise<[number, string]> => {
      const url = `${server.address}/v1/sys/storage/raft/snapshot-force`;
      const answer = await fetch(url, { method: 'POST', headers: { 'x-vault-token': root }, body });
      return [answer.status, await answer.text()];
    };
    for (const [what, how] of Object.entries(altered)) {
      const bad = await alter(bytes, how);
      await readSnapshot(Readable.from([bad]));
      const [status, text] = await send(bad);
      assert.deepEqual([status, /it was altered/.test(text)], [400, true], `${what}: ${text}`);
    }
    const keyless = await alter(bytes, { row: (row) => (row['name'] === 'seal' ? undefined : row) });
    assert.match((await send(keyless))[1], /the snapshot has no keys/);
    const { data } = (await server.client(root).read('sys/policies/acl/later')) ?? {};
    assert.equal(data?.['policy'], '# after');
  });

  it('seals every node when it is of another store, even if the same key opens both', async () => {
    const [other, otherRoot] = await begin(elsewhere);
    const saved = elsewhere.path('b.snap');
    assert.equal((await other.run(['operator', 'snapshot', 'save', saved], otherRoot)).exit, 0);
    await other.stop('SIGTERM');
    const { stderr, exit } = await server.run(['operator', 'snapshot', 'restore', '-force', saved], root);
    const warning =
      'WARNING! the store now has the keys of the snapshot: restart every node with the seal of the snapshot, "static"';
    assert.deepEqual([exit, stderr.trim()], [0, warning]);
    assert.equal(await isSealed(server), true);
    await server.stop('SIGTERM');
    server = await home.start();
    assert.equal((await server.run(['token', 'lookup'], otherRoot)).exit, 0);
    assert.equal((await server.run(['token', 'lookup'], root)).exit, 2);
  });
});

interface Altering {
  /** Undefined: it is left out. */
  readonly row?: (row: SnapshotRow) => SnapshotRow | undefined;
  readonly seal?: (sealed: Uint8Array) => Uint8Array;
}

/** The same snapshot with other content, as somebody writes it who knows the form and has no keys. */
async function alter(
  file: Buffer,
  { row: change = (row) => row, seal = (sealed) => sealed }: Altering,
): Promise<Buffer> {
  const rows: [string, SnapshotRow[]][] = [];
  const { meta, sealedDigest } = await readSnapshot(Readable.from([file]), {
    async onRows(table, some) {
      rows.push([table, some.map(change).filter((row) => row !== undefined)]);
    },
  });
  const chunks: Uint8Array[] = [];
  const writer = new SnapshotWriter({
    meta,
    take: async (bytes) => void chunks.push(bytes),
    seal: () => seal(sealedDigest),
  });
  for (const [table, some] of rows) await writer.add(table, some);
  await writer.finish();
  return Buffer.concat(chunks);
}
