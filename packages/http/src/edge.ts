import { createServer } from 'node:http';
import { createSecureServer } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { Logger } from '@coffer/base';
import { CofferError, errorText } from '@coffer/base';
import type { RequestHandler } from '@coffer/core';
import { Connections } from './connections.ts';
import type { EdgeRequest, EdgeResponse } from './exchange.ts';
import { Exchange } from './exchange.ts';
import { acceptListMethod } from './list-method.ts';

/** A certificate chain (own certificate first) and its private key, both PEM. */
export interface TlsIdentity {
  readonly cert: string;
  readonly key: string;
}

export interface HttpEdgeOptions {
  readonly handle: RequestHandler;
  readonly logger: Logger;
  /** With it: TLS 1.2 and later, HTTP/2 and HTTP/1.1 by ALPN. Without: plain HTTP/1.1. */
  readonly tls?: TlsIdentity;
  /** A larger body is answered with 413. Default 32 MiB, as Vault. */
  readonly maxBodyBytes?: number;
  /** Further connections are refused. Default 4096. */
  readonly maxConnections?: number;
  /** For all headers of a request to arrive, and for a TLS handshake. Default 10 000. */
  readonly headersTimeoutMs?: number;
  /** For a whole request, its body included, to arrive. Default 60 000. */
  readonly requestTimeoutMs?: number;
  /** How long a request that has arrived is worked on before its client hears that it took too long. Default 90 000. */
  readonly maxDurationMs?: number;
  /** For a connection without requests. Default 120 000: longer than the 90 s after which Go's clients let go. */
  readonly idleTimeoutMs?: number;
}

export interface HttpEdge {
  /** Port 0 takes any free one. @throws CofferError `failed` when the address cannot be had */
  listen(host: string, port: number): Promise<{ address: string; port: number }>;
  /**
   * Stops accepting, ends idle connections, lets requests under way finish for `graceMs`, then cuts what is left.
   * Also waits (within the grace) for handlers whose client has gone. Resolves in every case; may be called again.
   */
  close(graceMs: number): Promise<void>;
  /** New connections get this certificate; for a reload. @throws CofferError `invalid-request` when it is no such, or the edge is plain */
  setTls(tls: TlsIdentity): void;
}

/**
 * Vault's HTTP API over a {@link RequestHandler}: `/v1/…` only, answers as OutgoingResponse.shape says, errors as
 * `{"errors": […]}` with the status of their code. What the handler throws beyond CofferError is logged and masked.
 *
 * @throws CofferError `invalid-request` when `tls` is no certificate with its key
 */
export function createHttpEdge(options: HttpEdgeOptions): HttpEdge {
  const { logger } = options;
  const server = createPlainOrTlsServer(options);
  server.maxConnections = options.maxConnections ?? 4096;
  const connections = new Connections(server, options.idleTimeoutMs ?? 120_000);
  const methodOf = acceptListMethod(server);
  const limits = {
    maxBodyBytes: options.maxBodyBytes ?? 32 * 1024 * 1024,
    requestTimeoutMs: options.requestTimeoutMs ?? 60_000,
  };
  const report = (thrown: unknown): void => logger.error('request failed', { error: errorText(thrown) });
  const accept = (expectsContinue: boolean) => (request: EdgeRequest, response: EdgeResponse) => {
    const exchange = new Exchange({ ...options, ...limits }, connections, request, response, methodOf(request));
    connections.track(exchange.run(expectsContinue), report);
  };
  server.on('request', accept(false));
  server.on('checkContinue', accept(true));
  // Any other expectation may be ignored (RFC 9110, 10.1.1); Node alone would answer 417 and skip methodOf.
  server.on('checkExpectation', accept(false));
  listenForErrors(server, connections, logger);

  let closing: Promise<void> | undefined;
  return {
    listen: (host, port) => listen(server, host, port),
    close: (graceMs) => (closing ??= close(server, connections, graceMs)),
    setTls(tls) {
      if (!('setSecureContext' in server)) throw new CofferError('invalid-request', 'this listener does not use TLS');
      withTls(() => server.setSecureContext({ cert: tls.cert, key: tls.key }));
    },
  };
}

function listenForErrors(server: EdgeServer, connections: Connections, logger: Logger): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) =>
    refuseConnection(error, socket, connections.isBusy(socket)),
  );
  server.on('error', (error: Error) => logger.error('listener failed', { error: error.message }));
  server.on('tlsClientError', (error: Error, socket: Socket) => {
    // node:http2 passes these on as 'clientError'; a farewell would wait for ever for the handshake that failed.
    socket.destroy();
    logger.debug('TLS handshake failed', { error: error.message });
  });
  server.on('sessionError', (error: Error) => logger.debug('HTTP/2 session failed', { error: error.message }));
  let nextWarning = 0;
  server.on('drop', () => {
    if (Date.now() < nextWarning) return;
    nextWarning = Date.now() + 60_000;
    logger.warn('connections are being refused: too many are open', { limit: server.maxConnections });
  });
}

type EdgeServer = ReturnType<typeof createPlainOrTlsServer>;

function createPlainOrTlsServer(options: HttpEdgeOptions) {
  const { tls, headersTimeoutMs: headersTimeout = 10_000, requestTimeoutMs: requestTimeout = 60_000 } = options;
  const limits = {
    headersTimeout: Math.min(headersTimeout, requestTimeout),
    requestTimeout,
    keepAliveTimeout: options.idleTimeoutMs ?? 120_000,
    connectionsCheckingInterval: Math.max(50, Math.min(5000, headersTimeout / 4)),
  };
  if (tls === undefined) return createServer(limits);
  const { cert, key } = tls;
  return withTls(() =>
    createSecureServer({
      ...limits,
      cert,
      key,
      allowHTTP1: true,
      minVersion: 'TLSv1.2',
      handshakeTimeout: headersTimeout,
      settings: { maxConcurrentStreams: 250 },
    }),
  );
}

function withTls<T>(use: () => T): T {
  try {
    return use();
  } catch (cause) {
    throw new CofferError('invalid-request', `TLS certificate and key cannot be used: ${errorText(cause)}`, { cause });
  }
}

function listen(server: EdgeServer, host: string, port: number): Promise<{ address: string; port: number }> {
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      const reason = error.code === 'EADDRINUSE' ? 'the address is already in use' : error.message;
      reject(new CofferError('failed', `cannot listen on ${host}:${port}: ${reason}`, { cause: error }));
    };
    server.once('error', fail);
    server.listen(port, host, () => {
      server.off('error', fail);
      const bound = server.address() as AddressInfo;
      resolve({ address: bound.address, port: bound.port });
    });
  });
}

async function close(server: EdgeServer, connections: Connections, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  connections.drain();
  const grace = Promise.withResolvers<void>();
  const timer = setTimeout(grace.resolve, graceMs);
  await Promise.race([Promise.all([closed, connections.idle()]), grace.promise]);
  clearTimeout(timer);
  connections.destroy();
  await closed;
}

/** For what the parser refuses. A connection with an answer under way is cut: a second status line would corrupt it. */
function refuseConnection(error: NodeJS.ErrnoException, socket: Socket, busy: boolean): void {
  if (busy || !socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const status =
    { HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large', ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout' }[
      error.code ?? ''
    ] ?? '400 Bad Request';
  socket.once('error', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`, () => socket.destroy());
}
