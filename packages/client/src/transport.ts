import type { IncomingMessage, RequestOptions } from 'node:http';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { pipeline } from 'node:stream/promises';
import { CofferError } from '@coffer/base';
import { connectionError } from './connection-error.ts';
import type { Endpoint } from './endpoint.ts';
import { parseEndpoint } from './endpoint.ts';
import { agentFor, type ProxyChoice, proxyOf } from './proxy.ts';
import type { RateLimit } from './rate-limit.ts';
import { beginWithRetries, type Deadline, deadlineIn } from './retry.ts';

/** How the server's certificate is verified, and how the client authenticates itself. All of it is PEM text. */
export interface TlsOptions {
  readonly caCert?: string | readonly string[];
  readonly clientCert?: string;
  readonly clientKey?: string;
  readonly tlsServerName?: string;
  readonly tlsSkipVerify?: boolean;
}

/** What is asked of whom. */
interface Asked {
  readonly endpoint: Endpoint;
  readonly method: string;
  /** Path and query, percent-encoded. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsOptions;
  readonly proxy?: ProxyChoice | undefined;
  readonly maxResponseBytes: number;
  /** Ends it before its time. */
  readonly signal?: AbortSignal | undefined;
}

export interface Exchange extends Asked {
  readonly body: string | undefined;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly rateLimit?: RateLimit | undefined;
  readonly followRedirect: boolean;
}

/** An exchange in which a body is a stream. It takes as long as it takes, and is not redirected. */
export interface Transfer extends Asked {
  /** What is sent, and its length in bytes. */
  readonly content?: Content | undefined;
  /** How long until the answer begins. Default: for ever. */
  readonly timeoutMs?: number | undefined;
}

interface Content {
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly length: number;
}

export interface Answer {
  readonly url: string;
  readonly status: number;
  readonly text: string;
}

/**
 * One request and its answer. A single redirect (301, 302, 307) is followed with the same method, body and token, as standby
 * nodes of Vault require (openbao/openbao:api/client.go rawRequestWithContext).
 *
 * @throws CofferError `unavailable` when no answer came, `failed` for a redirect that would leave TLS
 */
export async function exchange(asked: Exchange): Promise<Answer> {
  // One deadline for all: neither a redirect nor a retry buys more time.
  const deadline = deadlineIn(asked.timeoutMs);
  await asked.rateLimit?.wait(deadline);
  const first = await send(asked, deadline);
  const location = first.message.headers.location;
  const redirected = asked.followRedirect && [301, 302, 307].includes(first.answer.status) && location !== undefined;
  if (!redirected) return first.answer;
  const target = new URL(location, first.answer.url);
  if (asked.endpoint.secure && target.protocol !== 'https:') {
    throw new CofferError('failed', 'redirect would cause protocol downgrade');
  }
  const endpoint = parseEndpoint(target.origin);
  return (await send({ ...asked, endpoint, target: `${target.pathname}${target.search}` }, deadline)).answer;
}

/** An answer that has begun. Its body is still to be read, in one way or the other. */
export interface Opened {
  readonly status: number;
  /** @throws CofferError `unavailable` when it breaks off, or is larger than it may be */
  whole(): Promise<Answer>;
  /** As it comes; it ends where {@link Asked.signal} ended it. The iteration throws CofferError `unavailable` when it breaks off. */
  chunks(): AsyncIterable<Uint8Array>;
}

/** @throws CofferError `unavailable` when no answer came, or what is sent could not be read */
export async function open(asked: Transfer): Promise<Opened> {
  const { method, signal, timeoutMs, maxResponseBytes } = asked;
  const url = urlOf(asked);
  const patience = new AbortController();
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => patience.abort(new DOMException('', 'TimeoutError')), timeoutMs);
  try {
    const message = await start(asked, AbortSignal.any([patience.signal, ...(signal ? [signal] : [])]));
    const status = message.statusCode ?? 0;
    return {
      status,
      whole: async () => ({ url, status, text: await textOf(message, maxResponseBytes).catch(brokenOff(method, url)) }),
      chunks: () => chunksOf(message, brokenOff(method, url), signal),
    };
  } catch (thrown) {
    throw connectionError(method, url, patience.signal.aborted ? patience.signal.reason : thrown, isProxied(asked));
  } finally {
    clearTimeout(timer);
  }
}

function brokenOff(method: string, url: string): (thrown: unknown) => never {
  return (thrown) => {
    throw connectionError(method, url, thrown);
  };
}

async function* chunksOf(
  message: IncomingMessage,
  broken: (thrown: unknown) => never,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  try {
    yield* message as AsyncIterable<Uint8Array>;
  } catch (thrown) {
    if (signal?.aborted !== true) broken(thrown);
  }
}

function isProxied({ endpoint, proxy }: Asked): boolean {
  return proxyOf(endpoint, proxy) !== undefined;
}

function urlOf({ endpoint, target }: Asked): string {
  return `${endpoint.origin}${target}`;
}

/** The rest of an answer, as text. @throws Error when it is larger */
async function textOf(message: IncomingMessage, maxBytes: number): Promise<string> {
  let text = '';
  let bytes = 0;
  message.setEncoding('utf8');
  for await (const chunk of message as AsyncIterable<string>) {
    text += chunk;
    bytes += Buffer.byteLength(chunk);
    // Leaving the loop ends the connection.
    if (bytes > maxBytes) throw new Error('the response is too large');
  }
  return text;
}

async function send(asked: Exchange, deadline: Deadline): Promise<{ answer: Answer; message: IncomingMessage }> {
  const url = urlOf(asked);
  const { signal } = deadline;
  try {
    const message = await beginWithRetries(() => start(asked, signal), asked.retries, deadline);
    const text = await textOf(message, asked.maxResponseBytes);
    return { answer: { url, status: message.statusCode ?? 0, text }, message };
  } catch (thrown) {
    throw connectionError(asked.method, url, signal.aborted ? signal.reason : thrown, isProxied(asked));
  }
}

async function start(
  asked: Asked & { readonly body?: string | undefined; readonly content?: Content | undefined },
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const { endpoint, body, content } = asked;
  const length = content?.length ?? (body === undefined ? undefined : Buffer.byteLength(body));
  const options = requestOptions(asked, length, signal);
  const request = endpoint.secure ? requestHttps(options) : requestHttp(options);
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    request.on('error', reject);
    request.on('response', resolve);
  });
  if (content === undefined) request.end(body);
  // A server that refuses answers before it has all, and does not read the rest; what else went wrong, the request says.
  else pipeline(content.chunks, request).catch(() => undefined);
  return answered;
}

function requestOptions(
  { endpoint, method, target, headers, tls, proxy }: Asked,
  length: number | undefined,
  signal: AbortSignal,
): RequestOptions {
  const where =
    endpoint.socketPath === undefined
      ? { host: endpoint.host, port: endpoint.port }
      : { socketPath: endpoint.socketPath };
  return {
    ...where,
    method,
    path: target,
    headers: { ...headers, ...(length !== undefined && { 'Content-Length': String(length) }) },
    signal,
    agent: agentFor(endpoint, proxy),
    ...(endpoint.secure ? tlsOptions(tls) : {}),
  };
}

function tlsOptions(tls: TlsOptions): RequestOptions {
  const options = {
    ca: typeof tls.caCert === 'string' ? tls.caCert : tls.caCert?.slice(),
    cert: tls.clientCert,
    key: tls.clientKey,
    servername: tls.tlsServerName,
    rejectUnauthorized: tls.tlsSkipVerify !== true,
  };
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
