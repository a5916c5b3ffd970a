/** What the tests of this room share: a plugin directory with the fixture plugin in it, and ways to watch a process. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, type LogEntry, type Logger } from '@coffer/base';

export const FIXTURE_COOKIE = { key: 'FIXTURE_PLUGIN', value: 'started-by-a-test' };
export const FIXTURE_FILE = 'fixture.mjs';

/** A new directory with an executable that runs `source`, a file of this folder. */
export async function pluginDirectory(
  source = 'plugin-fixture.ts',
): Promise<AsyncDisposable & { path: string; file: string }> {
  const path = await mkdtemp(join(tmpdir(), 'coffer-fixture-'));
  const file = join(path, FIXTURE_FILE);
  const script = `${keepCompiled()}await import('${join(import.meta.dirname, source)}');\n`;
  await writeFile(file, `#!${process.execPath}\n${script}`, { mode: 0o755 });
  return { path, file, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** A plugin does not get the variable that has Node.js keep what it compiles. */
function keepCompiled(): string {
  const kept = process.env['NODE_COMPILE_CACHE'];
  if (kept === undefined) return '';
  return `import { enableCompileCache } from 'node:module';\nenableCompileCache(${JSON.stringify(kept)});\n`;
}

/** A logger that keeps its entries. */
export function recordingLogger(): { logger: Logger; entries: LogEntry[] } {
  const entries: LogEntry[] = [];
  return { entries, logger: createLogger('test', 'trace', (entry) => entries.push(entry)) };
}

/** Whether a process is running and not a zombie. */
export async function isRunning(pid: number): Promise<boolean> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    return !stat.slice(stat.lastIndexOf(')')).startsWith(') Z');
  } catch {
    return false;
  }
}
