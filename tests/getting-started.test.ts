/** Runs every command of docs/getting-started.md, and compares what the page says they print. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { databaseUnderTest, type TestDatabase } from '@coffer/testkit';
import { COFFER, cleanEnvironment, DIST, ended, type ServerProcess, startServer } from './coffer-process.ts';
import { normalizeText } from './golden/normalize.ts';

const root = resolve(import.meta.dirname, '..');

interface Block {
  readonly kind: string;
  readonly text: string;
}

function blocks(page: string): Block[] {
  return [...page.matchAll(/^```(\S+(?: \S+)?)\n([\s\S]*?)^```$/gm)].map(([, kind = '', code = '']) => ({
    kind,
    text: code,
  }));
}

describe('docs/getting-started.md', () => {
  let database: TestDatabase;
  let server: ServerProcess;

  before(async () => {
    database = await databaseUnderTest();
    // The page's server command, on a free port.
    server = await startServer([`-dev-plugin-dir=${DIST}`]);
  });
  after(async () => {
    await server.stop();
    await database.stop();
  });

  const all = blocks(readFileSync(join(root, 'docs', 'getting-started.md'), 'utf8'));

  it('starts the server as this test does', () => {
    const [command] = all.filter(({ kind }) => kind === 'sh server');
    assert.equal(command?.text.trim(), 'vault server -dev -dev-root-token-id=root -dev-plugin-dir="$PWD/dist"');
  });

  it('prints what the page says', async () => {
    const commands = all.filter(({ kind, text: code }) => kind === 'sh' && !code.startsWith('npm run build'));
    const script = commands.map(({ text: code }, index) => `echo "@@ ${index}"\n${translate(code)}`).join('\n');
    const { stdout, stderr, code } = await shell(`set -eu\nvault() { "${COFFER}" "$@"; }\n${script}`);
    assert.equal(code, 0, `${stderr}\n${stdout}`);
    const printed = stdout.split(/^@@ \d+\n/m).slice(1);
    for (const [index, block] of commands.entries()) {
      const next = all[all.indexOf(block) + 1];
      if (next?.kind === 'text') assert.equal(normalizeText(printed[index] ?? ''), normalizeText(next.text));
    }
  });

  function translate(code: string): string {
    return code
      .replaceAll('http://127.0.0.1:8200', server.address)
      .replaceAll('port=5433', `port=${database.port}`)
      .replaceAll('localhost:5433', `localhost:${database.port}`);
  }

  async function shell(script: string): Promise<{ stdout: string; stderr: string; code: number }> {
    const child = spawn('bash', ['-c', script], {
      cwd: root,
      env: cleanEnvironment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended(child)]);
    return { stdout, stderr, code };
  }
});
