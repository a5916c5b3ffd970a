import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CofferError } from '@coffer/base';
import type { Account } from './binaries.ts';

/** Where one server lives: `root` holds the log and the data directory, and is removed as a whole at the end. */
export interface ServerFiles {
  readonly root: string;
  readonly data: string;
  readonly log: string;
}

export interface PostgresProcess {
  readonly pid: number;
  readonly exited: boolean;
  /** Fast shutdown and wait for the exit; the data stays. Safe to call again. */
  halt(): Promise<void>;
  /** As {@link halt}, then removes `files.root`. */
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 60_000;
const POLL_MS = 10;
const FAST_SHUTDOWN_MS = 10_000;
/** The line of postmaster.pid where the server says that it takes connections (postgres:src/include/utils/pidfile.h). */
const STATUS_LINE = 7;

/**
 * Ends the server and removes its files when our end of its standard input closes without a line, which means that our
 * process is gone, for whatever reason. A line means that the server has ended and been cleaned up after.
 */
const WATCHDOG = `
trap '' INT TERM HUP
read -r line && exit 0
kill -QUIT "$1" 2>/dev/null
i=0
while kill -0 "$1" 2>/dev/null && [ "$i" -lt 100 ]; do sleep 0.1; i=$((i + 1)); done
rm -rf "$2"
`;

/** The unprivileged account to run PostgreSQL as, which refuses to be root; undefined when we are not root. */
export function unprivilegedAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ['postgres', 'nobody']) {
    const line = readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .find((entry) => entry.startsWith(`${name}:`));
    const [, , uid, gid] = line?.split(':') ?? [];
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  }
  return { uid: 65534, gid: 65534 };
}

/**
 * Starts `postgres` and waits until it takes connections.
 *
 * @throws CofferError `failed` with the end of the server's log when it exits, or is not ready within a minute
 */
export async function runPostgres(
  program: string,
  files: ServerFiles,
  account: Account | undefined,
  ownProcessGroup: boolean,
): Promise<PostgresProcess> {
  const log = openSync(files.log, 'a');
  const child = spawn(program, ['-D', files.data], {
    ...account,
    cwd: files.root,
    env: serverEnvironment(),
    stdio: ['ignore', log, log],
    detached: ownProcessGroup,
  });
  closeSync(log);
  const pid = await started(child);
  const watchdog = startWatchdog(pid, files.root);
  const running = supervise(child, pid, watchdog, files);
  // The watchdog covers us when the event loop runs dry, so a forgotten server keeps no test process alive.
  child.unref();
  try {
    await untilReady(running, files);
  } catch (thrown) {
    child.kill('SIGQUIT');
    throw thrown;
  }
  return running;
}

function started(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('spawn', () => {
      resolve(child.pid ?? 0);
    });
    child.once('error', (error) => {
      reject(new CofferError('failed', `cannot start PostgreSQL: ${error.message}`, { cause: error }));
    });
  });
}

function startWatchdog(pid: number, root: string): ChildProcess {
  const watchdog = spawn('/bin/sh', ['-c', WATCHDOG, 'watchdog', String(pid), root], {
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watchdog.on('error', (error) => {
    process.emitWarning(`PostgreSQL (pid ${pid}) runs unwatched: ${error.message}`);
  });
  // It may be gone already when the line is written (EPIPE).
  watchdog.stdin?.on('error', () => undefined);
  watchdog.unref();
  return watchdog;
}

function supervise(child: ChildProcess, pid: number, watchdog: ChildProcess, files: ServerFiles): PostgresProcess {
  let exited = false;
  const exit = new Promise<void>((resolve) => {
    child.once('exit', () => {
      exited = true;
      watchdog.stdin?.end('ended\n');
      resolve();
    });
  });
  const halt = async (): Promise<void> => {
    child.ref();
    if (exited) return;
    child.kill('SIGINT');
    const deadline = setTimeout(() => child.kill('SIGQUIT'), FAST_SHUTDOWN_MS);
    await exit;
    clearTimeout(deadline);
  };
  const stop = async (): Promise<void> => {
    await halt();
    await rm(files.root, { recursive: true, force: true });
  };
  return {
    pid,
    get exited() {
      return exited;
    },
    halt,
    stop,
  };
}

async function untilReady(running: PostgresProcess, files: ServerFiles): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!(await isReady(files))) {
    if (running.exited || Date.now() > deadline) {
      const why = running.exited ? 'PostgreSQL ended while starting' : 'PostgreSQL is not ready after a minute';
      throw new CofferError('failed', `${why}: ${readFileSync(files.log, 'utf8').trim().slice(-2000)}`);
    }
    await sleep(POLL_MS);
  }
}

async function isReady(files: ServerFiles): Promise<boolean> {
  try {
    const lines = (await readFile(path.join(files.data, 'postmaster.pid'), 'utf8')).split('\n');
    return lines[STATUS_LINE]?.trim() === 'ready';
  } catch {
    return false;
  }
}

/** Our environment without the variables that steer libpq or another PostgreSQL (PGDATA, PGPORT, ...). */
export function serverEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], TMPDIR: process.env['TMPDIR'], TZ: 'UTC', LC_ALL: 'C' };
}
