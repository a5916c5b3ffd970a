/** The built files, as they are shipped. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { VERSION } from '@coffer/base';
import { type CommandResult, cleanEnvironment, DIST, ended } from './coffer-process.ts';

async function run(
  file: string,
  args: readonly string[],
  env: Record<string, string>,
  cwd: string,
): Promise<CommandResult> {
  const child = spawn(file, args, { cwd, env: cleanEnvironment(env), stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr, exit] = await Promise.all([text(child.stdout), text(child.stderr), ended(child)]);
  return { exit, stdout, stderr };
}

describe('the built executables', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'coffer-alone-'));
    for (const name of ['coffer', 'ysql-plugin']) await copyFile(join(DIST, name), join(directory, name));
    await writeFile(join(directory, '.env'), 'VAULT_ADDR=http://from-dotenv.invalid\nNODE_OPTIONS=--nonsense\n');
    await writeFile(join(directory, 'preload.cjs'), 'console.log("preloaded")');
  });
  after(() => rm(directory, { recursive: true }));

  it('run alone in any directory and say their version', async () => {
    const coffer = await run(join(directory, 'coffer'), ['version'], {}, directory);
    assert.deepEqual(coffer, { exit: 0, stdout: `Coffer ${VERSION}\n`, stderr: '' });
    const plugin = await run(join(directory, 'ysql-plugin'), ['-version'], {}, directory);
    assert.deepEqual(plugin, { exit: 0, stdout: `ysql-plugin v${VERSION}\n`, stderr: '' });
  });

  it('ignore NODE_OPTIONS and .env', async () => {
    for (const options of ['--nonsense', `--require ${join(directory, 'preload.cjs')}`]) {
      const { exit, stdout, stderr } = await run(
        join(directory, 'coffer'),
        ['version'],
        { NODE_OPTIONS: options },
        directory,
      );
      assert.deepEqual({ exit, stdout, stderr }, { exit: 0, stdout: `Coffer ${VERSION}\n`, stderr: '' });
    }
    const status = await run(join(directory, 'coffer'), ['status', '-address=http://127.0.0.1:1'], {}, directory);
    assert.match(status.stderr, /127\.0\.0\.1:1/);
  });

  it('the plugin run by hand explains itself', async () => {
    const { exit, stdout, stderr } = await run(join(directory, 'ysql-plugin'), [], {}, directory);
    assert.equal(exit, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /This binary is a plugin/);
  });

  it('the script form works under Node.js', async () => {
    const { exit, stdout } = await run(process.execPath, [join(DIST, 'ysql-plugin.cjs'), '-version'], {}, directory);
    assert.deepEqual({ exit, stdout }, { exit: 0, stdout: `ysql-plugin v${VERSION}\n` });
  });
});
