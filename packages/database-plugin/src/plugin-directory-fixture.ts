/** What the tests of this room share: a plugin directory with the fixture plugin in it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const FIXTURE_FILE = 'fixture.mjs';

/** A new directory with an executable that runs the fixture plugin. */
export async function pluginDirectory(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'coffer-fixture-'));
  const source = join(import.meta.dirname, 'plugin-fixture.ts');
  const script = `${keepCompiled()}await import('${source}');\n`;
  await writeFile(join(path, FIXTURE_FILE), `#!${process.execPath}\n${script}`, { mode: 0o755 });
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** A plugin does not get the variable that has Node.js keep what it compiles, which is most of its start. */
function keepCompiled(): string {
  const kept = process.env['NODE_COMPILE_CACHE'];
  if (kept === undefined) return '';
  return `import { enableCompileCache } from 'node:module';\nenableCompileCache(${JSON.stringify(kept)});\n`;
}
