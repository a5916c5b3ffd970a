import { readFile, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ServerConfig } from '../config/server-config.ts';
import type { Check } from './check.ts';

const FEW_FILES = 1024;
const GIB = 1024 ** 3;

/** `ulimit -n`: each connection takes a file, and each plugin some. */
export async function checkOpenFiles(check: Check): Promise<void> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '');
  const [, soft, hard] = /^Max open files +(\d+|unlimited) +(\d+|unlimited)/m.exec(limits) ?? [];
  if (soft === undefined || hard === undefined) return check.skip('Not available on this system.');
  const limit = Math.min(...[soft, hard].map((text) => (text === 'unlimited' ? Infinity : Number(text))));
  if (limit > FEW_FILES) return check.ok(`Open file limits are set to ${limit}.`);
  check.warn(
    `Open file limits are set to ${limit}.`,
    'These limits may be insufficient: raise them to 65536 or more, for example with LimitNOFILE of systemd.',
  );
}

/** Of each file system that the server writes to. */
export async function checkDisks(check: Check, config: ServerConfig): Promise<void> {
  const { storage, logFile } = config;
  const paths = [...(storage.type === 'file' ? [storage.directory] : []), ...(logFile === undefined ? [] : [logFile])];
  if (paths.length === 0) return check.skip('The server does not write to a disk.');
  for (const path of paths) {
    const place = await nearestDirectory(path);
    const { bavail, blocks, bsize } = await statfs(place);
    const [free, total] = [bavail * bsize, blocks * bsize];
    const percent = (100 * (1 - free / total)).toFixed(0);
    const said = `${place}: ${(free / GIB).toFixed(1)} GB are free, ${percent} % are used.`;
    if (free < GIB || free / total < 0.05) check.warn(said, 'Keep at least 1 GB and five percent free.');
    else check.ok(said);
  }
}

/** The path itself if it is a directory, or the first above it that is there. */
export async function nearestDirectory(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  return found?.isDirectory() === true ? path : nearestDirectory(dirname(path));
}

/** What others could read of a file that holds a secret. */
export async function warnIfReadable(check: Check, path: string, what: string): Promise<void> {
  const { mode } = await stat(path);
  if ((mode & 0o004) === 0) return;
  check.warn(`${path}: every user of this machine can read ${what}.`, 'Remove that permission: chmod o-rwx.');
}
