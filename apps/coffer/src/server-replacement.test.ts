import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

describe('a process that replaces itself', { skip: process.platform === 'win32' }, () => {
  let directory = '';
  before(async () => (directory = await mkdtemp(join(tmpdir(), 'coffer-replacement-'))));
  after(() => rm(directory, { recursive: true }));

  async function run(before: string): Promise<{ readonly lines: readonly string[]; readonly signal: string | null }> {
    const file = join(directory, 'program.ts');
    const module = JSON.stringify(join(import.meta.dirname, 'server-replacement.ts'));
    await writeFile(
      file,
      `import { replacedListeners, replaceProcess } from ${module};
       import { writeSync } from 'node:fs';
       const say = (what) => writeSync(1, JSON.stringify(what) + '\\n');
       const replaced = replacedListeners(process.env);
       if (replaced !== undefined) {
         say({ replaced, pid: process.pid, left: process.env.COFFER_SEALED_LISTENERS, args: process.argv.slice(2), node: process.execArgv });
       } else {
         say(process.pid);
         process.on('exit', () => say('told of the end'));
         ${before}
         try { replaceProcess([{ host: '127.0.0.1', port: 8200 }], process.env); } catch (error) { say(error.message); }
       }`,
    );
    const done = spawnSync(process.execPath, ['--max-old-space-size=64', file, 'server', '-config=x y'], {
      encoding: 'utf8',
    });
    return { lines: done.stdout.trim().split('\n'), signal: done.signal };
  }

  it('keeps its id, arguments and options, and first tells those who end with it', async () => {
    const { lines } = await run('');
    const [pid = '', told, next = ''] = lines;
    assert.equal(told, '"told of the end"');
    assert.deepEqual(JSON.parse(next), {
      replaced: [{ host: '127.0.0.1', port: 8200 }],
      pid: JSON.parse(pid) as number,
      args: ['server', '-config=x y'],
      node: ['--max-old-space-size=64'],
    });
  });

  it('ends in order, without a core dump, when its program is gone', async () => {
    const { lines, signal } = await run(`process.execPath = '/nowhere/coffer';`);
    assert.match(lines[1] ?? '', /failed to restart the sealed process, so it exits: ENOENT/);
    assert.equal(signal, null);
  });
});
