import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, lstat, unlink } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { promisify } from 'node:util';
import { CofferError, errorText } from '@coffer/base';

export interface UnixSocket {
  /** Absolute. */
  readonly path: string;
  /** Permissions. Default: as the process's umask leaves them. */
  readonly mode?: number;
  /** A name or a number. Default: the process's own. */
  readonly user?: string;
  readonly group?: string;
}

/** The longest path that the system takes (`sun_path` of unix(7), without its end). */
export const MAX_SOCKET_PATH_BYTES = 107;

/**
 * Listens on a socket file, in the place of one that a server has left behind. Nobody else can open it before it has the owner
 * and permissions that it is to have.
 *
 * @throws CofferError `failed` naming the file: it is in use, is no socket, or cannot be made or given away
 */
export async function listenOnSocket(server: Server, socket: UnixSocket): Promise<void> {
  const { path, mode } = socket;
  try {
    if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES)
      throw new Error(`the path has more than ${MAX_SOCKET_PATH_BYTES} bytes`);
    await removeStale(path);
    const [uid, gid] = [await idOf('passwd', socket.user), await idOf('group', socket.group)];
    const umask = listenPrivately(server, path);
    await once(server, 'listening');
    if (uid !== undefined || gid !== undefined) {
      await chown(path, uid ?? process.getuid?.() ?? -1, gid ?? process.getgid?.() ?? -1);
    }
    await chmod(path, mode ?? 0o777 & ~umask);
  } catch (cause) {
    server.close();
    throw new CofferError('failed', `cannot listen on ${path}: ${errorText(cause)}`, { cause });
  }
}

/** The file is made while this is under way, synchronously. Returns the umask that holds otherwise. */
function listenPrivately(server: Server, path: string): number {
  const umask = process.umask(0o177);
  try {
    server.listen(path);
    return umask;
  } finally {
    process.umask(umask);
  }
}

/** A socket file outlives a process that was killed. One that somebody serves, and any other file, stays. */
async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket()) throw new Error('there is a file that is not a socket');
  if (await isServed(path)) throw new Error('the address is already in use');
  await unlink(path);
}

function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (served: boolean) => () => {
      socket.destroy();
      resolve(served);
    };
    socket.once('connect', end(true));
    socket.once('error', end(false));
  });
}

/** Names are the system's to resolve: they may come from a directory service. */
async function idOf(database: 'passwd' | 'group', name: string | undefined): Promise<number | undefined> {
  if (name === undefined || name === '') return undefined;
  if (/^\d+$/.test(name)) return Number(name);
  const { stdout } = await promisify(execFile)('getent', [database, '--', name]).catch(() => ({ stdout: '' }));
  const id = /^[^:]*:[^:]*:(\d+):/.exec(stdout)?.[1];
  if (id !== undefined) return Number(id);
  throw new Error(
    `there is no ${database === 'passwd' ? 'user' : 'group'} ${JSON.stringify(name)}; a number also does`,
  );
}
