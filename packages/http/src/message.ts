import type { IncomingMessage, ServerResponse } from 'node:http';
import { constants, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';

/** A request as Node.js hands it over, by HTTP/1.1 or HTTP/2: only the latter has `stream`. */
export type EdgeRequest = IncomingMessage | Http2ServerRequest;
/** The answer to it. */
export type EdgeResponse = ServerResponse | Http2ServerResponse;

/** Ends an HTTP/2 stream, or an HTTP/1.1 connection, without an answer. */
export function cutOff(request: EdgeRequest): void {
  if ('stream' in request) {
    request.stream.close(constants.NGHTTP2_CANCEL);
    // Even if the client does not accept that, it is over here.
    request.stream.destroy();
  } else request.socket.destroy();
}
