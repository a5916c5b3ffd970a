import type { IncomingMessage, Server as HttpServer } from 'node:http';
import type { Http2SecureServer, Http2ServerRequest } from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

/**
 * Vault's clients list with the verb `LIST`. HTTP/2 carries it as it is, but Node's HTTP/1.1 parser refuses every verb
 * it does not know. It knows `LINK`: same length, same first two letters. So each message that begins with `LIST` is
 * changed in place before the parser sees it, and a note is kept that tells it from a real `LINK`. A listener on the
 * socket's 'data' event, put in front of the parser's own, makes Node feed the parser from JavaScript: public API only.
 *
 * A LIST pipelined after other requests is found when all of them are in one packet and none is chunked. Otherwise the
 * parser refuses it (400) once what came before is answered; no client in use pipelines.
 */
const LIST = Buffer.from('LIST');
const LINK = Buffer.from('LINK');
const HEADERS_END = '\r\n\r\n';

interface Connection {
  /** `start`: the next byte begins a message. `headers`: inside one that has not been announced. `body`: see current. */
  phase: 'start' | 'headers' | 'body';
  /** How many letters of LIST have matched so far; -1 when this message is not one. */
  matched: number;
  /** One entry for each message that has begun and is not announced yet: was it a LIST? */
  begun: boolean[];
  current: { readonly complete: boolean } | undefined;
}

/**
 * Installs the patch on a server. The returned function tells the verb of a request. Call it exactly once for every request,
 * synchronously in the 'request' or 'checkContinue' event: it also notes that the body of a message has begun.
 */
export function acceptListMethod(
  server: HttpServer | Http2SecureServer,
): (request: IncomingMessage | Http2ServerRequest) => string {
  const connections = new WeakMap<Socket, Connection>();
  const watch = (socket: Socket | TLSSocket): void => {
    if ('alpnProtocol' in socket && socket.alpnProtocol === 'h2') return;
    const connection: Connection = { phase: 'start', matched: 0, begun: [], current: undefined };
    connections.set(socket, connection);
    socket.prependListener('data', (chunk: Buffer) => patch(connection, chunk));
  };
  // TLS servers emit 'connection' too, with the socket below the encryption.
  server.on('setSecureContext' in server ? 'secureConnection' : 'connection', watch);
  return (request) => {
    const connection = 'stream' in request ? undefined : connections.get(request.socket);
    if (connection === undefined) return request.method ?? '';
    connection.phase = 'body';
    connection.current = request;
    const wasList = connection.begun.shift() ?? false;
    return wasList && request.method === 'LINK' ? 'LIST' : (request.method ?? '');
  };
}

function patch(connection: Connection, chunk: Buffer): void {
  // Messages found by patchPipelined may still be waiting to be announced: then this packet continues the last of them.
  if (connection.phase === 'body' && connection.current?.complete === true) {
    connection.phase = connection.begun.length > 0 ? 'headers' : 'start';
  }
  if (connection.phase === 'body') return;
  if (connection.phase === 'start') {
    connection.phase = 'headers';
    connection.matched = 0;
    connection.begun = [false];
    if (chunk.indexOf('LIST /', 1) !== -1 && patchPipelined(connection, chunk)) return;
  }
  if (connection.matched >= 0) connection.matched = patchLetters(connection, chunk, 0, connection.matched);
}

/** Continues matching at `offset`, with the first `matched` letters seen. Returns the letters matched, or -1 when settled. */
function patchLetters(connection: Connection, chunk: Buffer, offset: number, matched: number): number {
  for (let at = offset; at < chunk.length; at++, matched++) {
    if (chunk[at] !== LIST[matched]) return -1;
    chunk[at] = LINK[matched] ?? 0;
    if (matched === LIST.length - 1) {
      connection.begun[connection.begun.length - 1] = true;
      return -1;
    }
  }
  return matched;
}

/**
 * Walks the whole messages in one packet, as far as their framing is beyond doubt, and patches each that follows.
 * False, with nothing done, when there is no second one.
 */
function patchPipelined(connection: Connection, chunk: Buffer): boolean {
  let start = 0;
  for (;;) {
    const next = endOfMessage(chunk, start);
    if (next === undefined || next >= chunk.length) return start > 0;
    if (start === 0) patchLetters(connection, chunk, 0, 0);
    connection.begun.push(false);
    connection.matched = patchLetters(connection, chunk, next, 0);
    start = next;
  }
}

function endOfMessage(chunk: Buffer, start: number): number | undefined {
  const headersEnd = chunk.indexOf(HEADERS_END, start);
  if (headersEnd === -1) return undefined;
  const headers = chunk.toString('latin1', start, headersEnd + 2);
  if (/\r\n(?:transfer-encoding|upgrade|expect)[ \t]*:/i.test(headers)) return undefined;
  const lengths = [...headers.matchAll(/\r\ncontent-length[ \t]*:([^\r]*)\r\n/gi)];
  const length = lengths[0]?.[1]?.trim() ?? '0';
  if (lengths.length > 1 || !/^\d{1,9}$/.test(length)) return undefined;
  return headersEnd + HEADERS_END.length + Number(length);
}
