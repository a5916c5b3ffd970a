import type { IncomingMessage, ServerResponse } from 'node:http';
import { constants, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import { CofferError } from '@coffer/base';
import { HTTP_LIMITS } from './limits.ts';

/** A request as Node.js hands it over, by HTTP/1.1 or HTTP/2: only the latter has `stream`. */
export type EdgeRequest = IncomingMessage | Http2ServerRequest;
/** The answer to it. */
export type EdgeResponse = ServerResponse | Http2ServerResponse;

const HOST = 'host';

/** Ends an HTTP/2 stream, or an HTTP/1.1 connection, without an answer. */
export function cutOff(request: EdgeRequest): void {
  if ('stream' in request) {
    request.stream.close(constants.NGHTTP2_CANCEL);
    // Even if the client does not accept that, it is over here.
    request.stream.destroy();
  } else request.socket.destroy();
}

/**
 * What Node's parser does not check: that there is one Host (RFC 9112, 3.2), that a body has no coding which nobody would undo
 * (`gzip, chunked`), and over HTTP/2 the size.
 * @throws CofferError `invalid-request`
 */
export function checkMessage({ httpVersion, headers, rawHeaders }: EdgeRequest): void {
  let bytes = 0;
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at++) {
    const text = rawHeaders[at] ?? '';
    bytes += text.length;
    if (at % 2 === 0 && text.length === HOST.length && text.toLowerCase() === HOST) hosts++;
  }
  if (bytes > HTTP_LIMITS.headerBytes) {
    throw new CofferError('invalid-request', `the headers have more than ${HTTP_LIMITS.headerBytes} bytes`);
  }
  if (!httpVersion.startsWith('1.')) return;
  if (hosts > 1 || (hosts === 0 && httpVersion === '1.1')) {
    throw new CofferError('invalid-request', 'the request must have one Host header');
  }
  const { 'transfer-encoding': encoding } = headers;
  if (encoding !== undefined && encoding.trim().toLowerCase() !== 'chunked') {
    throw new CofferError('invalid-request', 'the only supported Transfer-Encoding is "chunked"');
  }
}
