import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '..', '..');
const CACHE = join(root, 'node_modules', '.cache', 'runtimes');

/** As `process.arch` calls them. */
export const PROCESSORS = ['x64', 'arm64'] as const;
export type Processor = (typeof PROCESSORS)[number];

/** What package-lock.json says of a package. */
interface LockedPackage {
  /** Where it is another one than its place in node_modules says. */
  readonly name?: string;
  readonly version: string;
  readonly integrity?: string;
}

/** A Node.js for Linux as npm has it. `directory` has `bin/node` and `LICENSE` in it. */
export interface Runtime {
  /** In package-lock.json: `node_modules/node24-linux-arm64`. */
  readonly lockPath: string;
  readonly directory: string;
}

/** That of this machine is installed; npm does not install one for another processor, so it is fetched into `scratch`. */
export async function runtimeFor(processor: Processor, scratch: string): Promise<Runtime> {
  const name = `node24-linux-${processor}`;
  const lockPath = `node_modules/${name}`;
  if (processor === process.arch && process.platform === 'linux') return { lockPath, directory: join(root, lockPath) };
  return { lockPath, directory: await fetchRuntime(lockPath, scratch) };
}

async function readLock(): Promise<Readonly<Record<string, LockedPackage>>> {
  const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, LockedPackage>;
  };
  return lock.packages;
}

/** @throws Error when npm cannot have it, or when it is not what the lockfile names */
async function fetchRuntime(lockPath: string, scratch: string): Promise<string> {
  const { name, version, integrity } = (await readLock())[lockPath] ?? {};
  if (name === undefined || version === undefined || integrity === undefined) {
    throw new Error(`package-lock.json names no package with an integrity at ${lockPath}`);
  }
  const tarball = join(CACHE, `${name}-${version}.tgz`);
  if ((await integrityOf(tarball)) !== integrity) {
    await mkdir(CACHE, { recursive: true });
    await run('npm', ['pack', `${name}@${version}`, '--ignore-scripts', '--loglevel=error'], { cwd: CACHE }).catch(
      (error: unknown) => {
        const hint = `the archives for this machine alone are made by npm run release -- --processor=${process.arch}`;
        throw new Error(`npm cannot have ${name}@${version}; ${hint}\n${(error as Error).message}`, { cause: error });
      },
    );
  }
  const found = await integrityOf(tarball);
  if (found !== integrity) throw new Error(`${tarball} is not what package-lock.json names: ${found}`);
  const directory = join(scratch, name);
  await mkdir(directory, { recursive: true });
  await run('tar', ['-xzf', tarball, '-C', directory, '--strip-components=1', 'package/bin/node', 'package/LICENSE']);
  return directory;
}

async function integrityOf(file: string): Promise<string | undefined> {
  const bytes = await readFile(file).catch(() => undefined);
  return bytes && `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
}
