import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { Deadline, withDeadline } from '@coffer/base';
import { GrpcError, grpcStatus } from './grpc-error.ts';
import {
  CONTENT_TYPE,
  isGrpcContentType,
  readMetadata,
  readTimeout,
  type RequestMetadata,
  statusHeaders,
} from './grpc-headers.ts';
import { frameMessage, MessageReader } from './message-frames.ts';

/** A stream that the other end opened and that stays open. Nothing is sent on it but its end. */
export interface OpenStream {
  /** Ends the call with OK. */
  end(): void;
  /** Calls back once when the stream is over, whoever ended it. */
  onClose(callback: () => void): void;
}

/** How a call is answered, by its kind. Rejections are {@link GrpcError}s: nothing is masked at this level. */
export type ServedMethod =
  | { readonly kind: 'unary'; answer(request: Buffer, metadata: RequestMetadata): Promise<Uint8Array> }
  /** `endsWithCaller`: the caller sends too, and its end is the end of the call. */
  | { readonly kind: 'held'; readonly endsWithCaller: boolean; hold(stream: OpenStream): void };

/** Methods by path: `/package.Service/Method`. */
export type ServedMethods = ReadonlyMap<string, ServedMethod>;

/** What Go's servers take (grpc/grpc-go:server.go, defaultServerMaxReceiveMessageSize). */
const MESSAGE_LIMIT_BYTES = 4 * 1024 * 1024;
/** A list already, so that Node.js need not build one, where it takes lists (nodejs/node:doc/api/http2.md, http2stream.respond). */
const ANSWER_HEADERS = takesHeaderLists(process.versions.node)
  ? [':status', '200', 'content-type', CONTENT_TYPE]
  : { ':status': 200, 'content-type': CONTENT_TYPE };
/** The longest that a timer of Node.js can wait. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** One call, from its headers to its status. It is answered once, by whatever comes first. */
export class ServerCall {
  readonly #stream: ServerHttp2Stream;
  readonly #headers: IncomingHttpHeaders;
  readonly #rawHeaders: readonly string[];
  #answered = false;
  #deadline: NodeJS.Timeout | undefined;
  #timeoutMs: number | undefined;
  /** Nobody waits for the answer any more. */
  readonly #gone = new AbortController();

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: readonly string[]) {
    this.#stream = stream;
    this.#headers = headers;
    this.#rawHeaders = rawHeaders;
    // A reset by the caller: 'close' follows.
    stream.on('error', () => undefined);
    stream.once('close', () => {
      if (!this.#answered) this.#gone.abort();
      this.#answered = true;
      clearTimeout(this.#deadline);
    });
  }

  /** Answers the call. `methods` may still be under way; the call's deadline runs meanwhile. */
  serve(methods: Promise<ServedMethods>): void {
    if (this.#headers[':method'] !== 'POST') return this.#refuse(405);
    if (!isGrpcContentType(this.#headers['content-type'])) return this.#refuse(415);
    this.#startDeadline();
    const dispatch = (found: ServedMethods) => this.#dispatch(found.get(this.#headers[':path'] ?? ''));
    methods.then(dispatch).catch((error: unknown) => this.#fail(error));
  }

  /** Clients that do not speak gRPC get an HTTP answer. */
  #refuse(httpStatus: number): void {
    const text = httpStatus === 405 ? 'gRPC needs the method POST' : `gRPC needs the content-type ${CONTENT_TYPE}`;
    this.#end({ ':status': httpStatus, ...statusHeaders(grpcStatus.INTERNAL, text) });
  }

  #startDeadline(): void {
    const value = this.#headers['grpc-timeout'];
    try {
      const timeoutMs = readTimeout(typeof value === 'string' ? value : undefined);
      if (timeoutMs === undefined) return;
      this.#timeoutMs = timeoutMs;
      const expire = () => this.#fail(new GrpcError(grpcStatus.DEADLINE_EXCEEDED, 'context deadline exceeded'));
      this.#deadline = setTimeout(expire, Math.min(timeoutMs, LONGEST_TIMER_MS));
    } catch (error) {
      this.#fail(error);
    }
  }

  #dispatch(method: ServedMethod | undefined): void {
    if (this.#answered) return;
    const encoding = this.#headers['grpc-encoding'] ?? 'identity';
    if (method === undefined) {
      return this.#fail(new GrpcError(grpcStatus.UNIMPLEMENTED, `unknown method ${this.#headers[':path']}`));
    }
    if (encoding !== 'identity') {
      const text = `messages compressed with ${String(encoding)} are not supported`;
      return this.#fail(new GrpcError(grpcStatus.UNIMPLEMENTED, text), { 'grpc-accept-encoding': 'identity' });
    }
    if (method.kind === 'held') this.#hold(method);
    else this.#answerUnary(method);
  }

  #answerUnary(method: ServedMethod & { kind: 'unary' }): void {
    const messages: Buffer[] = [];
    const reader = new MessageReader(MESSAGE_LIMIT_BYTES, (message) => {
      if (messages.push(message) > 1) throw new GrpcError(grpcStatus.INTERNAL, 'the call has more than one message');
    });
    const work = async () => {
      reader.end();
      const [request] = messages;
      if (request === undefined) throw new GrpcError(grpcStatus.INTERNAL, 'the call has no message');
      this.#succeed(await this.#inTime(() => method.answer(request, readMetadata(this.#rawHeaders))));
    };
    this.#stream.on('data', (chunk: Buffer) => {
      // What still comes after the answer is read and dropped: a reset would hide the answer from the caller.
      if (this.#answered) return;
      try {
        reader.push(chunk);
      } catch (error) {
        this.#fail(error);
      }
    });
    this.#stream.once('end', () => {
      if (!this.#answered) work().catch((error: unknown) => this.#fail(error));
    });
  }

  /** What is done for the call knows how long its caller waits. */
  async #inTime<T>(work: () => Promise<T>): Promise<T> {
    const deadline = new Deadline(this.#timeoutMs ?? LONGEST_TIMER_MS, { gone: this.#gone.signal });
    try {
      return await withDeadline(deadline, work);
    } finally {
      deadline.clear();
    }
  }

  #hold(method: ServedMethod & { kind: 'held' }): void {
    const { endsWithCaller } = method;
    const end = () => this.#succeed();
    if (endsWithCaller) this.#stream.once('end', end);
    this.#stream.resume();
    const open: OpenStream = { end, onClose: (callback) => this.#stream.once('close', callback) };
    method.hold(open);
  }

  /** True once for each call, and never for one whose caller is gone. */
  #mayAnswer(): boolean {
    if (this.#answered || this.#stream.destroyed || this.#stream.closed) return false;
    this.#answered = true;
    return true;
  }

  #succeed(message?: Uint8Array): void {
    if (!this.#mayAnswer()) return;
    this.#stream.respond(ANSWER_HEADERS, { waitForTrailers: true });
    this.#stream.once('wantTrailers', () => {
      if (!this.#stream.destroyed && !this.#stream.closed) this.#stream.sendTrailers(statusHeaders(grpcStatus.OK, ''));
    });
    if (message === undefined) this.#stream.end();
    else this.#stream.end(frameMessage(message));
  }

  #fail(thrown: unknown, headers: Readonly<Record<string, string>> = {}): void {
    const { code, details } =
      thrown instanceof GrpcError ? thrown : { code: grpcStatus.UNKNOWN, details: 'internal error' };
    this.#end({ ':status': 200, 'content-type': CONTENT_TYPE, ...headers, ...statusHeaders(code, details) });
  }

  /** The answer in headers alone. */
  #end(headers: Readonly<Record<string, string | number>>): void {
    if (!this.#mayAnswer()) return;
    this.#stream.respond(headers, { endStream: true });
    this.#stream.resume();
  }
}

/** Node.js before 24.7, and 22 before 22.20, takes the places of a list for names of headers, and no answer arrives. */
function takesHeaderLists(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 24 || (major === 24 && minor >= 7) || (major === 22 && minor >= 20);
}
