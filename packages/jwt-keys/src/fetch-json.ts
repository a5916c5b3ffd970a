import { X509Certificate } from 'node:crypto';
import { type IncomingMessage, request as requestHttp, type RequestOptions } from 'node:http';
import { request as requestHttps } from 'node:https';
import { CofferError, errorText, isJsonObject, type JsonObject } from '@coffer/base';

export interface FetchOptions {
  /** PEM. Whom to trust in place of the system's authorities; empty for those. */
  readonly ca?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Makes a POST of it. */
  readonly body?: string;
  /** Statuses whose body is wanted as well. Default: 200 alone. */
  readonly accept?: readonly number[];
  /** For everything together, redirects included. Default: 10,000. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 10_000;
const MAX_BYTES = 1024 * 1024;
const MAX_REDIRECTS = 3;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * The JSON object that a server answers. A plain GET follows a few redirects, never out of TLS; whatever carries a body or
 * credentials follows none, so that they reach nobody but the server that was named.
 *
 * @throws CofferError `failed` with the address and the reason, and nothing of what was sent or answered
 */
export async function fetchJson(address: string, options: FetchOptions = {}): Promise<JsonObject> {
  const { timeoutMs = TIMEOUT_MS } = options;
  const signal = AbortSignal.timeout(timeoutMs);
  const mayMove = options.body === undefined && options.headers === undefined;
  let url = parseUrl(address);
  for (let moved = 0; ; moved++) {
    const { status, location, text } = await send(url, options, signal);
    if (!mayMove || !REDIRECTS.has(status) || location === undefined)
      return readAnswer(url, status, text, options.accept ?? [200]);
    if (moved === MAX_REDIRECTS) throw failure(url, 'too many redirects');
    url = redirected(url, location);
  }
}

function redirected(from: URL, location: string): URL {
  const to = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  if (to === undefined) throw failure(from, 'a redirect does not lead to a URL');
  if (from.protocol === 'https:' && to.protocol !== 'https:') throw failure(from, 'a redirect leads out of TLS');
  try {
    return parseUrl(to.href);
  } catch (thrown) {
    throw failure(from, `a redirect is refused: ${errorText(thrown)}`, thrown);
  }
}

/** @throws CofferError `failed` for anything but an address of HTTP or HTTPS without a user in it */
export function parseUrl(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || !['https:', 'http:'].includes(url.protocol) || url.hostname === '') {
    throw new CofferError('failed', 'the address is not a URL that starts with https:// or http://');
  }
  if (url.username !== '' || url.password !== '') throw new CofferError('failed', 'the address contains a user name');
  return url;
}

/** Whether anybody on the way could answer in the place of the server. */
export function isPlainHttp(address: string): boolean {
  return URL.canParse(address) && new URL(address).protocol === 'http:';
}

/** @throws CofferError `failed` when PEM text has no certificate in it, or one that cannot be read */
export function checkCa(pem: string): void {
  if (pem === '') return;
  const blocks = pem.split('-----BEGIN CERTIFICATE-----').slice(1);
  try {
    for (const block of blocks) new X509Certificate(`-----BEGIN CERTIFICATE-----${block}`);
    if (blocks.length > 0) return;
  } catch {
    // The library's words would show the text.
  }
  throw new CofferError('failed', 'could not parse CA PEM value successfully');
}

async function send(
  url: URL,
  options: FetchOptions,
  signal: AbortSignal,
): Promise<{ readonly status: number; readonly location: string | undefined; readonly text: string }> {
  try {
    const message = await start(url, options, signal);
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of message as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > MAX_BYTES) throw new Error(`the answer has more than ${MAX_BYTES} bytes`);
      chunks.push(chunk);
    }
    const { statusCode: status = 0, headers } = message;
    return { status, location: headers.location, text: Buffer.concat(chunks).toString('utf8') };
  } catch (thrown) {
    throw failure(
      url,
      signal.aborted ? `no answer within ${(options.timeoutMs ?? TIMEOUT_MS) / 1000} s` : errorText(thrown),
      thrown,
    );
  }
}

function start(url: URL, { ca = '', headers, body }: FetchOptions, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const options: RequestOptions & { ca?: string } = {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        Accept: 'application/json',
        ...headers,
        ...(body !== undefined && { 'Content-Length': String(Buffer.byteLength(body)) }),
      },
      signal,
      // Asked seldom: no connection is kept that would have to be closed.
      agent: false,
      ...(ca !== '' && { ca }),
    };
    const request = url.protocol === 'https:' ? requestHttps(url, options) : requestHttp(url, options);
    request.on('error', reject);
    request.on('response', resolve);
    request.end(body);
  });
}

function readAnswer(url: URL, status: number, text: string, accept: readonly number[]): JsonObject {
  if (!accept.includes(status)) throw failure(url, `status ${status}`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    parsed = undefined;
  }
  if (isJsonObject(parsed)) return parsed;
  throw failure(url, 'the answer is not a JSON object');
}

function failure(url: URL, reason: string, cause?: unknown): CofferError {
  return new CofferError('failed', `${url.origin}${url.pathname}: ${reason}`, { cause });
}
