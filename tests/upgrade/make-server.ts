/**
 * Keeps the server of an earlier commit, for later ones to be upgraded from: `node tests/upgrade/make-server.ts 3505c70 schema-4`
 * makes `schema-4.cjs.br`, one script for Node.js. It is kept because a checkout need not have the history. Needs git and
 * installed packages, which must be those of the commit's package-lock.json.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import { build } from 'esbuild';

const [commit, name] = process.argv.slice(2);
if (commit === undefined || name === undefined) throw new Error('usage: make-server.ts COMMIT NAME');
const root = resolve(import.meta.dirname, '..', '..');
const source = mkdtempSync(join(root, 'node_modules', '.upgrade-'));

async function bundle(entry: string, define: Readonly<Record<string, string>> = {}): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(source, entry)],
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    minify: true,
    legalComments: 'none',
    define: { 'import.meta.url': '"file:///"', ...define },
    external: ['pg-native'],
    write: false,
    logLevel: 'error',
  });
  return outputFiles[0]?.text ?? '';
}

try {
  const archive = execFileSync('git', ['archive', commit], { cwd: root, maxBuffer: 1 << 30 });
  execFileSync('tar', ['x', '-C', source], { input: archive });
  if (!readFileSync(join(source, 'package-lock.json')).equals(readFileSync(join(root, 'package-lock.json')))) {
    throw new Error(`install the packages of ${commit} first: its package-lock.json differs`);
  }
  // Its own rooms, not those of this checkout: their links are relative.
  cpSync(join(root, 'node_modules', '@coffer'), join(source, 'node_modules', '@coffer'), {
    recursive: true,
    verbatimSymlinks: true,
  });
  const store = JSON.stringify(await bundle('packages/store/src/embedded-worker.ts'));
  const hashing = JSON.stringify(await bundle('packages/auth/userpass/src/hashing-worker.ts'));
  const define = { COFFER_EMBEDDED_WORKER: store, COFFER_HASHING_WORKER: hashing };
  const script = Buffer.from(await bundle('apps/coffer/src/main.ts', define));
  const packed = brotliCompressSync(script, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24 },
  });
  writeFileSync(join(import.meta.dirname, `${name}.cjs.br`), packed);
  console.log(`${name}.cjs.br: ${packed.length} bytes of ${script.length}`);
} finally {
  rmSync(source, { recursive: true, force: true });
}
