/** Runs the commands of a documentation page as its reader does: in bash, with `vault` for the built `coffer`. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { cleanEnvironment, COFFER, ended } from './coffer-process.ts';

const ROOT = resolve(import.meta.dirname, '..');

/** Resolves with what was printed. Fails the test when a command fails, with everything it said. */
export async function vaultShell(
  script: string,
  server: { readonly address: string; readonly token?: string; readonly env?: Readonly<Record<string, string>> },
): Promise<string> {
  const { address, token = 'root', env = {} } = server;
  const child = spawn('bash', ['-c', `set -eu\nvault() { "${COFFER}" "$@"; }\n${script}`], {
    cwd: ROOT,
    env: cleanEnvironment({ VAULT_ADDR: address, VAULT_TOKEN: token, ...env }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, exit] = await Promise.all([text(child.stdout), text(child.stderr), ended(child)]);
  assert.equal(exit, 0, `${script}\n${stderr}\n${stdout}`);
  return stdout;
}
