import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { DATABASE_COOKIE } from '@coffer/engine-database';
import { examineCandidate } from './plugin-candidate.ts';

/** Of a program for this machine. */
const HEAD = readFileSync(process.execPath).subarray(0, 20);
const PIECE = 1024 * 1024;

describe('examineCandidate', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'coffer-candidate-'));
  });
  after(() => rm(directory, { recursive: true }));

  const examine = async (content: string | Uint8Array, mode = 0o755) => {
    const file = join(directory, 'file');
    await rm(file, { force: true });
    await writeFile(file, content, { mode });
    return examineCandidate(file);
  };
  /** A program of zeros that holds `text` at `offset`. */
  const program = (text: string, offset: number): Buffer => {
    const bytes = Buffer.alloc(2 * PIECE + 100);
    HEAD.copy(bytes);
    bytes.write(text, offset);
    return bytes;
  };

  it('finds the cookie wherever it is, and the checksum of the whole', async () => {
    for (const text of Object.values(DATABASE_COOKIE)) {
      const { length } = text;
      const offsets = [
        HEAD.length,
        PIECE - length,
        PIECE - length + 1,
        PIECE - 1,
        PIECE,
        2 * PIECE - 1,
        2 * PIECE + 100 - length,
      ];
      for (const offset of offsets) {
        const bytes = program(text, offset);
        const sha256 = createHash('sha256').update(bytes).digest('hex');
        assert.equal(await examine(bytes), sha256, `${text} at ${offset}`);
      }
    }
  });

  it('takes nothing for the cookie that is torn, or a part of it', async () => {
    const { value } = DATABASE_COOKIE;
    for (const bytes of [
      program(value.slice(1), PIECE - 5),
      program(`${value.slice(0, 9)} ${value.slice(9)}`, PIECE),
    ]) {
      await assert.rejects(examine(bytes), /does not contain VAULT_DATABASE_PLUGIN/);
    }
  });

  it('lets a script be tried that has none', async () => {
    const script = '#!/bin/sh\nexec elsewhere\n';
    assert.equal(await examine(script), createHash('sha256').update(script).digest('hex'));
  });

  it('says why something cannot be one, unless nobody means it to be run', async () => {
    await assert.rejects(examine('MERRY\n'), /neither a program nor a script/);
    await assert.rejects(examine(''), /neither a program nor a script/);
    await assert.rejects(examine(program(DATABASE_COOKIE.key, 9), 0o644), /use "chmod \+x"/);
    assert.equal(await examine('for people\n', 0o644), undefined);
    assert.equal(await examine('#!/bin/sh\n', 0o644), undefined);
  });

  it('knows the executable that it runs in, by another name as well', async () => {
    const file = join(directory, 'linked');
    await symlink(process.execPath, file);
    for (const each of [process.execPath, file]) await assert.rejects(examineCandidate(each), /own executable/);
  });
});
