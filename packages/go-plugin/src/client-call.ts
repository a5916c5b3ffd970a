import { type ClientHttp2Session, type ClientHttp2Stream, constants } from 'node:http2';
import { errorText } from '@coffer/base';
import { GrpcError, grpcStatus } from './grpc-error.ts';
import {
  CONTENT_TYPE,
  formatTimeout,
  type HeaderValues,
  isGrpcContentType,
  readStatus,
  statusOfHttp,
  statusOfReset,
} from './grpc-headers.ts';
import { frameMessage, MessageReader } from './message-frames.ts';

export interface ClientCallOptions {
  /** Request metadata, by lower-case key. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** After this long the call rejects with DEADLINE_EXCEEDED, and the server hears that it is over. */
  readonly timeoutMs?: number;
}

/** go-plugin's hosts have no limit of their own (hashicorp/go-plugin:grpc_client.go: math.MaxInt32). */
const MESSAGE_LIMIT_BYTES = 2 ** 31 - 1;

/** One call on a connection. Resolves with its OK, rejects with a GrpcError for every other end. */
export function callStream(
  session: ClientHttp2Session,
  path: string,
  message: Uint8Array,
  take: (message: Buffer) => void,
  { metadata = {}, timeoutMs }: ClientCallOptions,
): Promise<void> {
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': CONTENT_TYPE,
    te: 'trailers',
    'user-agent': 'coffer',
    ...(timeoutMs !== undefined && { 'grpc-timeout': formatTimeout(timeoutMs) }),
    ...metadata,
  });
  stream.end(frameMessage(message));
  return ended(session, stream, take, timeoutMs);
}

async function ended(
  session: ClientHttp2Session,
  stream: ClientHttp2Stream,
  take: (message: Buffer) => void,
  timeoutMs: number | undefined,
): Promise<void> {
  const end: CallEnd = { headers: undefined, trailers: {}, ours: undefined, broken: undefined };
  /** Ends the call from this side; the server sees a cancelled stream. */
  const give = (error: GrpcError) => {
    end.ours ??= error;
    stream.close(constants.NGHTTP2_CANCEL);
  };
  const reader = new MessageReader(MESSAGE_LIMIT_BYTES, take);
  const push = (chunk: Buffer): void => {
    if (end.ours !== undefined || !isGrpcContentType(end.headers?.['content-type'])) return;
    try {
      reader.push(chunk);
    } catch (error) {
      give(unreadable(error));
    }
  };
  // When much arrives at once, Node.js may hand out a body before it tells of the headers that came first.
  const early: Buffer[] = [];
  stream.on('response', (headers: HeaderValues) => {
    end.headers = headers;
    for (const chunk of early.splice(0)) push(chunk);
  });
  stream.on('trailers', (trailers: HeaderValues) => {
    end.trailers = trailers;
  });
  stream.on('error', (error: Error) => {
    end.broken = error;
  });
  stream.on('data', (chunk: Buffer) => (end.headers === undefined ? void early.push(chunk) : push(chunk)));
  stream.once('end', () => {
    // Settled here, so that no answer waits for the stream's own end.
    if (end.broken === undefined && end.ours === undefined && statusOf(end) !== undefined) finish();
  });
  let finish = (): void => undefined;
  const finished = new Promise<void>((done) => (finish = done));
  stream.once('close', () => finish());
  const expire = () => give(new GrpcError(grpcStatus.DEADLINE_EXCEEDED, 'context deadline exceeded'));
  const deadline = timeoutMs === undefined ? undefined : setTimeout(expire, Math.min(timeoutMs, 2 ** 31 - 1));
  await finished;
  clearTimeout(deadline);
  const failure = end.ours ?? failureOf(end, session, stream);
  if (failure !== undefined) throw failure;
  try {
    reader.end();
  } catch (error) {
    throw unreadable(error);
  }
}

/** What is known of a call's end. */
interface CallEnd {
  headers: HeaderValues | undefined;
  trailers: HeaderValues;
  /** Why this side ended it. */
  ours: GrpcError | undefined;
  /** What broke the stream. */
  broken: Error | undefined;
}

/** A failed call may have its status among the headers; then there are no trailers. */
function statusOf({ headers, trailers }: CallEnd): { code: grpcStatus; details: string } | undefined {
  return readStatus(trailers) ?? (headers === undefined ? undefined : readStatus(headers));
}

function failureOf(end: CallEnd, session: ClientHttp2Session, stream: ClientHttp2Stream): GrpcError | undefined {
  const status = statusOf(end);
  if (status !== undefined) {
    return status.code === grpcStatus.OK ? undefined : new GrpcError(status.code, status.details);
  }
  const cause = end.broken;
  if (session.destroyed || (end.headers === undefined && session.connecting)) {
    const text = `the connection to the plugin was lost${cause === undefined ? '' : `: ${errorText(cause)}`}`;
    return new GrpcError(grpcStatus.UNAVAILABLE, text, { cause });
  }
  const httpStatus = Number(end.headers?.[':status'] ?? 200);
  if (httpStatus !== 200) {
    return new GrpcError(statusOfHttp(httpStatus), `the plugin answered with HTTP status ${httpStatus}`);
  }
  const code = stream.rstCode ?? constants.NGHTTP2_NO_ERROR;
  const text = code === constants.NGHTTP2_NO_ERROR ? 'the call ended without a status' : `the call was reset (${code})`;
  return new GrpcError(statusOfReset(code), text, { cause });
}

/** The outcome is unknown then; INTERNAL would mean that the server refused. */
function unreadable(error: unknown): GrpcError {
  const details = error instanceof GrpcError ? error.details : errorText(error);
  return new GrpcError(grpcStatus.UNKNOWN, `the answer cannot be read: ${details}`, { cause: error });
}
