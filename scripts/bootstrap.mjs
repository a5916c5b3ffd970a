// Runs a TypeScript entry point of the project on the project's own Node.js.
//
//   node scripts/bootstrap.mjs scripts/test.ts [arguments]
//
// The machine's Node.js (20 or newer) only gets us here: this file installs what the lockfile names when
// node_modules is missing or older than it, then hands over to the Node.js 24 that came with it
// (docs/decisions/0001-runtime.md).
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const stamp = join(root, 'node_modules', '.coffer-lock-sha256');
const wanted = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .digest('hex');

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

function install() {
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  process.stderr.write('Installing dependencies from package-lock.json (about 20 seconds the first time) ...\n');
  const result = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (result.status !== 0) fail('npm ci failed: see its message above. Nothing was started.');
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
install();
const { NODE_OPTIONS: _, ...env } = process.env;
const child = spawn(runtime(), [join(root, entry), ...args], { stdio: 'inherit', cwd: root, env });
// A terminal sends Ctrl-C to the whole group: stay until the child has cleaned up.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  });
}
child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 1)));
