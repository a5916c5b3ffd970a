// Runs a TypeScript entry point of the project on the project's own Node.js.
//
//   node scripts/bootstrap.mjs scripts/test.ts [arguments]
//
// The machine's Node.js (20 or newer) only gets us here: this file installs what the lockfile names when
// node_modules is missing or older than it, then hands over to the Node.js 24 that came with it
// (docs/decisions/0001-runtime.md).
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const PROGRESS_MS = 5_000;
const stamp = join(root, 'node_modules', '.coffer-lock-sha256');
const wanted = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .digest('hex');

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

/** The process that runs for us: a signal for us is one for it. */
let child;
let installing = false;
// A terminal sends Ctrl-C to the whole group: stay until the child has cleaned up.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    if (installing) stopInstalling(signal);
    else if (signal !== 'SIGINT' || !process.stdin.isTTY) child?.kill(signal);
  });
}

/** npm takes a long time to undo what it has done. What is left is replaced next time, since the stamp is not written. */
function stopInstalling(signal) {
  child?.kill('SIGKILL');
  process.stderr.write('\nStopped before all was installed. Nothing was started; the same command begins anew.\n');
  process.exit(128 + constants.signals[signal]);
}

/** Resolves with its exit code; as shells do, with 128 and more when a signal ended it. */
function run(command, args, options) {
  child = spawn(command, args, { cwd: root, ...options });
  return new Promise((done, failed) => {
    child.on('error', failed);
    child.on('close', (code, signal) => done(code ?? 128 + (constants.signals[signal] ?? 1)));
  });
}

async function install() {
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  process.stderr.write('Installing what package-lock.json names (about 20 s the first time) ...\n');
  const begun = Date.now();
  // Never more than a few seconds without a sign of life.
  const progress = setInterval(() => {
    process.stderr.write(`  ${Math.round((Date.now() - begun) / 1000)} s\n`);
  }, PROGRESS_MS);
  // What earlier installations have downloaded is not asked for again: the lockfile's checksums say that it is the same.
  const args = [
    'ci',
    '--ignore-scripts',
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
    '--no-progress',
    '--loglevel=error',
  ];
  installing = true;
  const code = await run('npm', args, { stdio: ['ignore', 2, 2], shell: process.platform === 'win32' }).catch((error) =>
    fail(`npm cannot be started (${error.message}): it comes with Node.js, install it or put it on PATH.`),
  );
  installing = false;
  clearInterval(progress);
  if (code !== 0) fail('npm ci failed: see its message above. Nothing was started.');
  writeFileSync(stamp, wanted);
}

function runtime() {
  const own = join(root, 'node_modules', `node24-${process.platform}-${process.arch}`, 'bin', 'node');
  if (existsSync(own)) return own;
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath;
  return fail(
    `Coffer needs Node.js 24. npm carries it for linux-x64 and linux-arm64; this is ${process.platform}-${process.arch} ` +
      `with Node.js ${process.versions.node}: install Node.js 24 or newer and run the command again.`,
  );
}

const [entry, ...args] = process.argv.slice(2);
if (entry === undefined) fail('usage: node scripts/bootstrap.mjs ENTRY.ts [arguments]');
await install();
const { NODE_OPTIONS: _, ...env } = process.env;
const started = run(runtime(), [join(root, entry), ...args], { stdio: 'inherit', env }).catch((error) =>
  fail(`The Node.js of node_modules cannot be started (${error.message}): it needs glibc, which Alpine does not have.`),
);
process.exit(await started);
