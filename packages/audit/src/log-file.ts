/**
 * Which files a device may write to. Whoever may enable devices names a path, and the server's user can write what decides
 * over the server: its store, its configuration, its keys. So a device adds to nothing but a file of its own kind.
 */
import { type FileHandle, open, realpath, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path';
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
    throw failure(`${path} is a device that audit logs are not written to`);
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
  throw failure(`${path} exists, and is not an audit log: its first line would begin with ${prefix}${BEGINNING}`);
}

/**
 * Where a path leads, if an audit log may be there.
 * @throws CofferError `failed` when its directory is not there, or the path is one of `reserved` or lies in it
 */
export async function resolveLogPath(path: string, reserved: readonly string[]): Promise<string> {
  if (!isAbsolute(path)) throw failure(`${path} must be an absolute path`);
  const resolved = await resolveFile(path);
  for (const own of reserved) {
    const from = relative(await resolveFile(resolve(own)).catch(() => resolve(own)), resolved);
    if (from === '') throw failure(`${path} is one of the server's own, ${own}`);
    if (!/^\.\.(?:\/|$)/.test(from)) throw failure(`${path} is in a directory of the server's own, ${own}`);
  }
  return resolved;
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
