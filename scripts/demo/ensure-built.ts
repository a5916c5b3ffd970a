import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..', '..');
const OUTPUTS = ['coffer', 'ysql-plugin', 'ysql-plugin.cjs'];

/** Builds `dist/` when it is missing or older than a source file. */
export async function ensureBuilt(): Promise<void> {
  if (isFresh()) return;
  console.log('Building coffer and ysql-plugin in dist/ (about 10 s) ...');
  const child = spawn(process.execPath, [join(root, 'scripts', 'build.ts')], { cwd: root, stdio: 'inherit' });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error('the build failed: see its messages above');
}

function isFresh(): boolean {
  const sources = globSync(
    ['apps/*/src/**/*.ts', 'packages/**/src/**/*.ts', 'package-lock.json', 'scripts/build.ts', 'scripts/build/*.ts'],
    {
      cwd: root,
      exclude: (name) => name === 'node_modules',
    },
  );
  const built = OUTPUTS.map((name) => statSync(join(root, 'dist', name), { throwIfNoEntry: false })?.mtimeMs ?? 0);
  return Math.min(...built) > Math.max(...sources.map((file) => statSync(join(root, file)).mtimeMs));
}
