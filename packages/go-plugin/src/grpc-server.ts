import { createSecureServer, createServer, type Http2Server, type ServerHttp2Session } from 'node:http2';
import { type ServedMethods, ServerCall } from './server-call.ts';

export interface ServerTls {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
  /** PEM: only clients with a certificate of this authority may connect. */
  readonly clientAuthority: string;
}

const OPTIONS = {
  // Only the size of a message is limited; a host may keep a connection as busy as it likes, as with Go's servers.
  maxSessionMemory: Number.MAX_SAFE_INTEGER,
  maxSessionRejectedStreams: 10_000,
  // A host with many short deadlines resets many streams. It is the only one that can connect, and all its other calls
  // would be lost with the connection.
  streamResetBurst: 100_000,
  streamResetRate: 10_000,
  // One round of a message of the largest size should not need sixty window updates.
  settings: { initialWindowSize: 1024 * 1024 },
};

/** gRPC over HTTP/2 on a unix socket (grpc/grpc:doc/PROTOCOL-HTTP2.md), without compression. */
export class GrpcServer {
  readonly #server: Http2Server;
  readonly #sessions = new Set<ServerHttp2Session>();

  /** Calls that arrive before `methods` are there wait for them. Without `tls` it speaks HTTP/2 in plain text. */
  constructor(methods: Promise<ServedMethods>, tls?: ServerTls) {
    this.#server = tls === undefined ? createServer(OPTIONS) : createSecureServer({ ...OPTIONS, ...mutual(tls) });
    this.#server.on('session', (session) => {
      this.#sessions.add(session);
      session.once('close', () => this.#sessions.delete(session));
    });
    // Unauthorised and broken connections end by themselves and affect no other.
    for (const event of ['sessionError', 'tlsClientError', 'clientError']) this.#server.on(event, () => undefined);
    this.#server.on('stream', (stream, headers, _flags, rawHeaders: readonly string[]) => {
      new ServerCall(stream, headers, rawHeaders).serve(methods);
    });
  }

  /** Resolves when hosts can connect. */
  listen(socketPath: string): Promise<void> {
    return new Promise((done, fail) => {
      this.#server.once('error', fail);
      this.#server.listen(socketPath, () => {
        this.#server.off('error', fail);
        // A connection that could not be accepted.
        this.#server.on('error', () => undefined);
        done();
      });
    });
  }

  /** Takes no more calls. Resolves when those under way are answered. */
  async drain(): Promise<void> {
    const closed = [...this.#sessions].map(
      (session) => new Promise<void>((done) => (session.once('close', done), session.close())),
    );
    await Promise.all([...closed, new Promise<void>((done) => this.#server.close(() => done()))]);
  }

  /** Cuts every connection. */
  destroy(): void {
    for (const session of this.#sessions) session.destroy();
    this.#server.close();
  }
}

function mutual({ certificatePem, privateKeyPem, clientAuthority }: ServerTls) {
  return {
    cert: certificatePem,
    key: privateKeyPem,
    ca: clientAuthority,
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2' as const,
  };
}
