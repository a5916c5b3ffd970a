import { constants } from 'node:crypto';
import { createServer } from 'node:http';
import { createSecureServer } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { SecureContextOptions } from 'node:tls';
import { CofferError, errorText, type Logger, type OwnJsonLimits, type Tracer } from '@coffer/base';
import type { Caller, RequestHandler } from '@coffer/framework';
import { BodyBudget } from './body-budget.ts';
import { BrowserGuard } from './browser-guard.ts';
import { Connections } from './connections.ts';
import { type AdmitRequest, Exchange } from './exchange.ts';
import type { ForwardedForRules } from './forwarded-for.ts';
import { InFlight } from './in-flight.ts';
import { HTTP_LIMITS } from './limits.ts';
import { Standstill } from './standstill.ts';
import { acceptListMethod } from './list-method.ts';
import type { EdgeRequest, EdgeResponse } from './message.ts';
import { tracedExchange } from './traced-exchange.ts';
import { listenOnSocket, type UnixSocket } from './unix-socket.ts';

/** A certificate chain (own certificate first) and its private key, both PEM. */
export interface TlsIdentity {
  readonly cert: string;
  readonly key: string;
  /** Who may issue the certificates of clients that must show one, PEM. Default: the authorities that Node.js knows. */
  readonly clientCa?: string;
}

/** How TLS is spoken; each has a default. */
export interface TlsRules {
  /** Default: TLS 1.2. */
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
  /** Default: TLS 1.3. */
  readonly maxVersion?: 'TLSv1.2' | 'TLSv1.3';
  /** OpenSSL's names, those of TLS 1.3 among them. */
  readonly ciphers?: readonly string[];
  /** Groups for the key exchange, OpenSSL's names. */
  readonly groups?: readonly string[];
  /**
   * `ask` (default): a client may show one, of any issuer, and proves that it has its key. `require`: one that a known
   * authority has issued. `none`: nobody is asked.
   */
  readonly clientCertificates?: 'ask' | 'require' | 'none';
}

export interface HttpEdgeOptions {
  readonly handle: RequestHandler;
  readonly logger: Logger;
  /** With it: TLS 1.2 and later, HTTP/2 and HTTP/1.1 by ALPN. Without: plain HTTP/1.1. */
  readonly tls?: TlsIdentity;
  readonly tlsRules?: TlsRules;
  /** Whose word is taken for where a request comes from. Default: nobody's. */
  readonly forwardedFor?: ForwardedForRules;
  /**
   * Whether a caller may send a body larger than {@link strangerBodyBytes}. Must not use up any of the token's uses.
   * Default: nobody may.
   */
  readonly takesLargeBody?: (caller: Caller) => Promise<boolean>;
  /**
   * Looks at each request before its body is read, so that the data of a write is empty; what it throws is the answer. Returns headers
   * for whatever the answer will be. Default: none.
   */
  readonly admit?: AdmitRequest;
  /** Whether the handler reads the body of a write to this path itself, whatever it is. Default: no path. */
  readonly takesRawBody?: (path: string) => boolean;
  /** Default: nothing is traced. */
  readonly tracer?: Tracer;
  /** A larger body is answered with 413. Default 32 MiB, as Vault, or the whole budget where that is less. */
  readonly maxBodyBytes?: number;
  /** The same for everybody whom {@link takesLargeBody} does not know. Default 256 KiB. */
  readonly strangerBodyBytes?: number;
  /** How much JSON a body may hold, where that differs from JSON_LIMITS. */
  readonly jsonLimits?: OwnJsonLimits;
  /** For the bodies of all requests; edges of one process share one. Beyond it the answer is 503, or 429 for one address. */
  readonly bodyBudget?: BodyBudget;
  /** Counts and limits the requests of all edges that share it. Beyond it the answer is 503, or 429 for one address. */
  readonly inFlight?: InFlight;
  /** Serves requests beyond that limit too. */
  readonly unlimited?: boolean;
  /** Headers of our own answers, by status; asked for each answer. */
  readonly responseHeaders?: (status: number) => Iterable<readonly [string, string]>;
  /** Beyond it the connection that has been idle longest is closed, or the new one if none is idle. Default 4096. */
  readonly maxConnections?: number;
  /** The same for one address (one /64 for IPv6). Default a quarter of the former. */
  readonly maxConnectionsPerNetwork?: number;
  /** Refuses requests that somebody else's web page makes a browser send; for a server that is reached without TLS. */
  readonly refuseForeignPages?: boolean;
  /** For all headers of a request to arrive, and for a TLS handshake, in milliseconds. Default 10 000. */
  readonly headersTimeoutMs?: number;
  /** For a whole request to arrive, its body included. Default 60 000. */
  readonly requestTimeoutMs?: number;
  /** For a client to accept its answer; then it is cut off. Default 120 000. */
  readonly responseTimeoutMs?: number;
  /** How long a request that has arrived is worked on before its client is told that it took too long. Default 90 000. */
  readonly maxDurationMs?: number;
  /** For a connection without requests. Default 120 000: longer than the 90 s after which Go's clients close it. */
  readonly idleTimeoutMs?: number;
}

export interface HttpEdge {
  /** Port 0 takes any free one. @throws CofferError `failed` when the address cannot be had */
  listen(host: string, port: number): Promise<{ address: string; port: number }>;
  /** The same on a Unix socket. @throws CofferError `failed` */
  listenOnSocket(socket: UnixSocket): Promise<void>;
  /**
   * Stops accepting, ends idle connections, lets requests under way finish for `graceMs`, then cuts what is left.
   * Also waits (within the grace) for handlers whose client has gone. Resolves in every case; may be called again.
   */
  close(graceMs: number): Promise<void>;
  /** New connections get this certificate; for a reload. @throws CofferError `invalid-request` when it cannot be used, or the edge has no TLS */
  setTls(tls: TlsIdentity): void;
}

/**
 * Vault's HTTP API over a {@link RequestHandler}: only `/v1/…`, answers in the form of OutgoingResponse.shape, errors as
 * `{"errors": […]}` with the status of their code. Whatever else the handler throws is logged and masked.
 *
 * @throws CofferError `invalid-request` when `tls` is not a certificate with its key
 */
export function createHttpEdge(options: HttpEdgeOptions): HttpEdge {
  const { logger } = options;
  const server = createPlainOrTlsServer(options);
  const connections = limitConnections(server, options);
  const methodOf = acceptListMethod(server);
  const budget = options.bodyBudget ?? new BodyBudget();
  const limits = {
    takesLargeBody: options.takesLargeBody ?? (() => Promise.resolve(false)),
    takesRawBody: options.takesRawBody ?? (() => false),
    budget,
    maxBodyBytes: Math.min(options.maxBodyBytes ?? HTTP_LIMITS.bodyBytes, budget.totalBytes),
    strangerBodyBytes: options.strangerBodyBytes ?? HTTP_LIMITS.strangerBodyBytes,
    requestTimeoutMs: options.requestTimeoutMs ?? HTTP_LIMITS.requestTimeoutMs,
    responseTimeoutMs: options.responseTimeoutMs ?? HTTP_LIMITS.responseTimeoutMs,
    inFlight: options.inFlight ?? new InFlight(),
    unlimited: options.unlimited ?? false,
  };
  const report = (thrown: unknown): void => logger.error('request failed', { error: errorText(thrown) });
  const serve = (guard: BrowserGuard | undefined): void => {
    const accept = (expectsContinue: boolean) => (request: EdgeRequest, response: EdgeResponse) => {
      const method = methodOf(request);
      if (!connections.admits(request)) return;
      const exchange = new Exchange({ ...options, ...limits, guard }, connections, request, response, method);
      connections.track(
        tracedExchange(options.tracer, { method, request, response }, () => exchange.run(expectsContinue)),
        report,
      );
    };
    server.on('request', accept(false));
    server.on('checkContinue', accept(true));
    // Any other expectation may be ignored (RFC 9110, 10.1.1); Node by itself would answer 417 and skip methodOf.
    server.on('checkExpectation', accept(false));
  };
  listenForErrors(server, connections, options);

  let closing: Promise<void> | undefined;
  return {
    listen(host, port) {
      serve(options.refuseForeignPages === true ? new BrowserGuard(host) : undefined);
      return listen(server, host, port);
    },
    listenOnSocket(socket) {
      serve(undefined);
      return listenOnSocket(server, socket);
    },
    close: (graceMs) => (closing ??= close(server, connections, graceMs)),
    setTls(tls) {
      if (!('setSecureContext' in server)) throw new CofferError('invalid-request', 'this listener does not use TLS');
      withTls(() => server.setSecureContext(contextOptions(tls, options.tlsRules)));
    },
  };
}

function limitConnections(server: EdgeServer, options: HttpEdgeOptions): Connections {
  const { maxConnections: total = HTTP_LIMITS.connections, logger } = options;
  const { maxConnectionsPerNetwork: perNetwork = Math.ceil(total / HTTP_LIMITS.shareOfOneNetwork) } = options;
  const idleTimeoutMs = options.idleTimeoutMs ?? HTTP_LIMITS.idleTimeoutMs;
  let nextWarning = 0;
  const limits = { total, perNetwork, pipelined: HTTP_LIMITS.requestsPerConnection, idleTimeoutMs };
  return new Connections(server, limits, (network) => {
    if (Date.now() < nextWarning) return;
    nextWarning = Date.now() + 60_000;
    logger.warn('too many connections: closing the longest idle ones', {
      from: network,
      total,
      per_address: perNetwork,
    });
  });
}

function listenForErrors(server: EdgeServer, connections: Connections, options: HttpEdgeOptions): void {
  const { logger, headersTimeoutMs = HTTP_LIMITS.headersTimeoutMs } = options;
  const standstill = new Standstill();
  server.on('close', () => standstill.close());
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === 'ECONNRESET') socket.destroy();
    else if (error.code === LATE && standstill.isJustOver)
      connections.refuseUnlessMore(socket, LATE_STATUS, headersTimeoutMs);
    else connections.refuse(socket, PARSER_REFUSALS[error.code ?? ''] ?? '400 Bad Request', error);
  });
  server.on('error', (error: Error) => logger.error('listener failed', { error: error.message }));
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === 'ERR_SSL_HTTP_REQUEST') connections.answerPlain(socket, HTTP_TO_HTTPS);
    // node:http2 passes these on as 'clientError'; a farewell would wait forever for the handshake that failed.
    socket.destroy();
    logger.debug('TLS handshake failed', { error: error.message });
  });
  server.on('sessionError', (error: Error) => logger.debug('HTTP/2 session failed', { error: error.message }));
}

/** golang/go:src/net/http/server.go, `serve`. */
const HTTP_TO_HTTPS = 'HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n';
const LATE = 'ERR_HTTP_REQUEST_TIMEOUT';
const LATE_STATUS = '408 Request Timeout';
const PARSER_REFUSALS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  [LATE]: LATE_STATUS,
};

type EdgeServer = ReturnType<typeof createPlainOrTlsServer>;

function createPlainOrTlsServer(options: HttpEdgeOptions) {
  const { tls, headersTimeoutMs: headersTimeout = HTTP_LIMITS.headersTimeoutMs } = options;
  const { requestTimeoutMs: requestTimeout = HTTP_LIMITS.requestTimeoutMs } = options;
  const limits = {
    // Checked by the exchange: Node would answer by itself, without an event by which acceptListMethod could count the request.
    requireHostHeader: false,
    maxHeaderSize: HTTP_LIMITS.headerBytes,
    headersTimeout: Math.min(headersTimeout, requestTimeout),
    requestTimeout,
    keepAliveTimeout: options.idleTimeoutMs ?? HTTP_LIMITS.idleTimeoutMs,
    connectionsCheckingInterval: Math.max(50, Math.min(5000, headersTimeout / 4)),
  };
  if (tls === undefined) return createServer(limits);
  const { tlsRules } = options;
  return withTls(() =>
    createSecureServer({
      ...limits,
      ...contextOptions(tls, tlsRules),
      allowHTTP1: true,
      requestCert: tlsRules?.clientCertificates !== 'none',
      rejectUnauthorized: tlsRules?.clientCertificates === 'require',
      handshakeTimeout: headersTimeout,
      settings: { maxConcurrentStreams: HTTP_LIMITS.requestsPerConnection },
    }),
  );
}

function contextOptions({ cert, key, clientCa }: TlsIdentity, rules: TlsRules = {}): SecureContextOptions {
  const { minVersion = 'TLSv1.2', maxVersion, ciphers, groups, clientCertificates } = rules;
  return {
    cert,
    key,
    minVersion,
    ...(maxVersion !== undefined && { maxVersion }),
    ...(ciphers && { ciphers: ciphers.join(':') }),
    ...(groups && { ecdhCurve: groups.join(':') }),
    ...(clientCa !== undefined && { ca: clientCa }),
    // A session that is taken up again would have the client's certificate without what stands between it and its authority,
    // and would outlive a change of the authorities.
    ...(clientCertificates !== 'none' && { secureOptions: constants.SSL_OP_NO_TICKET }),
  };
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
