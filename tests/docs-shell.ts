/** Runs the commands of a documentation page as its reader does: in bash, with `vault` for the built `coffer`. */
import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { TestDatabase } from '@coffer/testkit';
import { cleanEnvironment, COFFER, ended } from './coffer-process.ts';

interface ShellServer {
  readonly address: string;
  readonly token?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Where it is run. Default: in the repository, as its reader is. */
  readonly cwd?: string;
}

const ROOT = resolve(import.meta.dirname, '..');
const PRELUDE = `set -eu\nvault() { "${COFFER}" "$@"; }`;

/** Resolves with what was printed. Fails the test when a command fails, with everything it said. */
export async function vaultShell(script: string, server: ShellServer): Promise<string> {
  const child = spawn(
    'bash',
    [
      '-c',
      `${PRELUDE}
${script}`,
    ],
    {
      cwd: server.cwd ?? ROOT,
      env: environmentOf(server),
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const [stdout, stderr, exit] = await Promise.all([text(child.stdout), text(child.stderr), ended(child)]);
  assert.equal(exit, 0, `${script}\n${stderr}\n${stdout}`);
  return stdout;
}

function environmentOf({ address, token = 'root', env = {} }: ShellServer): Record<string, string> {
  return cleanEnvironment({ VAULT_ADDR: address, VAULT_TOKEN: token, ...env });
}

/** The same for pages that are read one after the other: what a block has set is there for the next one. */
export class PagesShell {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #ended: Promise<number>;
  #output = '';
  #errors = '';
  #blocks = 0;

  constructor(server: ShellServer) {
    this.#child = spawn('bash', [], {
      cwd: server.cwd ?? ROOT,
      env: environmentOf(server),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#ended = ended(this.#child);
    this.#child.stdout.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
    this.#child.stderr.on('data', (chunk: Buffer) => (this.#errors += chunk.toString()));
    this.#child.stdin.on('error', () => undefined);
    this.#child.stdin.write(`${PRELUDE}\n`);
  }

  /** Resolves with what the block printed. @throws AssertionError when one of its commands failed, with everything they said */
  async run(block: string): Promise<string> {
    const end = `@@ end of block ${++this.#blocks}\n`;
    [this.#output, this.#errors] = ['', ''];
    this.#child.stdin.write(`${block}\necho '${end.trim()}'\n`);
    while (!this.#output.endsWith(end)) {
      assert.equal(this.#child.exitCode, null, `${block}\n${this.#errors}\n${this.#output}`);
      await Promise.race([once(this.#child.stdout, 'data'), this.#ended]);
    }
    return this.#output.slice(0, -end.length);
  }

  async end(): Promise<void> {
    this.#child.stdin.end();
    await this.#ended;
  }
}

/**
 * A directory like the repository for who runs the commands, and like an archive's with the plugin in it, where the files that they
 * write are in nobody's way.
 */
export async function asInRepository(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'coffer-page-'));
  await symlink(join(ROOT, 'dist/ysql-plugin'), join(directory, 'ysql-plugin'));
  for (const name of ['dist', 'node_modules']) await symlink(join(ROOT, name), join(directory, name));
  return directory;
}

/** A page's code with this server and database in place of those that it speaks of. */
export function atPlaces(code: string, address: string, { host, port }: Pick<TestDatabase, 'host' | 'port'>): string {
  return code
    .replaceAll('http://127.0.0.1:8200', address)
    .replaceAll('127.0.0.1:5433', `${host}:${port}`)
    .replaceAll(/(host=|host="|host: ')127\.0\.0\.1/g, (_, before: string) => `${before}${host}`)
    .replaceAll('port=5433', `port=${port}`)
    .replaceAll('port: 5433', `port: ${port}`)
    .replaceAll('localhost:5433', `localhost:${port}`);
}
