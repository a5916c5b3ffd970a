/** `npm start -- --once`, as a user runs it. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { cleanEnvironment, ended } from './coffer-process.ts';

const root = resolve(import.meta.dirname, '..');

function start(options: { args?: readonly string[]; detached?: boolean }) {
  const { args = [], detached = false } = options;
  return spawn(process.execPath, ['scripts/start.ts', ...args], {
    cwd: root,
    detached,
    env: cleanEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function processesOf(marker: string): Promise<string> {
  const ps = spawn('ps', ['-eo', 'pid,args']);
  const [output] = await Promise.all([text(ps.stdout), ended(ps)]);
  return output
    .split('\n')
    .filter((line) => line.includes(marker) && !line.includes('ps -eo'))
    .join('\n');
}

describe('npm start', () => {
  it('-- --once shows a credential that works and then does not, with busy ports', async () => {
    const busy = [5433, 8200].map((port) =>
      createServer()
        .on('error', () => undefined)
        .listen(port, '127.0.0.1'),
    );
    try {
      const child = start({ args: ['--once'] });
      const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended(child)]);
      assert.equal(code, 0, `${stdout}\n${stderr}`);
      assert.match(stdout, /port 5433 is busy/);
      assert.match(stdout, /port 8200 is busy/);
      assert.match(stdout, /username {2}v-token-my-first-/);
      assert.match(stdout, /Logged in as v-token-my-first-/);
      assert.match(stdout, /The login is refused now: /);
    } finally {
      for (const server of busy) server.close();
    }
  });

  it("serves until a terminal's Ctrl-C, then revokes and leaves nothing running", async (test) => {
    // A process group of its own: a terminal sends SIGINT to every process of it.
    const child = start({ detached: true });
    let output = '';
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const ready = new Promise<void>((done, fail) => {
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        if (output.includes('Ctrl-C revokes')) done();
      });
      child.on('close', () => fail(new Error(output)));
    });
    test.after(() => child.kill('SIGKILL'));
    await ready;
    const [, address = ''] = /Serving at (http:\/\/[\d.]+:\d+)/.exec(output) ?? [];
    const health = await fetch(`${address}/v1/sys/health`);
    assert.equal(health.status, 200);
    process.kill(-(child.pid ?? 0), 'SIGINT');
    const code = await ended(child);
    assert.equal(code, 0, output);
    assert.doesNotMatch(output, /left behind/);
    const port = new URL(address).port;
    assert.equal(await processesOf(`127.0.0.1:${port}`), '');
    await assert.rejects(fetch(`${address}/v1/sys/health`));
  });
});
