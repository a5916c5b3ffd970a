/** Runs the built `dist/coffer` as its users do: as a child process, from another directory. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';

export const DIST = resolve(import.meta.dirname, '..', 'dist');
export const COFFER = join(DIST, 'coffer');

export interface CommandResult {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly cwd?: string;
}

/** The environment without anything that would reach the command from the developer's shell. */
export function cleanEnvironment(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  const kept = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !/^(VAULT_|BAO_|NODE_OPTIONS$)/.test(entry[0]),
  );
  return { ...Object.fromEntries(kept), HOME: join(tmpdir(), 'coffer-test-no-home'), ...extra };
}

/** Resolves with the exit code when the process has ended and its output was read; -1 when a signal ended it. */
export async function ended(child: ChildProcess): Promise<number> {
  const [code] = (await once(child, 'close')) as [number | null];
  return code ?? -1;
}

/** One command to its end. */
export async function coffer(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const child = spawn(COFFER, args, { cwd: options.cwd ?? tmpdir(), env: cleanEnvironment(options.env) });
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.stdin ?? '');
  const [stdout, stderr, exit] = await Promise.all([text(child.stdout), text(child.stderr), ended(child)]);
  return { exit, stdout, stderr };
}

export interface ServerProcess {
  readonly address: string;
  readonly pid: number;
  /** Everything printed so far, both streams. */
  output(): string;
  run(args: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  /** SIGTERM and the end. Resolves with the exit code. */
  stop(): Promise<number>;
}

/** `coffer server -dev` on a free port, with root token `root`. */
export async function startServer(args: readonly string[] = []): Promise<ServerProcess> {
  const child = spawn(
    COFFER,
    ['server', '-dev', '-dev-root-token-id=root', '-dev-listen-address=127.0.0.1:0', '-dev-no-store-token', ...args],
    { cwd: tmpdir(), env: cleanEnvironment(), stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  const end = ended(child);
  const address = await new Promise<string>((done, fail) => {
    const read = (chunk: Buffer): void => {
      output += chunk.toString();
      const [, found] = /VAULT_ADDR='([^']+)'[\s\S]*server started/.exec(output) ?? [];
      if (found !== undefined) done(found);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.on('error', fail);
    child.on('close', () => fail(new Error(`coffer server ended:\n${output}`)));
  });
  return {
    address,
    pid: child.pid ?? 0,
    output: () => output,
    run: (commandArgs, options = {}) =>
      coffer(commandArgs, { ...options, env: { VAULT_ADDR: address, VAULT_TOKEN: 'root', ...options.env } }),
    async stop() {
      child.kill('SIGTERM');
      return end;
    },
  };
}
