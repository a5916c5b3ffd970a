/** What the tests of this room share: a plugin directory with the fixture plugin in it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const FIXTURE_FILE = 'fixture.mjs';

/** A new directory with an executable that runs the fixture plugin. */
export async function pluginDirectory(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'coffer-fixture-'));
  const source = join(import.meta.dirname, 'plugin-fixture.ts');
  await writeFile(join(path, FIXTURE_FILE), `#!${process.execPath}\nawait import('${source}');\n`, { mode: 0o755 });
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
