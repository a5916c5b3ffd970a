/** `scripts/bootstrap.mjs`, which installs before anything else can run. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { cleanEnvironment, ended } from './coffer-process.ts';

const BOOTSTRAP = resolve(import.meta.dirname, '..', 'scripts', 'bootstrap.mjs');

describe('the installation before the first start', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'coffer-bootstrap-'));
    await mkdir(join(directory, 'scripts'));
    await copyFile(BOOTSTRAP, join(directory, 'scripts', 'bootstrap.mjs'));
    await writeFile(join(directory, 'package-lock.json'), '{}');
  });
  afterEach(() => rm(directory, { recursive: true }));

  const signals: [NodeJS.Signals, number][] = [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ];
  for (const [signal, exit] of signals) {
    it(`ends at once at ${signal}, and says that nothing was started`, async () => {
      // As npm does, it goes on after a Ctrl-C.
      const npm = "#!/bin/sh\ntrap '' INT TERM HUP\nexec sleep 86402\n";
      await writeFile(join(directory, 'npm'), npm, { mode: 0o755 });
      const child = spawn(process.execPath, ['scripts/bootstrap.mjs', 'scripts/start.ts'], {
        cwd: directory,
        detached: true,
        env: cleanEnvironment({ PATH: `${directory}:${process.env['PATH'] ?? ''}` }),
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let output = '';
      child.stderr.on('data', (chunk: Buffer) => {
        if (output === '') process.kill(-(child.pid ?? 0), signal);
        output += chunk.toString();
      });
      assert.equal(await ended(child), exit, output);
      assert.match(output, /^Stopped before all was installed\. Nothing was started; /m);
    });
  }

  it('says in one line that a Node.js for glibc does not start without it', async () => {
    const put = async (file: string, content: string): Promise<void> => {
      await mkdir(dirname(join(directory, file)), { recursive: true });
      await writeFile(join(directory, file), content, { mode: 0o755 });
    };
    await put('node_modules/.coffer-lock-sha256', createHash('sha256').update('{}').digest('hex'));
    // Where the interpreter of a script is missing, the kernel says the same as of a missing loader.
    await put(`node_modules/node24-${process.platform}-${process.arch}/bin/node`, '#!/lib64/no-such-loader\n');
    const { status, stderr } = spawnSync(process.execPath, ['scripts/bootstrap.mjs', 'scripts/start.ts'], {
      cwd: directory,
      encoding: 'utf8',
    });
    assert.equal(status, 1);
    assert.match(stderr, /^The Node\.js of node_modules cannot be started \(.*ENOENT\): it needs glibc, .*\n$/);
  });
});
