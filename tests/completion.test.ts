/** Completion as the built program gives it: installed into a home, and asked by a real bash, and by zsh and fish where they are. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { cleanEnvironment, COFFER, coffer, ended } from './coffer-process.ts';

/** What bash does for a tabulator: it looks up the program's line and runs its command with the line typed so far. */
const ASK = `
set -eu
. "$HOME/.bashrc"
eval "words=($(complete -p coffer))"
test "\${words[1]}" = -C && test "\${words[3]}" = coffer
COMP_LINE="$1" COMP_POINT="\${#1}" eval "\${words[2]} coffer last previous"
`;

/** A zsh at a terminal, which starts without a word, and then has keys pressed. What must appear is waited for. */
const PRESS = `
zmodload zsh/zpty
zpty terminal zsh -i
zpty -r terminal start '*ready>*'
[[ $start == *ready\\>* && $start != *'not found'* ]] || { print -r -- "$start"; exit 1 }
while (( $# )); do
  zpty -w -n terminal "$1"$'\\t'
  zpty -r terminal shown "*$2*" || exit 1
  zpty -w -n terminal $'\\C-u'
  shift 2
done
zpty -d terminal
`;

/** fish completes only what can be run. */
const PATH = `${dirname(COFFER)}:${process.env['PATH'] ?? ''}`;

/** Why a shell cannot be tested here. */
function without(shell: string): string | false {
  return spawnSync(shell, ['--version']).error === undefined ? false : `there is no ${shell} on this machine`;
}

function bash(home: string, line: string): Promise<string> {
  return shell(home, ['bash', '--norc', '-c', ASK, 'bash', line]);
}

async function shell(home: string, [program = '', ...args]: readonly string[]): Promise<string> {
  const env = cleanEnvironment({ HOME: home, VAULT_ADDR: 'http://127.0.0.1:1', TERM: 'dumb', PATH });
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 });
  const [stdout, stderr, exit] = await Promise.all([text(child.stdout), text(child.stderr), ended(child)]);
  assert.equal(exit, 0, `${stdout}${stderr}`);
  return stdout;
}

describe('completion', () => {
  let home: string;

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'coffer completion '));
  });
  afterEach(() => rm(home, { recursive: true }));

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

  it('is what zsh has, though its file starts nothing else', { skip: without('zsh') }, async () => {
    await writeFile(join(home, '.zshrc'), 'alias vault=coffer\n');
    assert.equal((await coffer(['-autocomplete-install'], { env: { HOME: home } })).exit, 0);
    await writeFile(join(home, '.zshrc'), `${await readFile(join(home, '.zshrc'), 'utf8')}PS1='ready>'\n`);
    const pressed = ['coffer lease loo', 'kup', 'coffer read -format=js', 'on', 'vault operator mem', 'bers'];
    await shell(home, ['zsh', '-f', '-c', PRESS, 'zsh', ...pressed]);
  });

  it('is what fish has, for an alias too', { skip: without('fish') }, async () => {
    await mkdir(join(home, '.config', 'fish'), { recursive: true });
    await coffer(['-autocomplete-install'], { env: { HOME: home } });
    const ask = 'alias vault=coffer; complete -C "coffer lease re"; complete -C "vault read -format=j"';
    assert.equal(await shell(home, ['fish', '-c', ask]), 'renew\nrevoke\n-format=json\n');
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
