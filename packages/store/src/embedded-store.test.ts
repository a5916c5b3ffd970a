/** What only the embedded engine has: its file. */
import assert from 'node:assert/strict';
import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, open, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { openEmbeddedStore } from './index.ts';

const insert = 'INSERT INTO entries (mount, name, value) VALUES ($1, $2, $3)';
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Commits in a write-ahead log: frames that tell the database's size after them (sqlite.org/fileformat2.html, 4.1). */
async function commitsIn(wal: string): Promise<number> {
  const log = await readFile(wal);
  const [header, frameHeader] = [32, 24];
  if (log.length < header) return 0;
  const frame = frameHeader + log.readUInt32BE(8);
  let commits = 0;
  for (let at = header; at + frame <= log.length; at += frame) if (log.readUInt32BE(at + 4) > 0) commits++;
  return commits;
}

describe('the file of the embedded store', () => {
  let directory: string;
  let path: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'coffer-store-'));
    path = join(directory, 'coffer.db');
  });
  afterEach(() => rm(directory, { recursive: true }));

  async function fill(rows: number, size = 10): Promise<void> {
    const store = await openEmbeddedStore({ path });
    await store.transaction(
      Array.from({ length: rows }, (_, index) => ({
        sql: insert,
        params: ['m', `n${index}`, bytes('x'.repeat(size))],
      })),
    );
    await store.close();
  }

  it('survives reopening and is nobody else’s to read', async () => {
    await fill(1);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    const store = await openEmbeddedStore({ path });
    assert.equal((await store.run('SELECT * FROM entries')).rows.length, 1);
    await store.close();
  });

  it('is refused to a second server', async () => {
    const first = await openEmbeddedStore({ path });
    await assert.rejects(openEmbeddedStore({ path }), { code: 'failed', message: /another process has it open/ });
    await first.run(insert, ['m', 'a', bytes('still writable')]);
    await first.close();
  });

  it('commits writes that come together at once, and each is durable when it is answered', async () => {
    const store = await openEmbeddedStore({ path });
    const before = await commitsIn(`${path}-wal`);
    const writes = 400;
    await Promise.all(Array.from({ length: writes }, (_, index) => store.run(insert, ['m', `n${index}`, bytes('x')])));
    const commits = (await commitsIn(`${path}-wal`)) - before;
    assert.ok(commits > 0 && commits <= writes / 10, `${commits} commits for ${writes} writes`);
    await store.run(insert, ['m', 'one more', bytes('x')]);
    assert.equal((await commitsIn(`${path}-wal`)) - before, commits + 1);
    await store.close();
  });

  it('says what is wrong when it cannot be opened', async () => {
    await assert.rejects(openEmbeddedStore({ path: '/nonexistent/coffer.db' }), /nonexistent.*unable to open/);
  });

  it('is refused when it is empty, cut off, damaged or no store', async () => {
    await writeFile(path, '');
    await assert.rejects(openEmbeddedStore({ path }), { code: 'failed', message: /is empty: it was cut off/ });
    await rm(path);
    await fill(500, 500);
    const whole = await stat(path);
    const copy = join(directory, 'copy.db');
    await copyFile(path, copy);
    await truncate(copy, Math.floor(whole.size / 8192) * 4096);
    await assert.rejects(openEmbeddedStore({ path: copy }), { code: 'failed', message: /damaged.*backup/ });
    await copyFile(path, copy);
    const file = await open(copy, 'r+');
    await file.write(Buffer.alloc(8192, 0xa5), 0, 8192, 4096);
    await file.close();
    await assert.rejects(openEmbeddedStore({ path: copy }), { code: 'failed', message: /damaged/ });
    await writeFile(copy, 'this is a text of more than a hundred bytes, and no database at all. '.repeat(20));
    await assert.rejects(openEmbeddedStore({ path: copy }), { code: 'failed', message: /damaged/ });
  });

  it('is refused when a newer version wrote it', async () => {
    const store = await openEmbeddedStore({ path });
    await store.run('INSERT INTO migrations (version) VALUES (9999)');
    await store.close();
    await assert.rejects(openEmbeddedStore({ path }), { code: 'failed', message: /newer Coffer/ });
  });

  it('keeps every answered write when the process is killed', async () => {
    const script = join(directory, 'writer.ts');
    const index = JSON.stringify(new URL('./index.ts', import.meta.url).href);
    await writeFile(
      script,
      `import { openEmbeddedStore } from ${index};
       const store = await openEmbeddedStore({ path: ${JSON.stringify(path)} });
       for (let i = 0; ; i += 4) {
         await Promise.all([0, 1, 2, 3].map(async (j) => {
           await store.run(${JSON.stringify(insert)}, ['m', String(i + j), new Uint8Array([1])]);
           process.send?.(i + j);
         }));
       }`,
    );
    const child = fork(script, { stdio: 'inherit' });
    const answered: number[] = [];
    child.on('message', (number) => answered.push(Number(number)));
    while (answered.length < 200) await once(child, 'message');
    child.kill('SIGKILL');
    await once(child, 'close');
    const store = await openEmbeddedStore({ path });
    const { rows } = await store.run('SELECT name FROM entries');
    const kept = new Set(rows.map((row) => Number(row['name'])));
    assert.deepEqual(
      answered.filter((number) => !kept.has(number)),
      [],
    );
    await store.close();
  });

  it('says that the disk is full, keeps what it has answered, and goes on when there is room', async (test) => {
    const mounted = join(directory, 'small');
    const run = promisify(execFile);
    await run('mkdir', [mounted]);
    try {
      await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', mounted]);
    } catch {
      test.skip('a small file system cannot be mounted here');
      return;
    }
    try {
      const store = await openEmbeddedStore({ path: join(mounted, 'coffer.db') });
      const ballast = join(mounted, 'ballast');
      await writeFile(ballast, Buffer.alloc(300_000));
      let kept = 0;
      const fill = async (): Promise<void> => {
        for (;;) {
          await store.run(insert, ['m', `n${kept}`, bytes('x'.repeat(20_000))]);
          kept++;
        }
      };
      await assert.rejects(fill(), {
        code: 'unavailable',
        message: /disk is full: nothing of this request was stored/,
      });
      assert.ok(kept > 0);
      assert.equal((await store.run('SELECT name FROM entries')).rows.length, kept);
      await rm(ballast);
      await store.run(insert, ['m', 'later', bytes('room again')]);
      await store.close();
      const again = await openEmbeddedStore({ path: join(mounted, 'coffer.db') });
      assert.equal((await again.run('SELECT name FROM entries')).rows.length, kept + 1);
      await again.close();
      assert.ok((await readFile(join(mounted, 'coffer.db'))).length > 0);
    } finally {
      await run('umount', [mounted]);
    }
  });
});
