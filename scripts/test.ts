/**
 * `npm test`: types, lint, format, the built files, then every test, against an embedded PostgreSQL or, with YSQL_URL,
 * a real YugabyteDB. Arguments are handed to the runner instead of all files: `npm test -- packages/hcl`.
 */
import { spawn } from 'node:child_process';
import { existsSync, globSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const PATTERNS = ['packages/**/*.test.ts', 'apps/**/*.test.ts', 'tests/**/*.test.ts'];

function node(...args: string[]): Promise<number> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: 'inherit' });
    child.on('error', fail);
    child.on('close', (code) => done(code ?? 1));
  });
}

function testFiles(given: readonly string[]): string[] {
  const all = globSync(PATTERNS, { cwd: root, exclude: (name) => name === 'node_modules' });
  if (given.length === 0) return all.sort();
  return all.filter((file) => given.some((part) => file.includes(part.replace(/\/$/, '')))).sort();
}

async function step(name: string, work: () => Promise<number>): Promise<void> {
  console.log(`== ${name}`);
  const code = await work();
  if (code === 0) return;
  console.error(`== ${name} failed`);
  process.exit(code);
}

const given = process.argv.slice(2);
const files = testFiles(given);
if (files.length === 0) {
  console.error(`no test file matches ${given.join(' ')}; give a part of its path, as in packages/hcl`);
  process.exit(1);
}
const built = join(root, 'dist', 'coffer');
if (given.length === 0) await step('check: types, lint, format', () => node('scripts/check.ts'));
if (given.length === 0 || !existsSync(built) || !statSync(built).isFile())
  await step('build', () => node('scripts/build.ts'));
console.log(`== test: ${files.length} files`);
// Per file, in milliseconds: a test that hangs must not take CI's whole time with it.
const long = process.env['SOAK'] !== undefined || process.env['CRASH'] !== undefined;
const timeout = long ? 3_600_000 : 300_000;
process.exitCode = await node('--test', '--test-concurrency=2', `--test-timeout=${timeout}`, ...files);
