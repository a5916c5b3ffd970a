/**
 * Builds `dist/`: `coffer` and `ysql-plugin` as single executables, and `ysql-plugin.cjs`, the plugin as one script for
 * hosts that have Node.js. The same sources and Node.js give the same bytes. Prints size and sha256 of each as it is made.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { build, type Plugin } from 'esbuild';
import { inject } from 'postject';
import { stripSymbols } from './build/strip-symbols.ts';

const root = resolve(import.meta.dirname, '..');
const dist = join(root, 'dist');
/** Node.js looks for this mark in its own binary (nodejs/node:doc/api/single-executable-applications.md). */
const SENTINEL = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
const PIECE_BYTES = 16 * 1024;

/**
 * OpenTelemetry's packages as ES modules, of which only what is used gets into the bundle: 120 kB, which every process holds as text
 * whether or not it traces. As CommonJS, which esbuild takes for Node.js, they are 520 kB.
 */
const openTelemetryModules: Plugin = {
  name: 'opentelemetry-modules',
  setup(esbuild) {
    esbuild.onResolve({ filter: /^@opentelemetry\// }, ({ path, importer }) => ({
      path: createRequire(importer).resolve(path).replace('/build/src/', '/build/esm/'),
      sideEffects: false,
    }));
  },
};

async function bundle(entry: string, define: Record<string, string> = {}): Promise<string> {
  const result = await build({
    entryPoints: [join(root, entry)],
    bundle: true,
    platform: 'node',
    target: 'node24',
    // A file without extension beside a package.json that says "module" would be loaded as ESM: CJS runs anywhere.
    format: 'cjs',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    define: { 'import.meta.url': '"file:///"', ...define },
    // pg's native binding is optional and never used.
    external: ['pg-native'],
    plugins: [openTelemetryModules],
    write: false,
    logLevel: 'warning',
    logOverride: { 'empty-import-meta': 'silent' },
  });
  return ascii(result.outputFiles[0]?.text ?? '');
}

/** One other character, and V8 keeps the whole text with two bytes for each. esbuild leaves those in regular expressions. */
function ascii(script: string): string {
  return script.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/**
 * How much garbage the server lets lie about (docs/decisions/0038-memory-of-the-server.md): a young generation of 3 × 8 MB where V8
 * would have 3 × 16, and in the old one three tenths of what is in use, where V8 lets it grow to four times that.
 */
const SERVER_FLAGS = ['--max-semi-space-size=8', '--heap-growing-percent=30'];

async function executable(
  name: string,
  script: string,
  scratch: string,
  execArgv: readonly string[] = [],
): Promise<void> {
  // The name of `main` stands in the blob: a path would make every build another one.
  const [main, output, config] = [`${name}.cjs`, `${name}.blob`, `${name}.json`];
  await writeFile(join(scratch, main), script);
  const options = {
    main,
    output,
    disableExperimentalSEAWarning: true,
    // 11 ms of a start (docs/decisions/0005-own-grpc-layer.md).
    useCodeCache: true,
    useSnapshot: false,
    // The launcher's NODE_OPTIONS must not reach the program.
    execArgvExtension: 'none',
    ...(execArgv.length > 0 && { execArgv }),
  };
  await writeFile(join(scratch, config), JSON.stringify(options));
  // V8's code cache holds what depends on a seed: with a seed of our own it is the same in every build. It is only used under the
  // flags under which it was made.
  const args = [...execArgv, '--random-seed=1', '--experimental-sea-config', config];
  await promisify(execFile)(process.execPath, args, { cwd: scratch });
  const target = join(scratch, name);
  await writeFile(target, stripSymbols(await readFile(process.execPath)));
  await chmod(target, 0o755);
  await quietly(async () =>
    inject(target, 'NODE_SEA_BLOB', await readFile(join(scratch, output)), { sentinelFuse: SENTINEL }),
  );
  // Again, in small pieces: Linux keeps a file in its page cache in pieces as large as it was written in, and a process
  // that touches one holds all of it (docs/decisions/0005-own-grpc-layer.md).
  const pieces = join(scratch, `${name}.pieces`);
  await pipeline(createReadStream(target, { highWaterMark: PIECE_BYTES }), createWriteStream(pieces, { mode: 0o755 }));
  // Renamed into place, since a running server may have the old one open.
  await rename(pieces, join(dist, name));
}

/** postject prints warnings about sections that it does not know; they do not matter to the build. */
async function quietly(work: () => Promise<void>): Promise<void> {
  const { log, warn, error } = console;
  console.log = console.warn = console.error = () => undefined;
  try {
    await work();
  } finally {
    Object.assign(console, { log, warn, error });
  }
}

async function report(name: string): Promise<void> {
  const bytes = await readFile(join(dist, name));
  const { size } = await stat(join(dist, name));
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  console.log(`dist/${name.padEnd(16)} ${(size / 1e6).toFixed(1).padStart(6)} MB  sha256 ${sha256}`);
}

/** The threads of the server, each bundled on its own: its text becomes a constant of the server's bundle. */
async function workers(): Promise<Record<string, string>> {
  const [store, hashing] = await Promise.all([
    bundle('packages/store/src/embedded-worker.ts'),
    bundle('packages/auth/userpass/src/hashing-worker.ts'),
  ]);
  return { COFFER_EMBEDDED_WORKER: JSON.stringify(store), COFFER_HASHING_WORKER: JSON.stringify(hashing) };
}

await mkdir(dist, { recursive: true });
// Also where new files are writable for the group: as a plugin directory it would be refused.
await chmod(dist, 0o755);
const scratch = await mkdtemp(join(dist, '.build-'));
try {
  const [coffer, plugin] = await Promise.all([
    workers().then((define) => bundle('apps/coffer/src/main.ts', define)),
    bundle('apps/ysql-plugin/src/main.ts'),
  ]);
  await writeFile(join(scratch, 'ysql-plugin.cjs'), `#!/usr/bin/env node\n${plugin}`, { mode: 0o755 });
  await rename(join(scratch, 'ysql-plugin.cjs'), join(dist, 'ysql-plugin.cjs'));
  await report('ysql-plugin.cjs');
  // One after the other: postject works in this thread.
  await executable('coffer', coffer, scratch, SERVER_FLAGS);
  await report('coffer');
  await executable('ysql-plugin', plugin, scratch);
  await report('ysql-plugin');
} finally {
  await rm(scratch, { recursive: true, force: true });
}
