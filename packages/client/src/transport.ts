import type { IncomingMessage, RequestOptions } from 'node:http';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { pipeline } from 'node:stream/promises';
import { CofferError } from '@coffer/base';
import { connectionError } from './connection-error.ts';
import type { Endpoint } from './endpoint.ts';
import { parseEndpoint } from './endpoint.ts';

/** How the server's certificate is verified, and how the client authenticates itself. All of it is PEM text. */
export interface TlsOptions {
  readonly caCert?: string | readonly string[];
  readonly clientCert?: string;
  readonly clientKey?: string;
  readonly tlsServerName?: string;
  readonly tlsSkipVerify?: boolean;
}

export interface Exchange {
  readonly endpoint: Endpoint;
  readonly method: string;
  /** Path and query, percent-encoded. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly timeoutMs: number;
  readonly maxResponseBytes: number;
  readonly tls: TlsOptions;
  readonly followRedirect: boolean;
  /** Ends it before its time. */
  readonly signal?: AbortSignal;
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
  // One deadline for both: a redirect does not buy more time.
  const deadline = AbortSignal.timeout(asked.timeoutMs);
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

/** What a transfer is made of: an exchange in which one of the bodies is a stream. It takes as long as it takes. */
export interface Transfer extends Omit<Exchange, 'body' | 'timeoutMs' | 'maxResponseBytes' | 'followRedirect'> {
  /** What is sent, and its length in bytes. */
  readonly content?: { readonly chunks: AsyncIterable<Uint8Array>; readonly length: number } | undefined;
}

/**
 * Begins one. The body of the answer is still to be read.
 *
 * @throws CofferError `unavailable` when no answer came; whatever the chunks reject with
 */
export async function transfer(asked: Transfer): Promise<{ readonly url: string; readonly message: IncomingMessage }> {
  const { content } = asked;
  const url = `${asked.endpoint.origin}${asked.target}`;
  const options = requestOptions({
    ...asked,
    body: undefined,
    timeoutMs: 0,
    maxResponseBytes: 0,
    followRedirect: false,
  });
  const headers = { ...asked.headers, ...(content && { 'Content-Length': String(content.length) }) };
  const request = asked.endpoint.secure ? requestHttps({ ...options, headers }) : requestHttp({ ...options, headers });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    request.on('error', (error) => reject(connectionError(asked.method, url, error)));
    request.on('response', resolve);
  });
  const sent = content === undefined ? Promise.resolve(void request.end()) : pipeline(content.chunks, request);
  // A server that refuses answers before it has all, and does not read the rest.
  const message = await Promise.race([answered, sent.then(() => answered)]).catch(() => answered);
  sent.catch(() => undefined);
  return { url, message };
}

/**
 * The body of an answer with status 200 as it comes, any other answer as a whole. The time that is set is that until the answer
 * begins. Is not redirected.
 *
 * @throws CofferError `unavailable` when no answer came; so does the iteration when the answer breaks off
 */
export async function open(asked: Exchange): Promise<Answer | AsyncIterable<Uint8Array>> {
  const url = `${asked.endpoint.origin}${asked.target}`;
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(new DOMException('', 'TimeoutError')), asked.timeoutMs);
  try {
    const message = await start(asked, AbortSignal.any([patience.signal, ...(asked.signal ? [asked.signal] : [])]));
    if (message.statusCode === 200) return bodyOf(asked, url, message);
    return { url, status: message.statusCode ?? 0, text: await textOf(message, asked.maxResponseBytes) };
  } catch (thrown) {
    throw connectionError(asked.method, url, patience.signal.aborted ? patience.signal.reason : thrown);
  } finally {
    clearTimeout(timer);
  }
}

async function* bodyOf(
  { method, signal }: Exchange,
  url: string,
  message: IncomingMessage,
): AsyncGenerator<Uint8Array> {
  try {
    yield* message as AsyncIterable<Uint8Array>;
  } catch (thrown) {
    if (signal?.aborted !== true) throw connectionError(method, url, thrown);
  }
}

/** The rest of an answer, as text. @throws Error when it is larger */
export async function textOf(message: IncomingMessage, maxBytes: number): Promise<string> {
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

async function send(asked: Exchange, signal: AbortSignal): Promise<{ answer: Answer; message: IncomingMessage }> {
  const url = `${asked.endpoint.origin}${asked.target}`;
  try {
    const message = await start(asked, signal);
    const text = await textOf(message, asked.maxResponseBytes);
    return { answer: { url, status: message.statusCode ?? 0, text }, message };
  } catch (thrown) {
    throw connectionError(asked.method, url, signal.aborted ? signal.reason : thrown);
  }
}

function start(asked: Exchange, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const options = requestOptions(asked, signal);
    const request = asked.endpoint.secure ? requestHttps(options) : requestHttp(options);
    request.on('error', reject);
    request.on('response', resolve);
    request.end(asked.body);
  });
}

function requestOptions(
  { endpoint, method, target, headers, body, tls }: Exchange,
  signal?: AbortSignal,
): RequestOptions {
  const length = body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
  const where =
    endpoint.socketPath === undefined
      ? { host: endpoint.host, port: endpoint.port }
      : { socketPath: endpoint.socketPath };
  return {
    ...where,
    method,
    path: target,
    headers: { ...headers, ...length },
    ...(signal && { signal }),
    // No pooled connection: nothing must outlive the command that asked.
    agent: false,
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
