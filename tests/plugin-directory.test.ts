/** What `coffer server -dev -dev-plugin-dir` makes of the files of a directory. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFile, link, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { COFFER, ended, type ServerProcess, startServer } from './coffer-process.ts';
import { putPlugin } from './plugin-file.ts';

/** In the command line of what the script that hangs waits for. */
const MARK = `86400.${process.pid}`;

/** In the command line of what a script leaves behind, in a session of its own and with the script's output. */
const LEFT_BEHIND = `86401.${process.pid}`;

/** A program that is a plugin to look at, for a processor that is not this one (elf(5): e_machine). */
async function ofAnotherProcessor(): Promise<Buffer> {
  const program = Buffer.concat([await readFile('/bin/true'), Buffer.from('VAULT_DATABASE_PLUGIN')]);
  program.writeUInt16LE(0xf3, 18);
  return program;
}

/** Why each file is left out. */
const LEFT_OUT: Readonly<Record<string, RegExp>> = {
  'a-text': /neither a program nor a script that starts with #!/,
  'a-script': /Unrecognized remote plugin message: rubbish"$/,
  'of people': /use letters, digits, .*"$/,
  foreign: /"a program for another processor or operating system"$/,
  'leaves-one': /exit 0\)"$/,
  elsewhere: /exit 127\): (\/usr\/bin\/)?env: .*no-such-interpreter.*No such file/,
  'too-old': /exit 1\): too-old needs Node\.js 99 or newer"$/,
  ends: /plugin exited before we could connect \(exit 3\)"$/,
  hangs: /timeout while waiting for plugin to start/,
  true: /not a database plugin: it does not contain VAULT_DATABASE_PLUGIN/,
  server: /the server's own executable/,
  'server-copy': /the server's own executable/,
  'not-yet': /not executable: use \\"chmod \+x\\"/,
  nowhere: /cannot execute files outside of configured plugin directory/,
};

async function processesWith(mark: string): Promise<string[]> {
  const ps = spawn('ps', ['-eo', 'pid,args']);
  const [output] = await Promise.all([text(ps.stdout), ended(ps)]);
  return output.split('\n').filter((line) => line.includes(mark));
}

describe('-dev-plugin-dir', () => {
  let directory: string;
  let server: ServerProcess;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'coffer-plugin-dir-'));
    const put = (name: string, content: string, mode = 0o755) => writeFile(join(directory, name), content, { mode });
    await putPlugin(directory);
    await put('wrapper', `#!/bin/sh\nexec "${join(directory, 'ysql-plugin')}" "$@"\n`);
    await put('a-text', 'merry\n');
    await put('a-script', '#!/bin/sh\necho "rubbish"\necho "[ERROR] rubbish" >&2\n');
    await put('ends', '#!/bin/sh\necho "panic: no" >&2\nexit 3\n');
    await put('elsewhere', '#!/usr/bin/env no-such-interpreter\n');
    await put('too-old', '#!/bin/sh\necho "too-old needs Node.js 99 or newer" >&2\nexit 1\n');
    await writeFile(join(directory, 'foreign'), await ofAnotherProcessor(), { mode: 0o755 });
    await put('leaves-one', `#!/bin/sh\nsetsid sleep ${LEFT_BEHIND} &\nexit 0\n`);
    await put('of people', '#!/bin/sh\necho started >&2\nexit 4\n');
    await put('hangs', `#!/bin/sh\nsleep ${MARK}\nexit 0\n`);
    await put('not-yet', '#!/bin/sh\n# VAULT_DATABASE_PLUGIN\n', 0o644);
    await put('README', 'for people\n', 0o644);
    await mkdir(join(directory, 'folder'), { mode: 0o755 });
    await put('folder/script', '#!/bin/sh\n');
    await symlink('folder/script', join(directory, 'nowhere'));
    await copyFile('/bin/true', join(directory, 'true'));
    await copyFile(COFFER, join(directory, 'server-copy'));
    await link(COFFER, join(directory, 'server')).catch(() => copyFile(COFFER, join(directory, 'server')));
    server = await startServer([`-dev-plugin-dir=${directory}`]);
  });
  after(async () => {
    await rm(directory, { recursive: true });
  });

  const lines = (): string[] =>
    server
      .output()
      .split('\n')
      .filter((line) => line.includes('not registered in the catalog'));

  it('registers the plugins, a script that starts one among them', async () => {
    for (const name of ['wrapper', 'ysql-plugin']) {
      const { stdout } = await server.run(['read', '-field=command', `sys/plugins/catalog/database/${name}`]);
      assert.equal(stdout, `${name}\n`.trimEnd());
      assert.ok(server.output().includes(`plugin: registered in the catalog: name=${name} file=${directory}/${name}`));
    }
    assert.match(server.output(), /registered in the catalog:\n +- wrapper\n +- ysql-plugin\n\n/);
  });

  for (const [name, reason] of Object.entries(LEFT_OUT)) {
    it(`says in one calm line why ${name} is left out`, () => {
      const about = lines().filter((line) => /file="?(.*?)"? reason=/.exec(line)?.[1] === `${directory}/${name}`);
      assert.equal(about.length, 1, server.output());
      assert.match(about[0] ?? '', /^\S+ \[INFO\] {2}plugin: not registered in the catalog: /);
      assert.match(about[0] ?? '', reason);
    });
  }

  it('says nothing else of them, and nothing alarming', () => {
    assert.equal(lines().length, Object.keys(LEFT_OUT).length);
    assert.doesNotMatch(server.output(), /\[(ERROR|WARN)\]|README|folder|panic/);
  });

  it('leaves nothing running', async () => {
    assert.deepEqual(await processesWith(MARK), []);
  });

  it('does not wait at its end for what a script has left behind', async () => {
    const left = (await processesWith(LEFT_BEHIND)).map((line) => Number.parseInt(line, 10));
    assert.equal(left.length, 1);
    try {
      assert.equal(await server.stop(), 0);
    } finally {
      for (const pid of left) process.kill(pid, 'SIGKILL');
    }
  });
});
