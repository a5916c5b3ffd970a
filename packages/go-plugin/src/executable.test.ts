import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, copyFile, mkdir, mkdtemp, readFile, readdir, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { FileTrust } from '@coffer/base';
import { type Executable, startVerified } from './executable.ts';

describe('what a plugin is started from', () => {
  let base = '';
  let file = '';
  let scratch = '';
  beforeEach(async () => {
    base = await realpath(await mkdtemp(join(tmpdir(), 'coffer-executable-')));
    await mkdir(join(base, 'plugins'), { mode: 0o755 });
    file = join(base, 'plugins', 'plugin');
    scratch = join(base, 'scratch');
    await mkdir(scratch, { mode: 0o700 });
  });
  afterEach(() => rm(base, { recursive: true }));

  const run = ({ file: program, leading, argv0 }: Executable, ...args: string[]): string => {
    const done = spawnSync(program, [...leading, ...args], { encoding: 'utf8', ...(argv0 !== undefined && { argv0 }) });
    if (done.error !== undefined) throw done.error;
    return done.stdout;
  };

  async function start<T>(work: (executable: Executable) => T, trust?: FileTrust): Promise<T> {
    const sha256 = createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
    return startVerified({ file, sha256, trust, scratch }, work);
  }

  const notStarted = (): never => assert.fail('it is started');

  const script = (text: string) => writeFile(file, text, { mode: 0o755 });

  it('is the program that was hashed, although another one has its name by now', async () => {
    await copyFile('/bin/echo', file);
    await copyFile('/bin/false', join(base, 'other'));
    const said = await start((executable) => {
      renameSync(join(base, 'other'), file);
      return run(executable, 'hashed');
    });
    assert.equal(said, 'hashed\n');
  });

  it('is the script that was hashed, although it has other lines by now', async () => {
    await script('#!/bin/sh\necho hashed "$1"\n');
    const said = await start((executable) => {
      writeFileSync(file, '#!/bin/sh\necho other\n');
      return run(executable, 'script');
    });
    assert.equal(said, 'hashed script\n');
  });

  it('is a script under its own name, with the options of its first line', async () => {
    file += '.mjs';
    await script(
      `#!/usr/bin/env -S ${process.execPath} --no-warnings\nconsole.log(import.meta.filename.split('/').at(-1))\n`,
    );
    assert.equal(await start((executable) => run(executable)), 'plugin.mjs\n');
    assert.deepEqual(await readdir(scratch), ['plugin.mjs']);
  });

  it('is nothing with another checksum', async () => {
    await script('#!/bin/sh\n');
    const wrong = { file, sha256: '00'.repeat(32), trust: undefined, scratch };
    await assert.rejects(startVerified(wrong, notStarted), { code: 'failed', message: 'checksums did not match' });
    await copyFile('/bin/echo', file);
    await rm(join(scratch, 'plugin'));
    await assert.rejects(startVerified(wrong, notStarted), { code: 'failed', message: 'checksums did not match' });
  });

  it('is nothing that others can write, nor in a directory that they can', async () => {
    await script('#!/bin/sh\n');
    await chmod(file, 0o775);
    await assert.rejects(start(notStarted), {
      code: 'failed',
      message: /plugins\/plugin" has insecure permissions 0775/,
    });
    await chmod(file, 0o755);
    await chmod(join(base, 'plugins'), 0o777);
    await assert.rejects(start(notStarted), { code: 'failed', message: /plugins" has insecure permissions 0777/ });
    await chmod(join(base, 'plugins'), 0o750);
    await chmod(file, 0o750);
    await start(() => undefined, { permissions: 0o750 });
    await assert.rejects(start(notStarted, { permissions: 0o700 }), /has permissions 0750, not 0700/);
  });

  it('is a file that may be executed, and no link that came after the look at it', async () => {
    await script('#!/bin/sh\n');
    await chmod(file, 0o644);
    await assert.rejects(start(notStarted), /is not executable: use "chmod \+x"/);
    await rm(file);
    await symlink('/bin/echo', file);
    await assert.rejects(start(notStarted), { code: 'failed' });
    await rm(file);
    spawnSync('mkfifo', [file]);
    const pipe = { file, sha256: '', trust: undefined, scratch };
    await assert.rejects(startVerified(pipe, notStarted), /is not a file/);
  });
});
