import assert from 'node:assert/strict';
import { chmod, lstat, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { runCli } from '../cli-fixture.ts';
import { ZSH_EMULATION } from './shells.ts';

const EXTRA = { program: 'coffer', command: ['/opt/coffer/coffer'] };
const BASH = 'complete -C /opt/coffer/coffer coffer';
const ZSH =
  '(( $+functions[compdef] )) || { autoload -U compinit && compinit -i }; complete -o nospace -C /opt/coffer/coffer coffer';

describe('-autocomplete-install', () => {
  let root: string;
  let home: string;
  let count = 0;

  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'coffer-install-'));
  });
  after(() => rm(root, { recursive: true }));
  beforeEach(async () => {
    home = join(root, String(count++));
    await mkdir(home);
  });

  const run = (kind: 'install' | 'uninstall', extra = EXTRA) =>
    runCli([`-autocomplete-${kind}`], { env: { HOME: home }, extra });
  const at = (name: string) => join(home, name);
  const text = (name: string) => readFile(at(name), 'utf8');

  it('writes into the file that bash reads, and takes it out again to the byte', async () => {
    for (const content of ['', 'a\n', 'last line without an end', '\n\n', 'complete -C /bin/vault vault\n']) {
      await writeFile(at('.bashrc'), content);
      assert.deepEqual(await run('install'), {
        exitCode: 0,
        stdout: `Success! Installed completion for bash in ${at('.bashrc')}\nStart a new shell to use it.\n`,
        stderr: '',
      });
      assert.equal(await text('.bashrc'), `${content}\n${BASH}\n`);
      const again = `Completion is already installed in ${at('.bashrc')}\n`;
      assert.deepEqual(await run('install'), { exitCode: 1, stdout: '', stderr: again });
      assert.equal((await run('uninstall')).exitCode, 0);
      assert.equal(await text('.bashrc'), content);
    }
    const nothing = `Completion is not installed in ${at('.bashrc')}\n`;
    assert.deepEqual(await run('uninstall'), { exitCode: 1, stdout: '', stderr: nothing });
  });

  it('leaves what was written behind it', async () => {
    await writeFile(at('.bashrc'), 'before');
    await run('install');
    await writeFile(at('.bashrc'), `${await text('.bashrc')}behind\n`);
    await run('uninstall');
    assert.equal(await text('.bashrc'), 'before\nbehind\n');
  });

  it('replaces the line of the same program in another place', async () => {
    await writeFile(at('.profile'), 'a\n');
    await run('install', { ...EXTRA, command: ["/opt/it's here/node", '/x/main.ts'] });
    const line = String.raw`complete -C ''\''/opt/it'\''\'\'''\''s here/node'\'' /x/main.ts' coffer`;
    assert.equal(await text('.profile'), `a\n\n${line}\n`);
    assert.equal((await run('install')).exitCode, 0);
    assert.equal(await text('.profile'), `a\n\n${BASH}\n`);
  });

  it('gives zsh the emulation once, and takes it out unless somebody else needs it', async () => {
    await writeFile(at('.zshrc'), 'a\n');
    await run('install');
    assert.equal(await text('.zshrc'), `a\n\n${ZSH_EMULATION}\n${ZSH}\n`);
    await run('uninstall');
    assert.equal(await text('.zshrc'), 'a\n');
    await run('install');
    await writeFile(at('.zshrc'), `${await text('.zshrc')}complete -o nospace -C /bin/vault vault\n`);
    await run('uninstall');
    const others = `a\n\n${ZSH_EMULATION}\ncomplete -o nospace -C /bin/vault vault\n`;
    assert.equal(await text('.zshrc'), others);
    await run('install');
    assert.equal(await text('.zshrc'), `${others}\n${ZSH}\n`);
    await run('uninstall');
    assert.equal(await text('.zshrc'), others);
  });

  it('finds the file of a zsh that is told to look elsewhere', async () => {
    await mkdir(at('zsh'));
    await writeFile(at('zsh/.zshrc'), '');
    const ran = await runCli(['-autocomplete-install'], { env: { HOME: home, ZDOTDIR: at('zsh') }, extra: EXTRA });
    assert.match(ran.stdout, /^Success! Installed completion for zsh in .*\/zsh\/\.zshrc\n/);
    assert.equal(await text('zsh/.zshrc'), `\n${ZSH_EMULATION}\n${ZSH}\n`);
  });

  it('writes a file of its own for fish, and no other', async () => {
    await mkdir(at('.config/fish'), { recursive: true });
    assert.equal((await run('install')).exitCode, 0);
    const script = await text('.config/fish/completions/coffer.fish');
    assert.match(script, /^ {4}set -lx COMP_LINE \(commandline -cp\)$/m);
    assert.match(script, /^ {4}\/opt\/coffer\/coffer$/m);
    assert.match(script, /^complete -f -c coffer -a "\(__complete_coffer\)"$/m);
    assert.equal((await run('install')).exitCode, 1);
    assert.equal((await run('uninstall')).exitCode, 0);
    await assert.rejects(stat(at('.config/fish/completions/coffer.fish')), { code: 'ENOENT' });
    await writeFile(at('.config/fish/completions/coffer.fish'), '# mine\n');
    for (const kind of ['install', 'uninstall'] as const) {
      assert.match((await run(kind)).stderr, /coffer\.fish was not written by Coffer, so it is left as it is\n$/);
      assert.equal(await text('.config/fish/completions/coffer.fish'), '# mine\n');
    }
  });

  it('does what it can with several shells, and ends with 1 when one of them has it already', async () => {
    await writeFile(at('.bashrc'), '');
    await run('install');
    await writeFile(at('.zshrc'), '');
    const { exitCode, stdout, stderr } = await run('install');
    assert.equal(exitCode, 1);
    assert.match(stdout, /^Success! Installed completion for zsh/);
    assert.match(stderr, /already installed in .*\.bashrc\n$/);
  });

  it('keeps links and modes', async () => {
    await writeFile(at('dotfile'), 'a\n');
    await chmod(at('dotfile'), 0o600);
    await symlink('dotfile', at('.bashrc'));
    await run('install');
    await run('uninstall');
    assert.ok((await lstat(at('.bashrc'))).isSymbolicLink());
    assert.equal((await stat(at('dotfile'))).mode & 0o777, 0o600);
    assert.equal(await text('dotfile'), 'a\n');
  });

  it('says what to do where nothing can be written', async () => {
    const none = await run('install');
    assert.equal(none.exitCode, 1);
    assert.match(
      none.stderr,
      /^No shell has a file for completion in .*: there is no \.bashrc, .* Create the one that your shell reads/,
    );
    await mkdir(at('.bashrc'));
    assert.deepEqual(await run('install'), {
      exitCode: 1,
      stdout: '',
      stderr: `Error changing ${at('.bashrc')}: is a directory. To add it yourself:\n\n${BASH}\n\n`,
    });
  });

  it('is one of two flags, and only before a command', async () => {
    await writeFile(at('.bashrc'), '');
    const env = { HOME: home };
    const both = await runCli(['-autocomplete-install', '-autocomplete-uninstall'], { env, extra: EXTRA });
    assert.deepEqual(both, {
      exitCode: 1,
      stdout: '',
      stderr: 'Either the autocomplete install or uninstall flag may be specified, but not both.\n',
    });
    assert.match((await runCli(['-h', '-autocomplete-install'], { env, extra: EXTRA })).stdout, /^Usage: /);
    assert.match(
      (await runCli(['read', '-autocomplete-install', 'x'], { env, extra: EXTRA })).stderr,
      /^flag provided but/,
    );
    assert.match((await runCli(['-autocomplete-install'], { env })).stderr, /^Cannot determine the command/);
    assert.equal(await text('.bashrc'), '');
  });
});
