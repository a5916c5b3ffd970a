import { execFile } from 'node:child_process';
import { CofferError, Secret } from '@coffer/base';
import type { ConfiguredHelper } from './cli-config.ts';
import { readClientEnvironment } from './client-environment.ts';
import { errorCode, fileReason } from './file.ts';
import type { Environment } from './flags.ts';

const MOST_BYTES = 64 * 1024;
const MOST_TOLD = 1000;

/**
 * A program that keeps the token: `get` prints it, `store` reads it from stdin (vault:api/tokenhelper/helper_external.go). Vault's
 * command line never calls its third operation, `erase`, and neither does this one. A program has as long as a request, and
 * may print 64 KiB.
 */
export function externalTokenHelper(configured: ConfiguredHelper, env: Environment) {
  return {
    async read(): Promise<Secret | undefined> {
      const token = (await runHelper(configured, 'get', undefined, env)).trim();
      return token === '' ? undefined : new Secret(token);
    },
    async store(token: Secret): Promise<void> {
      await runHelper(configured, 'store', token, env);
    },
  };
}

/** @throws CofferError `failed` naming the program and what it said on stderr */
function runHelper(
  { program, configPath }: ConfiguredHelper,
  operation: 'get' | 'store',
  input: Secret | undefined,
  env: Environment,
): Promise<string> {
  const { timeoutMs = 60_000 } = readClientEnvironment(env);
  const options = { env: { ...env }, timeout: timeoutMs, maxBuffer: MOST_BYTES, killSignal: 'SIGKILL' } as const;
  return new Promise((resolve, reject) => {
    const child = execFile(program, [operation], options, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      const told = readable(input === undefined ? stderr : stderr.replaceAll(input.reveal(), '***'));
      const message = `"${program} ${operation}" ${reasonOf(error, timeoutMs)}${told && `: ${told}`}`;
      reject(new CofferError('failed', `${message} (${configPath} names it)`, { cause: error }));
    });
    // One that ends without reading has no need of it.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input?.reveal() ?? '');
  });
}

function reasonOf(
  error: Error & { readonly killed?: boolean; readonly signal?: string | null },
  timeoutMs: number,
): string {
  const { killed = false, signal } = error;
  const code: unknown = Reflect.get(error, 'code');
  if (code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return `printed more than ${MOST_BYTES / 1024} KiB`;
  if (killed) return `did not end within ${timeoutMs / 1000} s`;
  if (typeof code === 'number') return `ended with exit code ${code}`;
  if (signal) return `was ended by ${signal}`;
  return `could not be started: ${errorCode(error) === 'EACCES' ? 'permission denied: is it executable?' : fileReason(error)}`;
}

/** On one line, without what would steer a terminal, and no longer than anybody reads. */
function readable(text: string): string {
  const line = text.replace(/[\p{Cc}\s]+/gu, ' ').trim();
  return line.length > MOST_TOLD ? `${line.slice(0, MOST_TOLD)}…` : line;
}
