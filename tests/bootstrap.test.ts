/** scripts/bootstrap.mjs, which `npm start` and the others begin with, where the Node.js that npm has installed cannot run. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { it } from 'node:test';

const SCRIPT = resolve(import.meta.dirname, '..', 'scripts/bootstrap.mjs');

it('says in one line that a Node.js for glibc does not start without it', async () => {
  const root = await mkdtemp(join(tmpdir(), 'coffer-bootstrap-'));
  try {
    const put = async (file: string, content: string): Promise<void> => {
      await mkdir(dirname(join(root, file)), { recursive: true });
      await writeFile(join(root, file), content, { mode: 0o755 });
    };
    await put('package-lock.json', '{}');
    await put('node_modules/.coffer-lock-sha256', createHash('sha256').update('{}').digest('hex'));
    // Where the interpreter of a script is missing, the kernel says the same as of a missing loader.
    await put(`node_modules/node24-${process.platform}-${process.arch}/bin/node`, '#!/lib64/no-such-loader\n');
    await cp(SCRIPT, join(root, 'scripts/bootstrap.mjs'));
    const { status, stderr } = spawnSync(process.execPath, [join(root, 'scripts/bootstrap.mjs'), 'scripts/start.ts'], {
      encoding: 'utf8',
    });
    assert.equal(status, 1);
    assert.match(stderr, /^The Node\.js of node_modules cannot be started \(.*ENOENT\): it needs glibc, .*\n$/);
  } finally {
    await rm(root, { recursive: true });
  }
});
