import type { ServerResponse } from 'node:http';
import { CofferError, Departure, type Leaving, type Logger } from '@coffer/base';
import type { AnswerStream } from '@coffer/framework';
import { freeChunk } from './body.ts';
import type { Connections } from './connections.ts';
import { logInternal } from './exchange-log.ts';
import { cutOff, type EdgeRequest, type EdgeResponse } from './message.ts';
import { outbox } from './outbox.ts';
import type { Rendered } from './response.ts';
import { StreamedBody } from './streamed-body.ts';

export interface ReplyOptions {
  /** Headers of our own answers, by status. */
  readonly responseHeaders?: (status: number) => Iterable<readonly [string, string]>;
  readonly responseTimeoutMs: number;
  readonly logger: Logger;
}

/** What the reply is to. */
interface Asked {
  readonly id: string;
  readonly request: EdgeRequest;
  readonly isHead: boolean;
}

/** How long a client that sends too large a body may still read our answer before the connection is cut. */
const LINGER_MS = 2000;

const RETRY_AFTER_SECONDS = 1;

/** How one request is answered: whole or as a stream, to a client that may be slow, gone, or not done with sending. */
export class Reply {
  readonly #options: ReplyOptions;
  readonly #connections: Connections;
  readonly #id: string;
  readonly #request: EdgeRequest;
  readonly #isHead: boolean;
  readonly #response: EdgeResponse;
  /** The answer is out, or nobody is left to receive it. */
  #closed = false;
  readonly #gone = new Departure();

  constructor(options: ReplyOptions, connections: Connections, { id, request, isHead }: Asked, response: EdgeResponse) {
    this.#options = options;
    this.#connections = connections;
    this.#id = id;
    this.#request = request;
    this.#isHead = isHead;
    this.#response = response;
    // A client going away is not an error of ours; without listeners it would end the process.
    response.on('error', ignore);
  }

  /** To be called once the response is closed. */
  close(): void {
    this.#closed = true;
    if (!this.#response.writableEnded) this.#gone.abort();
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Aborted when the client has gone before it had its answer. */
  get gone(): Leaving {
    return this.#gone;
  }

  /** Has the client send the body that it holds back. */
  proceed(): void {
    this.#response.writeContinue();
  }

  /** Sends it at the end of this round of the event loop, unless the client has gone by then. */
  send(rendered: Rendered): void {
    if (this.#closed) return;
    const body = this.#prepare(rendered);
    outbox.add(() => {
      if (this.#closed) return;
      try {
        if (body === undefined || this.#isHead) this.#response.end();
        else this.#response.end(body);
        this.#limitDelivery();
      } catch (thrown) {
        this.#breakOff(thrown);
      }
    });
  }

  #breakOff(thrown: unknown): void {
    logInternal(this.#options.logger, this.#id, CofferError.from(thrown));
    cutOff(this.#request);
  }

  /** A client that has gone, or asks for the headers alone, gets none of it. */
  async sendStream(status: number, { contentType, contentLength, chunks }: AnswerStream): Promise<void> {
    const body = new StreamedBody(chunks, this.#gone);
    try {
      await body.begin();
      if (this.#closed) return;
      this.#setHead(status, contentType, contentLength);
      const response = this.#response as ServerResponse;
      response.flushHeaders();
      if (!this.#isHead) await body.sendTo(response, (taken) => this.#limitDelivery(taken));
      response.end();
      this.#limitDelivery();
    } catch (thrown) {
      if (!this.#response.headersSent) throw thrown;
      if (this.#closed) return;
      this.#breakOff(thrown);
    } finally {
      await body.end();
    }
  }

  /**
   * Cuts off a client that does not accept its answer: a connection at work is never idle, and would be held forever.
   * What the system has taken already needs no timer.
   */
  #limitDelivery(taken?: Promise<void>): void {
    const response = this.#response;
    if (this.#closed || (taken === undefined && isTaken(response))) return;
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

  /** Sets status and headers; returns the body: as text, which Node.js sends with the head in one write. */
  #prepare({ status, body }: Rendered): string | undefined {
    const text = body === undefined ? undefined : `${JSON.stringify(body)}\n`;
    this.#setHead(status, 'application/json', text === undefined ? 0 : Buffer.byteLength(text));
    return text;
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

  addHeaders(headers: Readonly<Record<string, string>>): void {
    if (this.#response.headersSent) return;
    for (const [name, value] of Object.entries(headers)) this.#response.setHeader(name, value);
  }

  /** HTTP/2 has no such header. */
  #closeAfterwards(): void {
    if (this.#request.httpVersionMajor === 1) this.#response.setHeader('connection', 'close');
  }

  refuse(status: number, text: string, hasMore: boolean): void {
    if (status === 503) this.addHeaders({ 'retry-after': String(RETRY_AFTER_SECONDS) });
    this.sendUnread({ status, body: { errors: [text] } }, hasMore && !this.#request.readableEnded);
  }

  /**
   * Sends the answer at once, but ends the connection late while there is more of the body to come: closed with bytes unread, TCP
   * would discard the answer.
   */
  sendUnread(rendered: Rendered, unread: boolean): void {
    if (this.#closed) return;
    const text = this.#prepare(rendered);
    this.#closeAfterwards();
    if (text !== undefined) (this.#response as ServerResponse).write(text);
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
    discard(this.#request);
  }
}

/**
 * Throws away what still comes. Over HTTP/1.1 each chunk is a copy, whose memory is given back at once: left to the garbage
 * collector, a flood of bodies takes a hundred megabytes, which the allocator never returns to the system.
 */
function discard(request: EdgeRequest): void {
  request.on('data', freeChunk);
}

function ignore(): void {
  // Told by the connection's end.
}

/** Whether all of an answer is with the system. Of HTTP/2 that is not known: its flow control comes after. */
function isTaken(response: EdgeResponse): boolean {
  if ('stream' in response) return false;
  return response.writableEnded && response.socket !== null && response.socket.writableLength === 0;
}
