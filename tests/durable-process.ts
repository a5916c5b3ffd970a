/** The built `coffer server -config`, as a process of its own that can be killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, type Client } from '@coffer/client';
import { eventually } from '@coffer/testkit';
import { cleanEnvironment, COFFER, coffer, type CommandResult, ended } from './coffer-process.ts';

export interface DurableServer {
  readonly address: string;
  readonly child: ChildProcess;
  /** Everything printed so far, both streams. */
  output(): string;
  client(token?: string): Client;
  run(args: readonly string[], token?: string, stdin?: string): Promise<CommandResult>;
  /** The signal and the end. Resolves with the exit code; -1 when the signal ended it. */
  stop(signal: NodeJS.Signals): Promise<number>;
}

/** A directory with a configuration, from which servers are started again and again. */
export class DurableHome {
  readonly directory: string;
  readonly #running = new Set<DurableServer>();
  readonly #env: Readonly<Record<string, string>>;

  private constructor(directory: string, env: Readonly<Record<string, string>>) {
    this.directory = directory;
    this.#env = env;
  }

  static async make(env: Readonly<Record<string, string>> = {}): Promise<DurableHome> {
    return new DurableHome(await mkdtemp(join(tmpdir(), 'coffer-durable-')), env);
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  get storeFile(): string {
    return this.path('data/coffer.db');
  }

  get fileStorage(): string {
    return `storage "file" { path = ${JSON.stringify(this.path('data'))} }`;
  }

  /** Writes the configuration: a plain listener on any free port unless `listener` says otherwise. */
  async configure(
    rest: string,
    listener = 'listener "tcp" { address = "127.0.0.1:0", tls_disable = true }',
  ): Promise<void> {
    await writeFile(this.path('coffer.hcl'), `${listener}\n${rest}\n`);
  }

  /**
   * Resolves when the server listens; rejects with what it printed when it ends instead. `program`: another one in place of
   * the one that was built.
   */
  async start(
    args: readonly string[] = ['-log-level=debug'],
    program: readonly [string, ...string[]] = [COFFER],
  ): Promise<DurableServer> {
    const [command, ...before] = program;
    const child = spawn(command, [...before, 'server', `-config=${this.path('coffer.hcl')}`, ...args], {
      cwd: this.directory,
      env: cleanEnvironment(this.#env),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const end = ended(child);
    const address = await new Promise<string>((done, fail) => {
      const read = (chunk: Buffer): void => {
        output += chunk.toString();
        const [, found, tls] = /addr: "([^"]+)", tls: "(\w+)"[\s\S]*server started/.exec(output) ?? [];
        if (found !== undefined) done(`${tls === 'enabled' ? 'https' : 'http'}://${found}`);
      };
      child.stdout.on('data', read);
      child.stderr.on('data', read);
      child.on('error', fail);
      child.on('close', () => fail(new Error(`coffer server ended:\n${output}`)));
    });
    const server: DurableServer = {
      address,
      child,
      output: () => output,
      client: (token = '') => createClient({ address, token }),
      run: (args, token = '', stdin = '') =>
        coffer(args, { env: { VAULT_ADDR: address, ...(token !== '' && { VAULT_TOKEN: token }) }, stdin }),
      stop: async (signal) => {
        this.#running.delete(server);
        child.kill(signal);
        return end;
      },
    };
    this.#running.add(server);
    return server;
  }

  async remove(): Promise<void> {
    for (const server of [...this.#running]) await server.stop('SIGKILL');
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** What `operator init -format=json` prints. */
export interface Initialized {
  readonly unseal_keys_b64: readonly string[];
  readonly unseal_keys_hex: readonly string[];
  readonly recovery_keys_b64: readonly string[];
  readonly root_token: string;
}

export async function initialize(server: DurableServer, shares = 3, threshold = 2): Promise<Initialized> {
  const args = ['operator', 'init', `-key-shares=${shares}`, `-key-threshold=${threshold}`, '-format=json'];
  const { stdout, stderr, exit } = await server.run(args);
  assert.equal(exit, 0, stderr);
  return JSON.parse(stdout) as Initialized;
}

export async function unseal(server: DurableServer, shares: readonly string[]): Promise<void> {
  for (const key of shares) await server.client().request('PUT', 'sys/unseal', { body: { key } });
}

export async function isSealed(server: DurableServer): Promise<unknown> {
  const { body } = await server.client().request('GET', 'sys/seal-status');
  return (body as { sealed: boolean }).sealed;
}

/** What a command says after a seal. One that starts late may find the process being replaced: that is asked again. */
export async function runSealed(
  server: DurableServer,
  args: readonly string[],
  token?: string,
): Promise<CommandResult> {
  let result = { stdout: '', stderr: '', exit: -1 };
  await eventually(
    async () => {
      result = await server.run(args, token);
      return !/connection refused|connection reset|: EOF/.test(result.stderr);
    },
    () => result.stderr,
  );
  return result;
}
