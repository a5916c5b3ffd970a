import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { isCofferError } from '@coffer/base';
import { resolveCommand, verifyChecksum } from './command.ts';

describe('a plugin command', () => {
  let base = '';
  let directory = '';
  before(async () => {
    base = await realpath(await mkdtemp(join(tmpdir(), 'coffer-command-')));
    directory = join(base, 'plugins');
    await mkdir(join(directory, 'sub'), { recursive: true });
    await writeFile(join(directory, 'real'), 'content');
    await writeFile(join(directory, 'sub', 'deep'), 'content');
    await writeFile(join(base, 'outside'), 'content');
    await symlink(join(base, 'outside'), join(directory, 'link-out'));
    await symlink('real', join(directory, 'link-in'));
    await symlink(directory, join(base, 'plugins-link'));
  });
  after(() => rm(base, { recursive: true }));

  it('is a file of the directory, or a link to one', async () => {
    assert.equal(await resolveCommand(directory, 'real'), join(directory, 'real'));
    assert.equal(await resolveCommand(directory, 'link-in'), join(directory, 'real'));
    assert.equal(await resolveCommand(join(base, 'plugins-link'), 'real'), join(directory, 'real'));
  });
  it('is never one outside the directory', async () => {
    for (const command of [
      'link-out',
      '../outside',
      join(directory, 'real'),
      'sub/deep',
      './real',
      'sub/../real',
      '.',
      '..',
    ]) {
      await assert.rejects(
        resolveCommand(directory, command),
        (e) =>
          isCofferError(e, 'failed') && e.message === 'cannot execute files outside of configured plugin directory',
        command,
      );
    }
  });
  it('must exist', async () => {
    await assert.rejects(resolveCommand(directory, 'none'), /error while validating the command path: ENOENT/);
  });
  it('has the checksum it was registered with', async () => {
    const sum = createHash('sha256').update('content').digest('hex');
    await verifyChecksum(join(directory, 'real'), sum);
    await verifyChecksum(join(directory, 'real'), sum.toUpperCase());
    for (const wrong of [sum.replace(/^../, sum.startsWith('00') ? '01' : '00'), '', sum.slice(2), 'no hex']) {
      await assert.rejects(
        verifyChecksum(join(directory, 'real'), wrong),
        (e) => isCofferError(e, 'failed') && e.message === 'checksums did not match',
        wrong,
      );
    }
  });
});
