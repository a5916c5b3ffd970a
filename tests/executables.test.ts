/** The built files, as they are shipped. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { VERSION } from '@coffer/base';
import { transform } from 'esbuild';
import { type CommandResult, cleanEnvironment, DIST, ended } from './coffer-process.ts';

/** A `node` before 22, of which npm has none for the machine that the tests run on. */
const OLD_NODE = process.env['OLD_NODE'] ?? '';

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

  it('the script form says under which Node.js it runs, in words that the oldest one reads', async () => {
    const script = await readFile(join(DIST, 'ysql-plugin.cjs'), 'utf8');
    // What is no comment is ES5: there is nothing in it that would have to be put in older words.
    const head = script
      .split('\n')
      .filter((line) => !/^(?:\/\/|#!)/.test(line))
      .join('\n');
    const [old, same] = await Promise.all(
      (['es5', 'esnext'] as const).map(async (target) => (await transform(head, { target })).code),
    );
    assert.equal(old, same);
    assert.ok(head.length < 1_000 && script.length > 100_000);
    const posing = join(directory, 'old.cjs');
    await writeFile(posing, `Object.defineProperty(process.versions, 'node', { value: '18.20.8' });`);
    const args = ['--require', posing, join(DIST, 'ysql-plugin.cjs'), '-version'];
    const { exit, stdout, stderr } = await run(process.execPath, args, {}, directory);
    assert.deepEqual({ exit, stdout }, { exit: 1, stdout: '' });
    assert.match(
      stderr,
      /^ysql-plugin\.cjs needs Node\.js 22 or newer, and this is v[\d.]+: install a newer one, or .*\n$/,
    );
  });

  it('the script form tells a real old Node.js', { skip: OLD_NODE === '' && 'OLD_NODE names none here' }, async () => {
    const { exit, stderr } = await run(OLD_NODE, [join(DIST, 'ysql-plugin.cjs')], {}, directory);
    assert.equal(exit, 1);
    assert.match(stderr, /^ysql-plugin\.cjs needs Node\.js 22 or newer, and this is v\d+[\d.]+: .*\n$/);
  });
});
