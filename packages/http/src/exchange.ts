import type { ServerResponse } from 'node:http';
import { CofferError, type JsonObject, type Logger, type OwnJsonLimits, randomId } from '@coffer/base';
import { type AnswerStream, type Caller, callerNetwork, type RequestHandler } from '@coffer/framework';
import { type BodyOutcome, freeBuffer, parseJsonBody, readBody } from './body.ts';
import type { BodyBudget, BodyShare } from './body-budget.ts';
import type { BrowserGuard } from './browser-guard.ts';
import type { Connections } from './connections.ts';
import { logInternal, reportLostAnswer } from './exchange-log.ts';
import { HTTP_LIMITS } from './limits.ts';
import { type ForwardedForRules, type Origin, originOf } from './forwarded-for.ts';
import type { InFlight } from './in-flight.ts';
import { checkMessage, cutOff, type EdgeRequest, type EdgeResponse } from './message.ts';
import { rawBody } from './raw-body.ts';
import { BODY_REFUSALS, BUSY, CROWDED } from './refusals.ts';
import { checkHeaders, parseTarget, readHeaders, readToken, readWrapTtl, type Target } from './request.ts';
import { type Rendered, renderError, renderResponse } from './response.ts';
import { StreamedBody } from './streamed-body.ts';

export interface ExchangeOptions {
  readonly handle: RequestHandler;
  readonly takesLargeBody: (caller: Caller) => Promise<boolean>;
  readonly admit?: (caller: Caller) => Readonly<Record<string, string>>;
  readonly takesRawBody: (path: string) => boolean;
  readonly budget: BodyBudget;
  readonly guard: BrowserGuard | undefined;
  readonly inFlight: InFlight;
  /** Serves a request even when too many are under way. */
  readonly unlimited: boolean;
  readonly forwardedFor?: ForwardedForRules;
  /** Headers of our own answers, by status. */
  readonly responseHeaders?: (status: number) => Iterable<readonly [string, string]>;
  readonly logger: Logger;
  readonly maxBodyBytes: number;
  readonly strangerBodyBytes: number;
  readonly jsonLimits?: OwnJsonLimits;
  readonly requestTimeoutMs: number;
  readonly responseTimeoutMs: number;
  /** See {@link RequestHandler}. */
  readonly maxDurationMs?: number;
}

/** How long a client that sends too large a body may still read our answer before the connection is cut. */
const LINGER_MS = 2000;

const RETRY_AFTER_SECONDS = 1;
/** One request and its answer. */
export class Exchange {
  readonly #options: ExchangeOptions;
  readonly #connections: Connections;
  readonly #request: EdgeRequest;
  readonly #response: EdgeResponse;
  readonly #method: string;
  readonly #id = randomId();
  /** The answer is out, or nobody is left to receive it. */
  #closed = false;
  /** What the parser found wrong with the rest of the request. */
  #broken: Error | undefined;
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
    const end = connections.begin(request);
    response.once('close', () => {
      this.#closed = true;
      if (!response.writableEnded) this.#gone.abort();
      end();
    });
    // A client going away is not an error of ours; without listeners it would end the process.
    request.on('error', (error: Error) => (this.#broken = error));
    response.on('error', () => undefined);
  }

  async run(expectsContinue: boolean): Promise<void> {
    try {
      await this.#answer(expectsContinue);
    } catch (thrown) {
      const error = CofferError.from(thrown);
      if (error.code === 'internal') logInternal(this.#options.logger, this.#id, error);
      this.#addHeaders(error.headers);
      if (error.retryAfterSeconds !== undefined) this.#addHeaders({ 'retry-after': String(error.retryAfterSeconds) });
      this.#send(renderError(error));
    }
  }

  async #answer(expectsContinue: boolean): Promise<void> {
    const { headers } = this.#request;
    const { handle, maxDurationMs, guard, forwardedFor } = this.#options;
    checkMessage(this.#request);
    guard?.check(headers);
    const origin = originOf(this.#request, forwardedFor);
    const { remoteAddress } = origin;
    const target = parseTarget(this.#method, this.#request.url ?? '');
    if (target === undefined) throw new CofferError('not-found', '');
    checkHeaders(headers);
    const wrapTtl = readWrapTtl(headers);
    if (!this.#admit(origin, target)) return;
    const caller = { path: target.path, token: readToken(headers), remoteAddress };
    this.#addHeaders(this.#options.admit?.(caller) ?? {});
    if (this.#isRaw(target)) {
      await this.#answerRaw({ ...caller, ...origin }, wrapTtl, expectsContinue);
      return;
    }
    const share = this.#options.budget.share(callerNetwork(remoteAddress));
    try {
      const data = target.operation === 'update' ? await this.#data(caller, share, expectsContinue) : target.query;
      if (data === undefined) return;
      const answer = await handle({
        id: this.#id,
        operation: target.operation,
        ...caller,
        ...origin,
        data,
        headers: readHeaders(this.#request.rawHeaders),
        gone: this.#gone.signal,
        ...(maxDurationMs !== undefined && { maxDurationMs }),
        ...(wrapTtl > 0 && { wrapTtl }),
      });
      if (this.#closed) reportLostAnswer(this.#options.logger, this.#id, answer);
      if (answer?.stream !== undefined) await this.#sendStream(answer.status ?? 200, answer.stream);
      else this.#send(renderResponse(this.#id, answer));
    } finally {
      share.release();
    }
  }

  /** Counts the request as under way until its answer is out; false when there are too many: that has been answered then. */
  #admit({ remoteAddress, remotePort }: Origin, { operation, path }: Target): boolean {
    const { inFlight, unlimited } = this.#options;
    // Load balancers ask for it, and must not take a busy server for a dead one. It waits for nothing.
    const always = unlimited || (path === 'sys/health' && operation === 'read');
    const shortage = always ? undefined : inFlight.shortage(remoteAddress);
    if (shortage !== undefined) {
      this.#refuse(...CROWDED[shortage], operation === 'update');
      return false;
    }
    const port = remotePort === undefined ? {} : { remotePort };
    const seen = {
      id: this.#id,
      startTime: Date.now(),
      method: this.#method,
      path: `/v1/${path}`,
      remoteAddress,
      ...port,
    };
    this.#response.once('close', inFlight.begin(seen));
    return true;
  }

  #isRaw({ operation, path }: Target): boolean {
    return operation === 'update' && this.#options.takesRawBody(path);
  }

  /** Lets the handler read the body: what is wrong with the caller is known before a byte of it is. */
  async #answerRaw(caller: Caller & Origin, wrapTtl: number, expectsContinue: boolean): Promise<void> {
    const request = this.#request;
    const body = rawBody(request, {
      begin: () => {
        if (expectsContinue) this.#response.writeContinue();
      },
      broken: () => this.#broken,
    });
    let rendered: Rendered;
    try {
      const answer = await this.#options.handle({
        ...{ id: this.#id, operation: 'update', ...caller, data: {}, body, gone: this.#gone.signal },
        headers: readHeaders(this.#request.rawHeaders),
        maxDurationMs: HTTP_LIMITS.rawBodyMs,
        ...(wrapTtl > 0 && { wrapTtl }),
      });
      rendered = renderResponse(this.#id, answer);
    } catch (thrown) {
      const error = CofferError.from(thrown);
      if (error.code === 'internal') logInternal(this.#options.logger, this.#id, error);
      rendered = renderError(error);
    }
    if (request.readableEnded) this.#send(rendered);
    else this.#sendUnread(rendered, !request.destroyed && this.#broken === undefined);
  }

  /** The JSON in the body. Undefined when there is none to be had; that has been answered then. */
  async #data(caller: Caller, share: BodyShare, expectsContinue: boolean): Promise<JsonObject | undefined> {
    const { maxBodyBytes, strangerBodyBytes, requestTimeoutMs, takesLargeBody } = this.#options;
    const body = await readBody(this.#request, {
      maxBytes: maxBodyBytes,
      strangerBytes: Math.min(strangerBodyBytes, maxBodyBytes),
      timeoutMs: requestTimeoutMs,
      share,
      broken: () => this.#broken,
      isKnown: () => takesLargeBody(caller),
      begin: () => {
        if (expectsContinue) this.#response.writeContinue();
      },
    });
    if (typeof body === 'string') {
      if (body !== 'aborted') this.#refuseBody(body, share);
      return undefined;
    }
    try {
      const { data, memoryBytes } = parseJsonBody(body, this.#options.jsonLimits);
      // While the request is under way, what was parsed takes the place of the bytes.
      if (share.resize(memoryBytes)) return data;
      this.#refuse(...BUSY[share.shortage], false);
      return undefined;
    } finally {
      freeBuffer(body);
    }
  }

  #send(rendered: Rendered): void {
    if (this.#closed) return;
    const body = this.#prepare(rendered);
    if (body === undefined || this.#method === 'HEAD') this.#response.end();
    else this.#response.end(body);
    this.#limitDelivery();
  }

  /** A client that has gone, or asks for the headers alone, gets none of it. */
  async #sendStream(status: number, { contentType, contentLength, chunks }: AnswerStream): Promise<void> {
    const body = new StreamedBody(chunks, this.#gone.signal);
    try {
      await body.begin();
      if (this.#closed) return;
      this.#setHead(status, contentType, contentLength);
      const response = this.#response as ServerResponse;
      response.flushHeaders();
      if (this.#method !== 'HEAD') await body.sendTo(response, (taken) => this.#limitDelivery(taken));
      response.end();
      this.#limitDelivery();
    } catch (thrown) {
      if (!this.#response.headersSent) throw thrown;
      if (this.#closed) return;
      logInternal(this.#options.logger, this.#id, CofferError.from(thrown));
      cutOff(this.#request);
    } finally {
      await body.end();
    }
  }

  /** Cuts off a client that does not accept its answer: a connection at work is never idle, and would be held forever. */
  #limitDelivery(taken?: Promise<void>): void {
    const response = this.#response;
    if (this.#closed) return;
    const begin = (): void => {
      const timer = setTimeout(() => cutOff(this.#request), this.#options.responseTimeoutMs);
      const stop = (): void => clearTimeout(timer);
      if (taken === undefined) response.once('close', stop);
      else taken.then(stop, stop);
    };
    // Its turn has not come: other answers on the connection go first.
    if ('stream' in response || response.socket !== null) begin();
    else response.once('socket', begin);
  }

  /** Sets status and headers; returns the body's bytes. */
  #prepare({ status, body }: Rendered): Buffer | undefined {
    const bytes = body === undefined ? undefined : Buffer.from(`${JSON.stringify(body)}\n`);
    this.#setHead(status, 'application/json', bytes?.length ?? 0);
    return bytes;
  }

  #setHead(status: number, contentType: string, contentLength: number | undefined): void {
    const response = this.#response;
    response.statusCode = status;
    response.setHeader('cache-control', 'no-store');
    response.setHeader('content-type', contentType);
    if (status === 429 && !response.hasHeader('retry-after')) response.setHeader('retry-after', RETRY_AFTER_SECONDS);
    response.setHeader('strict-transport-security', 'max-age=31536000; includeSubDomains');
    for (const [name, value] of this.#options.responseHeaders?.(status) ?? []) response.setHeader(name, value);
    if (status !== 204 && contentLength !== undefined) response.setHeader('content-length', contentLength);
    // After a request to upgrade, Node's parser reads no further requests.
    if (this.#connections.draining || this.#request.headers.upgrade !== undefined) this.#closeAfterwards();
  }

  #addHeaders(headers: Readonly<Record<string, string>>): void {
    if (this.#response.headersSent) return;
    for (const [name, value] of Object.entries(headers)) this.#response.setHeader(name, value);
  }

  /** HTTP/2 has no such header. */
  #closeAfterwards(): void {
    if (this.#request.httpVersionMajor === 1) this.#response.setHeader('connection', 'close');
  }

  #refuseBody(outcome: Exclude<BodyOutcome, Buffer | 'aborted'>, { shortage }: BodyShare): void {
    const [status, text] = outcome === 'busy' ? BUSY[shortage] : BODY_REFUSALS[outcome];
    // The parser passes on no more of a body that it cannot read.
    this.#refuse(status, text, outcome !== 'malformed' && outcome !== 'late');
  }

  #refuse(status: number, text: string, hasMore: boolean): void {
    if (status === 503) this.#addHeaders({ 'retry-after': String(RETRY_AFTER_SECONDS) });
    this.#sendUnread({ status, body: { errors: [text] } }, hasMore && !this.#request.readableEnded);
  }

  /**
   * Sends the answer at once, but ends the connection late while there is more of the body to come: closed with bytes unread, TCP
   * would discard the answer.
   */
  #sendUnread(rendered: Rendered, unread: boolean): void {
    if (this.#closed) return;
    const bytes = this.#prepare(rendered);
    this.#closeAfterwards();
    if (bytes !== undefined) (this.#response as ServerResponse).write(bytes);
    else if (unread) (this.#response as ServerResponse).flushHeaders();
    this.#limitDelivery();
    if (!unread) {
      this.#response.end();
      return;
    }
    const timer = setTimeout(() => this.#response.end(), LINGER_MS);
    const end = (): void => {
      clearTimeout(timer);
      this.#response.end();
    };
    this.#request.once('end', end).once('close', end);
    this.#request.resume();
  }
}
