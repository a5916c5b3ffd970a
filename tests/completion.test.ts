/** Completion as the built program gives it: installed into a home, and asked by a real bash. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmod, chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { cleanEnvironment, COFFER, coffer, ended } from './coffer-process.ts';

/** What bash does for a tabulator: it looks up the program's line and runs its command with the line typed so far. */
const ASK = `
set -eu
. "$HOME/.bashrc"
eval "words=($(complete -p coffer))"
test "\${words[1]}" = -C && test "\${words[3]}" = coffer
COMP_LINE="$1" COMP_POINT="\${#1}" eval "\${words[2]} coffer last previous"
`;

async function bash(home: string, line: string): Promise<string> {
  const env = cleanEnvironment({ HOME: home, VAULT_ADDR: 'http://127.0.0.1:1' });
  const child = spawn('bash', ['--norc', '-c', ASK, 'bash', line], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr, exit] = await Promise.all([text(child.stdout), text(child.stderr), ended(child)]);
  assert.equal(exit, 0, stderr);
  return stdout;
}

describe('completion', () => {
  let home: string;

  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'coffer completion '));
  });
  after(() => rm(home, { recursive: true }));

  it('is what bash gets from the line that was installed', async () => {
    await writeFile(join(home, '.bashrc'), 'export MINE=1');
    assert.equal((await coffer(['-autocomplete-install'], { env: { HOME: home } })).exit, 0);
    assert.equal(await readFile(join(home, '.bashrc'), 'utf8'), `export MINE=1\ncomplete -C ${COFFER} coffer\n`);
    assert.equal(await bash(home, 'coffer lease re'), 'renew\nrevoke\n');
    assert.equal(await bash(home, 'coffer operator val'), 'validate\nvalidate-config\n');
    assert.equal(await bash(home, 'coffer server -dev-root'), '-dev-root-token-id\n');
    assert.equal((await coffer(['-autocomplete-uninstall'], { env: { HOME: home } })).exit, 0);
    assert.equal(await readFile(join(home, '.bashrc'), 'utf8'), 'export MINE=1');
  });

  it('is refused by a file that cannot be written, with the line to add', async () => {
    const file = join(home, '.bashrc');
    await writeFile(file, 'mine\n');
    await chmod(file, 0o444);
    // Root may write anything: somebody else tries then.
    const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
    if (nobody.uid !== undefined) await chown(home, nobody.uid, nobody.gid);
    const child = spawn(COFFER, ['-autocomplete-install'], {
      cwd: '/',
      env: cleanEnvironment({ HOME: home }),
      ...nobody,
    });
    const [stdout, stderr, exit] = await Promise.all([text(child.stdout), text(child.stderr), ended(child)]);
    assert.deepEqual([exit, stdout], [1, '']);
    assert.equal(
      stderr,
      `Error changing ${file}: permission denied. To add it yourself:\n\ncomplete -C ${COFFER} coffer\n\n`,
    );
    assert.equal(await readFile(file, 'utf8'), 'mine\n');
  });
});
