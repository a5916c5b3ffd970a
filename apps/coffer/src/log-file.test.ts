import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { LogFile } from './log-file.ts';

describe('the log file', () => {
  let directory: string;
  const troubles: string[] = [];
  const onTrouble = (reason: string): void => void troubles.push(reason);
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'coffer-log-'));
    troubles.length = 0;
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));
  const path = (name: string) => join(directory, name);
  const aside = async () => (await readdir(directory)).filter((name) => /^vault-\d{19}\.log$/.test(name)).sort();

  it('is appended to, is vault.log in a directory, and nobody else may read it', async () => {
    for (const line of ['one\n', 'two\n']) {
      const file = new LogFile({ path: `${directory}/`, onTrouble });
      file.write(line);
      await file.close();
    }
    assert.equal(await readFile(path('vault.log'), 'utf8'), 'one\ntwo\n');
    assert.equal((await stat(path('vault.log'))).mode & 0o007, 0);
  });

  it('is set aside when it is full, and no line is lost or out of order', async () => {
    const file = new LogFile({ path: path('vault.log'), rotateBytes: 40, onTrouble });
    for (let line = 0; line < 20; line++) file.write(`line ${String(line).padStart(4, '0')}\n`);
    await file.close();
    const names = [...(await aside()), 'vault.log'];
    assert.equal(names.length, 5);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const text = (await Promise.all(names.map((name) => readFile(path(name), 'utf8')))).join('');
    assert.deepEqual(
      text.trimEnd().split('\n'),
      Array.from({ length: 20 }, (_, line) => `line ${String(line).padStart(4, '0')}`),
    );
  });

  it('is set aside after its time, and as many former ones stay as are wanted', async () => {
    for (const [maxFiles, left] of [
      [2, 2],
      [-1, 0],
      [0, 4],
    ] as const) {
      for (const name of await readdir(directory)) await rm(path(name));
      const file = new LogFile({ path: path('vault.log'), rotateDuration: 0.001, maxFiles, onTrouble });
      for (let line = 0; line < 4; line++) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        file.write(`line ${line}\n`);
      }
      await file.close();
      assert.equal((await aside()).length, left, `${maxFiles}`);
      assert.equal(await readFile(path('vault.log'), 'utf8'), 'line 3\n');
    }
    assert.deepEqual(troubles, []);
  });

  it('goes on in a new file when somebody else has renamed it', async () => {
    const file = new LogFile({ path: path('a.log'), onTrouble });
    file.write('before\n');
    await rename(path('a.log'), path('a.log.1'));
    file.write('still before\n');
    file.reopen();
    file.write('after\n');
    await file.close();
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(await readFile(path('a.log.1'), 'utf8'), 'before\nstill before\n');
    assert.equal(await readFile(path('a.log'), 'utf8'), 'after\n');
  });

  it('that cannot be written is an error at the start, and later a complaint, once, until it can be again', async () => {
    assert.throws(() => new LogFile({ path: path('none/a.log'), onTrouble }), {
      code: 'failed',
      message: /^log_file: ENOENT/,
    });
    const file = new LogFile({ path: path('a.log'), onTrouble });
    await rm(directory, { recursive: true });
    file.reopen();
    file.write('lost\n');
    file.write('lost too\n');
    assert.equal(troubles.length, 1);
    assert.match(troubles[0] ?? '', /lines are missing in the log file .*a\.log: ENOENT/);
    await mkdir(directory);
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    file.write('found\n');
    await file.close();
    assert.equal(await readFile(path('a.log'), 'utf8'), 'found\n');
  });
});
