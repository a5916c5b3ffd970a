/**
 * Which files a device may write to. Whoever may enable devices names a path, and the server's user can write what decides
 * over the server: its store, its configuration, its keys. So a device adds to nothing but a file of its own kind.
 */
import { type FileHandle, open, realpath, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, relative, resolve } from 'node:path';
import { failure } from './line-queue.ts';

/** How every line begins, after the prefix. */
const BEGINNING = '{"time":"';

/** Character devices that take lines and do nothing: `null`, `full`, terminals. By major and minor number, of Linux. */
const HARMLESS_DEVICES = new Set(['1:3', '1:7', '5:0', '5:1']);
const PSEUDO_TERMINALS = 136;

/**
 * Looks at a file that was opened for a device, before anything is written to it or its mode is changed.
 * @throws CofferError `failed` for what is not an audit log
 */
export async function checkLogFile(file: FileHandle, path: string, prefix: string): Promise<'regular' | 'other'> {
  const found = await file.stat();
  if (found.isFIFO()) return 'other';
  if (found.isCharacterDevice()) {
    const [major, minor] = [(found.rdev >> 8) & 0xfff, found.rdev & 0xff];
    if (HARMLESS_DEVICES.has(`${major}:${minor}`) || (major >= PSEUDO_TERMINALS && major < PSEUDO_TERMINALS + 8))
      return 'other';
    throw failure(`${path} is a device file; audit logs are not written to it`);
  }
  if (!found.isFile()) throw failure(`${path} is not a file`);
  if (found.size === 0) return 'regular';
  const reader = await open(path, 'r');
  try {
    const same = await reader.stat();
    const wanted = Buffer.from(prefix + BEGINNING);
    const { buffer } = await reader.read(Buffer.alloc(wanted.length), 0, wanted.length, 0);
    if (same.ino === found.ino && same.dev === found.dev && buffer.equals(wanted)) return 'regular';
  } finally {
    await reader.close();
  }
  throw failure(`${path} exists, and is not an audit log: the first line of one starts with ${prefix}${BEGINNING}`);
}

/**
 * Where a path leads, if an audit log may be there.
 * @throws CofferError `failed` when its directory is not there, or the path is one of `reserved` or lies in it
 */
export async function resolveLogPath(path: string, reserved: readonly string[]): Promise<string> {
  const fault = await ownFileFault(path, reserved);
  if (fault !== undefined) throw failure(fault);
  return resolveFile(path);
}

/** Why no audit log may be there, of which the directory need not be there; undefined if it may. */
export async function ownFileFault(path: string, reserved: readonly string[]): Promise<string | undefined> {
  const resolved = await resolveIfThere(path);
  for (const own of reserved) {
    const to = await resolveIfThere(resolve(own));
    const from = relative(to, resolved);
    if (from === '') return `${path} is one of the server's own, ${own}`;
    if (!/^\.\.(?:\/|$)/.test(from)) return `${path} is in a directory of the server's own, ${own}`;
    if (isSetAside(resolved, to))
      return `${path} is one of the server's own: ${own} gets such a name when it is rotated`;
  }
  return undefined;
}

/** Whether a file has a name that the log file `log` gets when it is set aside: its own with the time in nanoseconds. */
export function isSetAside(file: string, log: string): boolean {
  const extension = extname(log);
  const former = `${log.slice(0, log.length - extension.length)}-`;
  const end = extension || '.log';
  return file.startsWith(former) && file.endsWith(end) && /^\d{19}$/.test(file.slice(former.length, -end.length));
}

async function resolveIfThere(path: string): Promise<string> {
  return resolveFile(path).catch(() => resolve(path));
}

async function resolveFile(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const directory = dirname(path);
    const found = await stat(directory).catch(() => undefined);
    if (found?.isDirectory() !== true) throw failure(`the directory ${directory} does not exist`);
    return join(await realpath(directory), basename(path));
  }
}
