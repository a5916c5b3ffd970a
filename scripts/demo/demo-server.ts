import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '@coffer/testkit';
import { quoted } from './login.ts';

const DIST = resolve(import.meta.dirname, '..', '..', 'dist');

export interface DemoServer {
  readonly address: string;
  /** Runs one command of the command line, showing it first as `$ vault ...`. Resolves with its standard output. */
  vault(args: readonly string[], options?: { quiet?: boolean }): Promise<string>;
  /** Resolves when the server has ended by itself. */
  readonly ended: Promise<void>;
  close(): Promise<void>;
}

/** `vault server -dev` at port 8200 or the next free one, with the plugins of `dist/`. */
export async function startDemoServer(): Promise<DemoServer> {
  const port = await freePort(8200);
  if (port !== 8200) console.log(`  port 8200 is busy; using ${port}`);
  const args = ['-dev', '-dev-root-token-id=root', `-dev-plugin-dir=${DIST}`];
  console.log('Starting the server in development mode ...');
  console.log(
    `$ vault server ${args.map(quoted).join(' ')}${port === 8200 ? '' : ` -dev-listen-address=127.0.0.1:${port}`}`,
  );
  const listen = [`-dev-listen-address=127.0.0.1:${port}`, '-dev-no-store-token', '-log-level=warn'];
  const child = spawn(join(DIST, 'coffer'), ['server', ...args, ...listen], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'close').then(() => undefined);
  // Whatever ends this process, the server must not stay behind.
  process.on('exit', () => child.kill('SIGKILL'));
  child.stderr.pipe(process.stderr);
  const address = `http://127.0.0.1:${port}`;
  await started(child.stdout, ended);
  return {
    address,
    ended,
    vault: (commandArgs, options) => vault(address, commandArgs, options?.quiet ?? false),
    async close() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function started(stdout: NodeJS.ReadableStream, ended: Promise<void>): Promise<void> {
  let output = '';
  const ready = new Promise<void>((done) => {
    stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes('server started')) done();
    });
  });
  const failed = ended.then(() => {
    throw new Error(`the server did not start:\n${output}`);
  });
  await Promise.race([ready, failed]);
  // Its later end is awaited elsewhere; here it must not count as a lost rejection.
  failed.catch(() => undefined);
}

async function vault(address: string, args: readonly string[], quiet: boolean): Promise<string> {
  if (!quiet) console.log(`$ vault ${args.map(shellQuoted).join(' ')}`);
  try {
    const { stdout } = await promisify(execFile)(join(DIST, 'coffer'), args, {
      env: { ...process.env, VAULT_ADDR: address, VAULT_TOKEN: 'root' },
    });
    if (!quiet) console.log(indented(stdout));
    return stdout;
  } catch (error) {
    const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
    throw new Error(`vault ${args[0] ?? ''} failed:\n${indented(stderr)}`, { cause: error });
  }
}

function shellQuoted(word: string): string {
  return quoted(word.replace(/^(password=).*/s, '$1...'));
}

function indented(text: string): string {
  return text.trimEnd().replace(/^/gm, '    ');
}
