/**
 * `npm test`: types, lint and format, the built files, and every test, against an embedded PostgreSQL or, with YSQL_URL, a
 * real YugabyteDB; where all of it is well, at last what a request costs, which fails nothing. Arguments are parts of paths,
 * and choose the files to run in place of all that: `npm test -- packages/hcl`.
 */
import { spawn } from 'node:child_process';
import { existsSync, globSync, statSync } from 'node:fs';
import { availableParallelism, setPriority } from 'node:os';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

const root = resolve(import.meta.dirname, '..');
const PATTERNS = ['packages/**/*.test.ts', 'apps/**/*.test.ts', 'tests/**/*.test.ts'];
/** Begun first, lest one of them runs alone at the end. Those that work and those that wait take turns. */
const LONGEST = [
  'tests/crash/',
  'tests/zombies/',
  'tests/cluster/cluster.test',
  'tests/seal-memory',
  'tests/many-seals',
  'tests/transit-seal',
  'tests/odd-passwords',
  'tests/owed-sessions',
  'tests/nodes/',
  'tests/upgrade/',
  'tests/clients.test',
  'tests/client-examples',
  'packages/ysql/src/discovery',
  'tests/interop/',
  'tests/release',
  'tests/request-deadline',
  'tests/limping-cluster',
  'tests/soak',
  'tests/fault-matrix',
  'tests/races/',
  'tests/many-nodes/',
  'tests/backup/',
  'tests/rotation-faults',
  'tests/plugin-versions',
  'tests/durable-server',
  'tests/docs-commands',
  'tests/auth/token-leases',
  'tests/durable-seal',
  'tests/leases-at-scale',
  'tests/plugin-deadline',
  'tests/plugin-directory',
  'tests/static-roles',
  'tests/three-nodes',
  'tests/start',
];
/** More than there are cores to work on, since many a test waits for a clock. */
const FILES_AT_ONCE = Math.min(2 * availableParallelism(), 8);
const LOW_PRIORITY = 10;

function node(script: string, { priority = 0 } = {}): Promise<number> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [script], { cwd: root, stdio: 'inherit' });
    if (child.pid !== undefined) setPriority(child.pid, priority);
    child.on('error', fail);
    child.on('close', (code) => done(code ?? 1));
  });
}

function testFiles(given: readonly string[]): string[] {
  const all = globSync(PATTERNS, { cwd: root, exclude: (name) => name === 'node_modules' }).sort();
  if (given.length > 0) return all.filter((file) => given.some((part) => file.includes(part.replace(/\/$/, ''))));
  const rank = (file: string): number => LONGEST.findIndex((part) => file.startsWith(part)) + 1 || LONGEST.length + 1;
  return all.sort((a, b) => rank(a) - rank(b));
}

/** @returns whether every test passed */
async function test(files: readonly string[]): Promise<boolean> {
  console.log(`== test: ${files.length} files`);
  // Per file: a test that hangs must not take CI's whole time with it.
  const long = ['SOAK', 'CRASH', 'ZOMBIES'].some((name) => process.env[name] !== undefined);
  const timeout = long ? 3_600_000 : 300_000;
  const results = run({ files: files.map((file) => join(root, file)), cwd: root, concurrency: FILES_AT_ONCE, timeout });
  let passed = true;
  results.on('test:fail', ({ todo }) => (passed &&= todo !== undefined && todo !== false));
  await pipeline(results, new spec(), process.stdout, { end: false });
  return passed;
}

const given = process.argv.slice(2);
const files = testFiles(given);
if (files.length === 0) {
  console.error(`no test file matches ${given.join(' ')}; give a part of its path, as in packages/hcl`);
  process.exit(1);
}
// Compiled once for all the processes that tests are; what is out of date there is not used.
process.env['NODE_COMPILE_CACHE'] ??= join(root, 'node_modules', '.cache', 'compile');
// Beside the tests, which wait much; what it says comes in one piece.
const checked = given.length === 0 ? node('scripts/check.ts', { priority: LOW_PRIORITY }) : 0;
const built = join(root, 'dist', 'coffer');
if (given.length === 0 || !existsSync(built) || !statSync(built).isFile()) {
  console.log('== build');
  const code = await node('scripts/build.ts');
  if (code !== 0) {
    console.error('== build failed');
    process.exit(code);
  }
}
const passed = await test(files);
const codes = [passed ? 0 : 1, await checked];
if (codes[1] !== 0) console.error('== check failed: see above');
process.exitCode = Math.max(...codes);
if (given.length === 0 && process.platform === 'linux' && process.exitCode === 0) {
  console.log('== costs');
  // Alone, since what else runs would be measured with it. It says itself what it finds and why it cannot: nothing fails by it.
  await node('scripts/costs.ts').catch((error: unknown) => console.error(error));
}
