/**
 * Builds `dist/`: `coffer` and `ysql-plugin` as single executables, and `ysql-plugin.cjs`, the plugin as one script for
 * hosts that have Node.js. The same sources and Node.js give the same bytes. Prints size and sha256 of each as it is made.
 */
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { bundleCoffer, bundlePlugin } from './build/bundle.ts';
import { makeExecutable, SERVER_FLAGS } from './build/executable.ts';
import { asScript, PLUGIN_SCRIPT } from './build/script.ts';

const dist = join(resolve(import.meta.dirname, '..'), 'dist');

async function report(name: string): Promise<void> {
  const bytes = await readFile(join(dist, name));
  const { size } = await stat(join(dist, name));
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  console.log(`dist/${name.padEnd(16)} ${(size / 1e6).toFixed(1).padStart(6)} MB  sha256 ${sha256}`);
}

await mkdir(dist, { recursive: true });
// Also where new files are writable for the group: as a plugin directory it would be refused.
await chmod(dist, 0o755);
const scratch = await mkdtemp(join(dist, '.build-'));
try {
  const [coffer, plugin] = await Promise.all([bundleCoffer(), bundlePlugin()]);
  await writeFile(join(scratch, 'script.cjs'), asScript(plugin.script, PLUGIN_SCRIPT), { mode: 0o755 });
  await rename(join(scratch, 'script.cjs'), join(dist, 'ysql-plugin.cjs'));
  await report('ysql-plugin.cjs');
  // One after the other: postject works in this thread.
  await makeExecutable('coffer', coffer.script, { into: dist, scratch, execArgv: SERVER_FLAGS });
  await report('coffer');
  await makeExecutable('ysql-plugin', plugin.script, { into: dist, scratch });
  await report('ysql-plugin');
} finally {
  await rm(scratch, { recursive: true, force: true });
}
