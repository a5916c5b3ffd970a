/** The plugin as a file for a plugin directory, and as a process that a host has started from there. */
import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DIST } from './coffer-process.ts';

/**
 * Puts `ysql-plugin` into `directory` as a script, and returns its SHA-256: for tests to which it does not matter that
 * dist/ysql-plugin is one file with its Node.js, whose 110 MB are copied here and hashed at each start.
 */
export async function putPlugin(directory: string): Promise<string> {
  const script = await readFile(join(DIST, 'ysql-plugin.cjs'), 'utf8');
  const own = script.replace(/^#!.*/, `#!${process.execPath}`);
  await writeFile(join(directory, 'ysql-plugin'), own, { mode: 0o755 });
  return createHash('sha256').update(own).digest('hex');
}

/** The process id of the `ysql-plugin` that a host has running. @throws Error when there is none */
export async function runningPlugin(hostPid: number): Promise<number> {
  const [first] = await runningPlugins(hostPid);
  if (first === undefined) throw new Error(`process ${hostPid} has no ysql-plugin running`);
  return first;
}

/** The process ids of all plugins of a name that a host has running. */
export async function runningPlugins(hostPid: number, name = 'ysql-plugin'): Promise<number[]> {
  const running: number[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const read = (file: string): Promise<string> => readFile(`/proc/${entry}/${file}`, 'utf8').catch(() => '');
    const [, parent] = /\) \S (\d+) /.exec(await read('stat')) ?? [];
    if (Number(parent) === hostPid && (await read('cmdline')).includes(`/${name}\0`)) running.push(Number(entry));
  }
  return running;
}
