import { CofferError, type JsonObject, type OwnJsonLimits, randomId } from '@coffer/base';
import { type Caller, callerNetwork, type IncomingRequest, type RequestHandler } from '@coffer/framework';
import { type BodyOutcome, freeBuffer, parseJsonBody, readBody } from './body.ts';
import type { BodyBudget, BodyShare } from './body-budget.ts';
import type { BrowserGuard } from './browser-guard.ts';
import type { Connections } from './connections.ts';
import { logInternal, reportLostAnswer } from './exchange-log.ts';
import { HTTP_LIMITS } from './limits.ts';
import { type ForwardedForRules, type Origin, originOf } from './forwarded-for.ts';
import type { InFlight } from './in-flight.ts';
import { checkMessage, type EdgeRequest, type EdgeResponse } from './message.ts';
import { rawBody } from './raw-body.ts';
import { BODY_REFUSALS, BUSY, CROWDED } from './refusals.ts';
import { Reply, type ReplyOptions } from './reply.ts';
import { checkHeaders, parseTarget, RawHeaders, readToken, readWrapTtl, type Target } from './request.ts';
import { type Rendered, renderError, renderResponse } from './response.ts';

/** What of a request is told before its body is read; returns headers for the answer. */
export type AdmitRequest = (request: IncomingRequest) => AnswerHeaders | Promise<AnswerHeaders> | undefined;
type AnswerHeaders = Readonly<Record<string, string>>;

export interface ExchangeOptions extends ReplyOptions {
  readonly handle: RequestHandler;
  readonly takesLargeBody: (caller: Caller) => Promise<boolean>;
  readonly admit?: AdmitRequest;
  readonly takesRawBody: (path: string) => boolean;
  readonly budget: BodyBudget;
  readonly guard: BrowserGuard | undefined;
  readonly inFlight: InFlight;
  /** Serves a request even when too many are under way. */
  readonly unlimited: boolean;
  readonly forwardedFor?: ForwardedForRules;
  readonly maxBodyBytes: number;
  readonly strangerBodyBytes: number;
  readonly jsonLimits?: OwnJsonLimits;
  readonly requestTimeoutMs: number;
  /** See {@link RequestHandler}. */
  readonly maxDurationMs?: number;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** One request and its answer. */
export class Exchange {
  readonly #options: ExchangeOptions;
  readonly #request: EdgeRequest;
  readonly #reply: Reply;
  readonly #method: string;
  readonly #id = randomId();
  /** What the parser found wrong with the rest of the request. */
  #broken: Error | undefined;
  #endInFlight: (() => void) | undefined;

  constructor(
    options: ExchangeOptions,
    connections: Connections,
    request: EdgeRequest,
    response: EdgeResponse,
    method: string,
  ) {
    this.#options = options;
    this.#request = request;
    this.#method = method;
    this.#reply = new Reply(options, connections, { id: this.#id, request, isHead: method === 'HEAD' }, response);
    const endOfConnection = connections.begin(request);
    response.once('close', () => {
      this.#reply.close();
      this.#endInFlight?.();
      endOfConnection();
    });
    // A client going away is not an error of ours; without listeners it would end the process.
    request.on('error', (error: Error) => (this.#broken = error));
  }

  async run(expectsContinue: boolean): Promise<void> {
    try {
      await this.#answer(expectsContinue);
    } catch (thrown) {
      const error = CofferError.from(thrown);
      if (error.code === 'internal') logInternal(this.#options.logger, this.#id, error);
      this.#reply.addHeaders(error.headers);
      if (error.retryAfterSeconds !== undefined)
        this.#reply.addHeaders({ 'retry-after': String(error.retryAfterSeconds) });
      this.#reply.send(renderError(error));
    }
  }

  async #answer(expectsContinue: boolean): Promise<void> {
    const { headers } = this.#request;
    const { guard, forwardedFor } = this.#options;
    checkMessage(this.#request);
    guard?.check(headers);
    const origin = originOf(this.#request, forwardedFor);
    const { remoteAddress } = origin;
    const target = parseTarget(this.#method, this.#request.url ?? '');
    if (target === undefined) throw new CofferError('not-found', '');
    checkHeaders(headers);
    const wrapTtl = readWrapTtl(headers);
    if (!this.#admit(origin, target)) return;
    const caller = this.#unread(target, origin, wrapTtl);
    const limits = this.#options.admit?.(caller);
    if (limits !== undefined) this.#reply.addHeaders(limits instanceof Promise ? await limits : limits);
    if (this.#isRaw(target)) {
      await this.#answerRaw(caller, expectsContinue);
      return;
    }
    if (target.operation !== 'update') {
      await this.#serve(caller);
      return;
    }
    const share = this.#options.budget.share(callerNetwork(remoteAddress));
    try {
      const data = await this.#data(caller, share, expectsContinue);
      if (data !== undefined) await this.#serve({ ...caller, data });
    } finally {
      share.release();
    }
  }

  async #serve(request: IncomingRequest): Promise<void> {
    const { handle, logger } = this.#options;
    const answer = await handle(request);
    if (this.#reply.closed) reportLostAnswer(logger, this.#id, answer);
    if (answer?.stream !== undefined) await this.#reply.sendStream(answer.status ?? 200, answer.stream);
    else this.#reply.send(renderResponse(this.#id, answer));
  }

  /** The request as far as its headers tell. */
  #unread({ operation, path, query }: Target, origin: Origin, wrapTtl: number): IncomingRequest {
    const { headers, rawHeaders } = this.#request;
    const { maxDurationMs } = this.#options;
    const { remoteAddress, remotePort, clientCertificates } = origin;
    const request: Writable<IncomingRequest> = {
      id: this.#id,
      operation,
      path,
      token: readToken(headers),
      remoteAddress,
      data: operation === 'update' ? {} : query,
      headers: new RawHeaders(rawHeaders),
      gone: this.#reply.gone,
    };
    // Without a spread for each, which would take longer than all the rest of it.
    if (remotePort !== undefined) request.remotePort = remotePort;
    if (clientCertificates !== undefined) request.clientCertificates = clientCertificates;
    if (maxDurationMs !== undefined) request.maxDurationMs = maxDurationMs;
    if (wrapTtl > 0) request.wrapTtl = wrapTtl;
    return request;
  }

  /** Counts the request as under way until its answer is out; false when there are too many: that has been answered then. */
  #admit({ remoteAddress, remotePort }: Origin, { operation, path }: Target): boolean {
    const { inFlight, unlimited } = this.#options;
    // Load balancers ask for it, and must not take a busy server for a dead one. It waits for nothing.
    const always = unlimited || (path === 'sys/health' && operation === 'read');
    const shortage = always ? undefined : inFlight.shortage(remoteAddress);
    if (shortage !== undefined) {
      this.#reply.refuse(...CROWDED[shortage], operation === 'update');
      return false;
    }
    const seen = { id: this.#id, startTime: Date.now(), method: this.#method, path: `/v1/${path}`, remoteAddress };
    this.#endInFlight = inFlight.begin(remotePort === undefined ? seen : { ...seen, remotePort });
    return true;
  }

  #isRaw({ operation, path }: Target): boolean {
    return operation === 'update' && this.#options.takesRawBody(path);
  }

  /** Lets the handler read the body: what is wrong with the caller is known before a byte of it is. */
  async #answerRaw(caller: IncomingRequest, expectsContinue: boolean): Promise<void> {
    const request = this.#request;
    const body = rawBody(request, {
      begin: () => {
        if (expectsContinue) this.#reply.proceed();
      },
      broken: () => this.#broken,
    });
    let rendered: Rendered;
    try {
      const answer = await this.#options.handle({ ...caller, body, maxDurationMs: HTTP_LIMITS.rawBodyMs });
      rendered = renderResponse(this.#id, answer);
    } catch (thrown) {
      const error = CofferError.from(thrown);
      if (error.code === 'internal') logInternal(this.#options.logger, this.#id, error);
      rendered = renderError(error);
    }
    if (request.readableEnded) this.#reply.send(rendered);
    else this.#reply.sendUnread(rendered, !request.destroyed && this.#broken === undefined);
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
        if (expectsContinue) this.#reply.proceed();
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
      this.#reply.refuse(...BUSY[share.shortage], false);
      return undefined;
    } finally {
      freeBuffer(body);
    }
  }

  #refuseBody(outcome: Exclude<BodyOutcome, Buffer | 'aborted'>, { shortage }: BodyShare): void {
    const [status, text] = outcome === 'busy' ? BUSY[shortage] : BODY_REFUSALS[outcome];
    // The parser passes on no more of a body that it cannot read.
    this.#reply.refuse(status, text, outcome !== 'malformed' && outcome !== 'late');
  }
}
