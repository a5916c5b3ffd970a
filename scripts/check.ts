/** Types, lint and format, side by side. Prints what each found; exits 1 when any found something. */
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');

interface Check {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
}

const node = process.execPath;
const CHECKS: readonly Check[] = [
  { name: 'types and lint', command: [node, 'scripts/check/types-and-lint.ts'] },
  { name: 'format', command: [node, 'node_modules/@biomejs/biome/bin/biome', 'format', '.'] },
];

function run({ name, command: [file, ...args] }: Check): Promise<boolean> {
  return new Promise((done) => {
    const child = spawn(file, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.on('error', (error) => (output += error.message));
    child.on('close', (code) => {
      console.log(code === 0 ? `check: ${name} ok` : `check: ${name} FAILED\n${output}`);
      done(code === 0);
    });
  });
}

const results = await Promise.all(CHECKS.map(run));
process.exitCode = results.every(Boolean) ? 0 : 1;
