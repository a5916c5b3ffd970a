import { constants } from 'node:fs';
import { copyFile, type FileHandle, open, stat, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CofferError, distrust, errorText, type FileTrust } from '@coffer/base';
import { verifyChecksum } from './command.ts';

/** What to start, and with which arguments in front of the plugin's own. */
export interface Executable {
  readonly file: string;
  readonly leading: readonly string[];
  /** As the process sees its own name. */
  readonly argv0?: string;
}

export interface ExecutableOptions {
  /** Without links, in the plugin directory. */
  readonly file: string;
  /** Hexadecimal. Without it the file is trusted as it is, and started where it is. */
  readonly sha256: string | undefined;
  readonly trust: FileTrust | undefined;
  /** A directory that only we can write. */
  readonly scratch: string;
}

/** The longest first line of a script that Linux reads (include/uapi/linux/binfmts.h). */
const FIRST_LINE_BYTES = 256;

/**
 * Has `start` start the very bytes that have the checksum, whatever happens to the name meanwhile: a program by the
 * descriptor that was hashed, a script as a copy, since its interpreter opens it again by name.
 *
 * @throws CofferError `failed` when others can write the file or its directory, or `checksums did not match`
 */
export async function startVerified<T>(options: ExecutableOptions, start: (executable: Executable) => T): Promise<T> {
  const { file, sha256, trust } = options;
  const handle = await openPlugin(file);
  try {
    const home = dirname(file);
    const reason = distrust(home, await stat(home), trust) ?? distrust(file, await handle.stat(), trust);
    if (reason !== undefined) throw new CofferError('failed', `the plugin is not started: ${reason}`);
    return start(sha256 === undefined ? { file, leading: [] } : await verified(options, handle, sha256));
  } finally {
    await handle.close();
  }
}

async function verified({ file, scratch }: ExecutableOptions, handle: FileHandle, sha256: string): Promise<Executable> {
  const interpreter = await readInterpreter(handle);
  // Under its own name: what a process is called comes from there.
  const name = join(scratch, basename(file));
  if (interpreter === undefined && process.platform === 'linux') {
    // The child looks this up before its descriptors close, so that they need not be inherited.
    const descriptor = `/proc/self/fd/${handle.fd}`;
    await verifyChecksum(descriptor, sha256);
    await symlink(descriptor, name);
    return { file: name, leading: [], argv0: file };
  }
  await copyFile(file, name, constants.COPYFILE_EXCL);
  await verifyChecksum(name, sha256);
  // The interpreter is started by us, not by the kernel: temporary directories are often mounted "noexec".
  return interpreter === undefined
    ? { file: name, leading: [] }
    : { file: interpreter.file, leading: [...interpreter.options, name] };
}

async function openPlugin(file: string): Promise<FileHandle> {
  let handle: FileHandle;
  try {
    // Does not block if it is a pipe.
    handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    throw new CofferError('failed', `error verifying checksum: ${errorText(cause)}`, { cause });
  }
  const found = await handle.stat();
  const wrong = !found.isFile()
    ? 'is not a file'
    : isExecutable(found.mode)
      ? undefined
      : 'is not executable: use "chmod +x"';
  if (wrong === undefined) return handle;
  await handle.close();
  throw new CofferError('failed', `the plugin is not started: "${file}" ${wrong}`);
}

function isExecutable(mode: number): boolean {
  return process.platform === 'win32' || (mode & 0o111) !== 0;
}

/** Of a script, as execve(2) reads its first line: the interpreter and all that follows it as one option. */
async function readInterpreter(
  handle: FileHandle,
): Promise<{ readonly file: string; readonly options: readonly string[] } | undefined> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(FIRST_LINE_BYTES), 0, FIRST_LINE_BYTES, 0);
  const [line = ''] = buffer.toString('utf8', 0, bytesRead).split('\n', 1);
  if (!line.startsWith('#!')) return undefined;
  const text = line.slice(2).trim();
  const space = text.search(/[ \t]/);
  if (space === -1) return text === '' ? undefined : { file: text, options: [] };
  return { file: text.slice(0, space), options: [text.slice(space).trim()] };
}
