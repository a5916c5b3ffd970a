import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { isCofferError } from '@coffer/base';
import { readSnapshot, type SnapshotMeta, type SnapshotRow, SnapshotWriter, Spool } from './index.ts';

const META: SnapshotMeta = {
  id: 'abc',
  created: '2026-01-02T03:04:05Z',
  version: '0.1.0',
  schema: 5,
  storage: 'file',
  clusterName: 'c',
  tables: [
    {
      name: 'things',
      columns: [
        { name: 'name', type: 'text' },
        { name: 'size', type: 'number' },
        { name: 'value', type: 'bytes' },
      ],
    },
    { name: 'empty', columns: [{ name: 'name', type: 'text' }] },
    { name: 'last', columns: [{ name: 'name', type: 'text' }] },
  ],
};
const ROWS: Readonly<Record<string, readonly SnapshotRow[]>> = {
  things: [
    { name: 'ein "Wort"\n\ud83d\ude00', size: 2 ** 52, value: Buffer.from([0, 255, 10]) },
    { name: '', size: null, value: Buffer.alloc(0) },
  ],
  last: [{ name: 'x' }],
};

async function written(rows = ROWS, meta = META): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  const writer = new SnapshotWriter({
    meta,
    take: (bytes) => Promise.resolve(void chunks.push(bytes)),
    seal: (digest) => Buffer.concat([Buffer.from('sealed '), digest]),
  });
  for (const [table, some] of Object.entries(rows)) await writer.add(table, some);
  await writer.finish();
  return Buffer.concat(chunks);
}

async function* inPieces(bytes: Buffer, size = 7): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}

async function readBack(bytes: Buffer, size?: number) {
  const rows: Record<string, SnapshotRow[]> = {};
  const snapshot = await readSnapshot(inPieces(bytes, size), {
    onRows: (table, some) => Promise.resolve(void (rows[table] ??= []).push(...some)),
  });
  return { rows, snapshot };
}

const isRefusal = (error: unknown): boolean => isCofferError(error) && error.code === 'invalid-request';

describe('a snapshot', () => {
  it('comes back as it was written', async () => {
    const bytes = await written();
    const { rows, snapshot } = await readBack(bytes);
    assert.deepEqual(rows, ROWS);
    assert.deepEqual({ ...snapshot.meta }, { ...META });
    assert.deepEqual(
      snapshot.counts.map(({ name, rows: count }) => [name, count]),
      [
        ['things', 2],
        ['empty', 0],
        ['last', 1],
      ],
    );
    assert.equal(snapshot.sealedDigest.toString('latin1').slice(7), snapshot.digest.toString('latin1'));
    assert.equal(snapshot.size, bytes.length);
  });

  it('of nothing is one too', async () => {
    const { rows } = await readBack(await written({}));
    assert.deepEqual(rows, {});
  });

  it('has parts of a bounded size, however many rows there are', async () => {
    const things = Array.from({ length: 3000 }, (_, index) => ({
      name: `n${index}`,
      size: 0,
      value: Buffer.alloc(1000),
    }));
    const bytes = await written({ things });
    const names = [
      ...gunzipSync(bytes)
        .toString('latin1')
        .matchAll(/things\/\d{6}\.jsonl/g),
    ].map(([name]) => name);
    assert.deepEqual(
      [...new Set(names)],
      ['things/000001.jsonl', 'things/000002.jsonl', 'things/000003.jsonl', 'things/000004.jsonl'],
    );
    assert.equal((await readBack(bytes, 4096)).rows['things']?.length, 3000);
  });

  it('is refused when any byte of it is another one', async () => {
    const bytes = await written();
    const plain = gunzipSync(bytes);
    // The same zeroes can be packed in other ways, and a gzip header's level and operating system say nothing of the content.
    const isTheSame = (altered: Buffer): boolean => {
      try {
        return gunzipSync(altered).equals(plain);
      } catch {
        return false;
      }
    };
    let same = 0;
    for (let at = 0; at < bytes.length; at++) {
      const altered = Buffer.from(bytes);
      altered[at] = (altered[at] ?? 0) ^ 0x10;
      if (at >= 8 && isTheSame(altered)) same++;
      else await assert.rejects(readBack(altered, 512), isRefusal, `byte ${at} of ${bytes.length}`);
    }
    assert.ok(same < bytes.length / 20, `${same} bytes may be other ones`);
  });

  it('is refused when anything of it is missing, or something follows', async () => {
    const bytes = await written();
    for (let length = 0; length < bytes.length; length++) {
      await assert.rejects(readBack(bytes.subarray(0, length), 512), isRefusal, `${length} of ${bytes.length} bytes`);
    }
    await assert.rejects(readBack(Buffer.concat([bytes, gzipSync('more')])), isRefusal);
  });

  it('is refused when it was put together anew with other content', async () => {
    const plain = gunzipSync(await written());
    const tampered = Buffer.from(plain.toString('latin1').replace('["x"]', '["y"]'), 'latin1');
    assert.notDeepEqual(tampered, plain);
    await assert.rejects(readBack(gzipSync(tampered)), /altered/);
    await assert.rejects(readBack(gzipSync(plain.subarray(1024))), isRefusal);
  });

  for (const [what, bytes] of Object.entries({
    'an empty file': Buffer.alloc(0),
    text: Buffer.from('{"keys": []}\n'.repeat(100)),
    'another gzip file': gzipSync('x'.repeat(5000)),
    'a gzip file of zeroes': gzipSync(Buffer.alloc(5000)),
    'what unpacks to much more': gzipSync(Buffer.alloc(50_000_000, 'x')),
  })) {
    it(`is not ${what}`, async () => {
      await assert.rejects(readBack(bytes, 65_536), isRefusal);
    });
  }

  it('of a newer form says so', async () => {
    const plain = gunzipSync(await written()).toString('latin1');
    const meta = plain.replace('"format_version":1', '"format_version":2');
    await assert.rejects(readBack(gzipSync(Buffer.from(meta, 'latin1'))), /use a newer one/);
  });

  it('can be looked into and checked with tar and sha256sum', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'coffer-snapshot-'));
    try {
      await writeFile(join(directory, 'a.snap'), await written());
      execFileSync('tar', ['xzf', 'a.snap'], { cwd: directory });
      execFileSync('sha256sum', ['-c', '--quiet', '--strict', 'SHA256SUMS'], { cwd: directory });
      assert.deepEqual((await readdir(join(directory, 'things'))).toSorted(), ['000001.jsonl']);
      assert.match(await readFile(join(directory, 'things/000001.jsonl'), 'utf8'), /^\["ein/);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('that nobody takes any more ends', async () => {
    const writer = new SnapshotWriter({
      meta: META,
      take: () => Promise.reject(new Error('gone')),
      seal: (digest) => digest,
    });
    const things = Array.from({ length: 200 }, () => ({
      name: 'n',
      size: 0,
      value: Buffer.alloc(100_000, Math.random().toString()),
    }));
    await assert.rejects(async () => {
      for (let round = 0; round < 100; round++) await writer.add('things', things);
    }, /gone/);
    await writer.abandon();
  });
});

describe('a spool', () => {
  it('is read while it is written, and leaves no file behind', async () => {
    const before = (await readdir(tmpdir())).filter((name) => name.startsWith('coffer-spool-')).length;
    const spool = await Spool.make();
    const read = (async () => {
      let text = '';
      for await (const chunk of spool.read()) text += Buffer.from(chunk).toString();
      return text;
    })();
    for (const part of ['one ', 'two ', 'three']) await spool.append(Buffer.from(part));
    spool.end();
    assert.equal(await read, 'one two three');
    assert.ok((await readdir(tmpdir())).filter((name) => name.startsWith('coffer-spool-')).length <= before);
    await spool.close();
  });

  it('refuses more than it may hold, and passes a failure on', async () => {
    const spool = await Spool.make(5);
    await spool.append(Buffer.from('12345'));
    await assert.rejects(spool.append(Buffer.from('6')), isRefusal);
    spool.fail(new Error('away'));
    await assert.rejects(async () => {
      for await (const chunk of spool.read()) assert.ok(chunk.length > 0);
    }, /away/);
    await assert.rejects(spool.append(Buffer.from('x')), /away/);
    await spool.close();
  });
});
