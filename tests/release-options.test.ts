/** What `npm run release` refuses, and what it never takes with it. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { deploySamples } from '../scripts/release/archive.ts';
import { prepareOutput, replaceRelease } from '../scripts/release/output.ts';
import { uncommitted } from '../scripts/release/uncommitted.ts';

const ROOT = resolve(import.meta.dirname, '..');
const run = promisify(execFile);

describe('npm run release', () => {
  let directory = '';
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'coffer-release-options-'));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  const refusal = (args: readonly string[], cwd: string): { readonly code?: number; readonly stderr: string } => {
    const { status, stderr } = spawnSync(process.execPath, [join(ROOT, 'scripts/release.ts'), ...args], {
      cwd,
      encoding: 'utf8',
    });
    return { ...(status !== null && { code: status }), stderr };
  };

  for (const [args, words] of [
    [['--into='], /^--into names no directory\nusage: npm run release /],
    [['--processor=sparc'], /^--processor is one of x64, arm64\nusage: /],
    [['--version=0.2.0'], /^Unknown option '--version'.*\nusage: /],
    [['0.2.0'], /^Unexpected argument '0\.2\.0'.*\nusage: /],
  ] as const) {
    it(`refuses ${args.join(' ')} in a line, and touches nothing`, async () => {
      const here = await mkdtemp(join(directory, 'here-'));
      await writeFile(join(here, 'precious'), 'work');
      const { code, stderr } = refusal(args, here);
      assert.equal(code, 1);
      assert.match(stderr, words);
      assert.doesNotMatch(stderr, /^ {4}at /m);
      assert.deepEqual(await readdir(here), ['precious']);
    });
  }

  it('refuses a directory that has anything but a release in it, and leaves all of it there', async () => {
    const home = await mkdtemp(join(directory, 'home-'));
    for (const name of ['SHA256SUMS', 'coffer-0.1.0.tgz', 'coffer-notes.txt']) await writeFile(join(home, name), name);
    const { code, stderr } = refusal([`--into=${home}`], directory);
    assert.equal(code, 1);
    assert.match(stderr, /has files that are not a release's, such as coffer-notes\.txt/);
    assert.equal((await readdir(home)).length, 3);
  });

  it('puts a release in place of one of another version, and of what one left that was ended', async () => {
    const into = join(directory, 'releases');
    await prepareOutput(into);
    await mkdir(join(into, '.release-left/made'), { recursive: true });
    const old = [
      'SHA256SUMS',
      'coffer-0.0.9.tgz',
      'ysql-plugin_0.0.9_linux_amd64.zip',
      'coffer_0.0.9_linux_arm64.spdx.json',
    ];
    for (const name of old) await writeFile(join(into, name), 'old');
    await prepareOutput(into);
    const made = join(into, '.release-now/made');
    await mkdir(made, { recursive: true });
    for (const name of ['SHA256SUMS', 'coffer-0.1.0.tgz']) await writeFile(join(made, name), 'new');
    await replaceRelease(into, made);
    assert.deepEqual((await readdir(into)).sort(), ['.release-now', 'SHA256SUMS', 'coffer-0.1.0.tgz']);
    assert.equal(await readFile(join(into, 'SHA256SUMS'), 'utf8'), 'new');
  });

  it('takes no key with it that somebody has made beside the samples', async () => {
    const home = join(directory, 'tree');
    await cp(join(ROOT, 'deploy'), join(home, 'deploy'), { recursive: true });
    const key = randomBytes(32).toString('hex');
    await mkdir(join(home, 'deploy/compose/tls'), { recursive: true });
    for (const file of ['unseal.key', 'tls/node1.key', 'coffer'])
      await writeFile(join(home, 'deploy/compose', file), key);
    const samples = await deploySamples(home);
    for (const [name, bytes] of samples) assert.ok(!bytes.toString().includes(key), name);
    assert.ok(samples.has('deploy/compose/compose.yaml'));
  });

  it('takes every sample with it', async (t) => {
    const { stdout } = await run('git', ['ls-files', 'deploy'], { cwd: ROOT }).catch(() => ({ stdout: '' }));
    if (stdout === '') return t.skip('no Git here');
    assert.deepEqual([...(await deploySamples()).keys()].sort(), stdout.trim().split('\n').sort());
  });

  it('says what of the tree is not committed', async (t) => {
    const tree = await mkdtemp(join(directory, 'git-'));
    if (spawnSync('git', ['init', '--quiet', tree]).status !== 0) return t.skip('no Git here');
    assert.deepEqual(await uncommitted(tree), []);
    await writeFile(join(tree, 'draft.md'), 'draft');
    assert.deepEqual(await uncommitted(tree), ['?? draft.md']);
    assert.deepEqual(await uncommitted(directory), []);
  });
});
