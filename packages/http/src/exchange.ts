import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Logger } from '@coffer/base';
import { CofferError, errorText, randomId } from '@coffer/base';
import type { OutgoingResponse, RequestHandler } from '@coffer/core';
import { parseJsonBody, readBody } from './body.ts';
import type { Connections } from './connections.ts';
import { checkHeaders, parseTarget, readToken, readWrapTtl } from './request.ts';
import type { Rendered } from './response.ts';
import { renderError, renderResponse } from './response.ts';

export type EdgeRequest = IncomingMessage | Http2ServerRequest;
export type EdgeResponse = ServerResponse | Http2ServerResponse;

export interface ExchangeOptions {
  readonly handle: RequestHandler;
  readonly logger: Logger;
  readonly maxBodyBytes: number;
  readonly requestTimeoutMs: number;
  /** See {@link RequestHandler}. */
  readonly maxDurationMs?: number;
}

/** How long a client that sends too large a body may still read our answer before the connection is cut. */
const LINGER_MS = 2000;

/** One request and its answer. */
export class Exchange {
  readonly #options: ExchangeOptions;
  readonly #connections: Connections;
  readonly #request: EdgeRequest;
  readonly #response: EdgeResponse;
  readonly #method: string;
  readonly #id = randomId();
  /** The answer is out, or there is nobody left to take it. */
  #closed = false;
  readonly #gone = new AbortController();

  constructor(
    options: ExchangeOptions,
    connections: Connections,
    request: EdgeRequest,
    response: EdgeResponse,
    method: string,
  ) {
    this.#options = options;
    this.#connections = connections;
    this.#request = request;
    this.#response = response;
    this.#method = method;
    const end = 'stream' in request ? undefined : connections.begin(request.socket);
    response.once('close', () => {
      this.#closed = true;
      if (!response.writableEnded) this.#gone.abort();
      end?.();
    });
    // A client that goes away is no error of ours; without listeners it would end the process.
    request.on('error', () => undefined);
    response.on('error', () => undefined);
  }

  async run(expectsContinue: boolean): Promise<void> {
    try {
      await this.#answer(expectsContinue);
    } catch (thrown) {
      const error = CofferError.from(thrown);
      if (error.code === 'internal') this.#logInternal(error);
      this.#send(renderError(error));
    }
  }

  async #answer(expectsContinue: boolean): Promise<void> {
    const { headers, socket } = this.#request;
    const remoteAddress = (socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/, '');
    const target = parseTarget(this.#method, this.#request.url ?? '');
    if (target === undefined) throw new CofferError('not-found', '');
    checkHeaders(headers);
    const wrapTtl = readWrapTtl(headers);
    let data = target.query;
    if (target.operation === 'update') {
      const { maxBodyBytes, requestTimeoutMs } = this.#options;
      if (expectsContinue && Number(headers['content-length'] ?? 0) <= maxBodyBytes) this.#response.writeContinue();
      const body = await readBody(this.#request, maxBodyBytes, requestTimeoutMs);
      if (body === 'aborted') return;
      if (body === 'too-large') {
        this.#sendTooLarge();
        return;
      }
      data = parseJsonBody(body);
    }
    const { operation, path } = target;
    const { maxDurationMs } = this.#options;
    const answer = await this.#options.handle({
      id: this.#id,
      operation,
      path,
      token: readToken(headers),
      data,
      remoteAddress,
      gone: this.#gone.signal,
      ...(maxDurationMs !== undefined && { maxDurationMs }),
      ...(wrapTtl > 0 && { wrapTtl }),
    });
    if (this.#closed) this.#reportLostAnswer(answer);
    this.#send(renderResponse(this.#id, answer));
  }

  #send(rendered: Rendered): void {
    if (this.#closed) return;
    const body = this.#prepare(rendered);
    if (body === undefined || this.#method === 'HEAD') this.#response.end();
    else this.#response.end(body);
  }

  /** Sets status and headers; returns the body's bytes. */
  #prepare({ status, body }: Rendered): Buffer | undefined {
    const response = this.#response;
    const bytes = body === undefined ? undefined : Buffer.from(`${JSON.stringify(body)}\n`);
    response.statusCode = status;
    response.setHeader('cache-control', 'no-store');
    response.setHeader('content-type', 'application/json');
    response.setHeader('strict-transport-security', 'max-age=31536000; includeSubDomains');
    if (status !== 204) response.setHeader('content-length', bytes?.length ?? 0);
    if (this.#connections.draining) this.#closeAfterwards();
    return bytes;
  }

  /** HTTP/2 knows no such header. */
  #closeAfterwards(): void {
    if (this.#request.httpVersionMajor === 1) this.#response.setHeader('connection', 'close');
  }

  /** Sends the answer at once but ends the connection late: closed over unread bytes, TCP would take the answer back. */
  #sendTooLarge(): void {
    if (this.#closed) return;
    const bytes = this.#prepare({ status: 413, body: { errors: ['request body too large'] } });
    this.#closeAfterwards();
    const end = (): void => {
      clearTimeout(timer);
      this.#response.end();
    };
    const timer = setTimeout(end, LINGER_MS);
    this.#request.once('end', end).once('close', end);
    this.#request.resume();
    if (bytes !== undefined) (this.#response as ServerResponse).write(bytes);
  }

  /** The core has done what was asked, and nobody knows: name the lease so that it can be revoked. */
  #reportLostAnswer(answer: OutgoingResponse | undefined): void {
    const fields = { request_id: this.#id, lease_id: answer?.lease?.id };
    if (answer?.lease === undefined) this.#options.logger.debug('client went away before the answer', fields);
    else this.#options.logger.warn('client went away before it got its lease', fields);
  }

  #logInternal(error: CofferError): void {
    const cause = error.cause ?? error;
    const place =
      cause instanceof Error
        ? (cause.stack ?? '')
            .split('\n')
            .find((line) => line.trimStart().startsWith('at '))
            ?.trim()
        : undefined;
    this.#options.logger.error('internal error', { request_id: this.#id, error: errorText(cause), place });
  }
}
