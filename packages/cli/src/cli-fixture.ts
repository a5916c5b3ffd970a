import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable, Writable } from 'node:stream';
import type { Environment } from './flags.ts';
import type { RunExtra } from './run.ts';
import { run } from './run.ts';
import type { InputStream } from './stdin.ts';
import type { OutputStream } from './ui.ts';

/** What one command line did. */
export interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Environment;
  readonly stdin?: string | InputStream;
  readonly extra?: RunExtra;
  /** stdout is a terminal. */
  readonly tty?: boolean;
}

/** Runs one command line with streams in memory and no home directory of anybody's. */
export async function runCli(argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { stdin = '', tty = false } = options;
  const stdout = new Collector(tty);
  const stderr = new Collector(false);
  const input = typeof stdin === 'string' ? Readable.from(stdin === '' ? [] : [stdin]) : stdin;
  const env = { HOME: '/nonexistent', ...options.env };
  const exitCode = await run(argv, { stdin: input, stdout, stderr, env }, options.extra);
  return { exitCode, stdout: stdout.text, stderr: stderr.text };
}

class Collector extends Writable implements OutputStream {
  readonly isTTY: boolean;
  text = '';

  constructor(isTTY: boolean) {
    super();
    this.isTTY = isTTY;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

export interface SeenRequest {
  readonly method: string;
  /** Path and query as they came. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Parsed JSON; `undefined` for no body. */
  readonly body: unknown;
}

export interface CannedAnswer {
  /** 0: the connection is closed in place of an answer. */
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** In place of `body`: exactly this text. */
  readonly text?: string;
}

export interface FixtureServer {
  readonly address: string;
  readonly seen: readonly SeenRequest[];
}

/** A real HTTP server on 127.0.0.1 that answers as told, for as long as `use` runs. */
export async function withServer(
  answer: (request: SeenRequest) => CannedAnswer,
  use: (server: FixtureServer) => Promise<void>,
): Promise<void> {
  const seen: SeenRequest[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => (text += chunk));
    request.on('end', () => {
      const body: unknown = text === '' ? undefined : JSON.parse(text);
      const record = { method: request.method ?? '', path: request.url ?? '', headers: request.headers, body };
      seen.push(record);
      const { status, headers, body: answered, text: raw } = answer(record);
      if (status === 0) return void request.socket.destroy();
      response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
      response.end(raw ?? (answered === undefined ? undefined : JSON.stringify(answered)));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await use({ address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen });
  } finally {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }
}

/** A command line, the request that it must send first, and what it must make of the answer. */
export interface RequestCase {
  readonly argv: readonly string[];
  /** Method, path, and the body if there is one. */
  readonly request: readonly [string, string, unknown?];
  /** Default: 204. */
  readonly answer?: CannedAnswer;
  readonly stdout?: string;
  /** With `ADDR` for the server's address. */
  readonly stderr?: string;
  readonly exitCode?: number;
  readonly stdin?: string;
}

export async function checkRequest(asked: RequestCase): Promise<void> {
  const { argv, request, answer = { status: 204 }, stdout = '', stderr = '', exitCode = 0, stdin = '' } = asked;
  await withServer(
    () => answer,
    async ({ address, seen }) => {
      const ran = await runCli(argv, { env: { VAULT_ADDR: address, VAULT_TOKEN: 'mine' }, stdin });
      assert.deepEqual({ ...ran, stderr: ran.stderr.replaceAll(address, 'ADDR') }, { exitCode, stdout, stderr });
      const [method, path, body] = request;
      assert.deepEqual([seen[0]?.method, seen[0]?.path, seen[0]?.body], [method, path, body]);
      assert.equal(seen[0]?.headers['x-vault-token'], 'mine');
    },
  );
}
