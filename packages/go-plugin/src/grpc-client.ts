import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { callStream, type ClientCallOptions } from './client-call.ts';
import { GrpcError, grpcStatus } from './grpc-error.ts';

export interface ClientTls {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
  /** PEM: the only authority that the server's certificate may be of. */
  readonly authority: string;
}

/** The only name in a go-plugin certificate. */
const SERVER_NAME = 'localhost';

/**
 * gRPC over HTTP/2 to a unix socket (grpc/grpc:doc/PROTOCOL-HTTP2.md), without compression and without retries: whether
 * a call may be repeated is for the caller to know. It connects on first use, and again after the connection is lost.
 *
 * Calls reject with a GrpcError: the server's own status or, for what went wrong on the way, UNAVAILABLE (no connection),
 * DEADLINE_EXCEEDED, CANCELLED, or UNKNOWN for an answer that cannot be read. INTERNAL and UNIMPLEMENTED are never made
 * on this side: they say that the server refused, and an unreadable answer says nothing of what was done.
 */
export class GrpcClient {
  readonly #socketPath: string;
  readonly #tls: ClientTls | undefined;
  #session: ClientHttp2Session | undefined;
  #closed = false;

  /** Without `tls` it speaks HTTP/2 in plain text. */
  constructor(socketPath: string, tls?: ClientTls) {
    this.#socketPath = socketPath;
    this.#tls = tls;
  }

  /** One message for one message. */
  async unary(path: string, message: Uint8Array, options: ClientCallOptions = {}): Promise<Buffer> {
    const answers: Buffer[] = [];
    await this.read(path, message, (answer) => answers.push(answer), options);
    const [answer] = answers;
    if (answer !== undefined && answers.length === 1) return answer;
    throw new GrpcError(grpcStatus.UNKNOWN, `the server answered OK with ${answers.length} messages instead of one`);
  }

  /** One message for many, each handed to `take` as it arrives. Resolves when the server ends the call with OK. */
  async read(
    path: string,
    message: Uint8Array,
    take: (message: Buffer) => void,
    options: ClientCallOptions = {},
  ): Promise<void> {
    if (this.#closed) throw new GrpcError(grpcStatus.UNAVAILABLE, 'the connection was closed');
    await callStream(this.#connection(), path, message, take, options);
  }

  /** Cuts the connection; calls under way reject with UNAVAILABLE. */
  close(): void {
    this.#closed = true;
    this.#session?.destroy();
  }

  #connection(): ClientHttp2Session {
    const current = this.#session;
    if (current !== undefined && !current.closed && !current.destroyed) return current;
    const session = connectHttp2(`https://${SERVER_NAME}`, {
      createConnection: () => this.#connect(),
      maxSessionMemory: Number.MAX_SAFE_INTEGER,
      settings: { enablePush: false, initialWindowSize: 1024 * 1024 },
    });
    // Every call under way gets the error too.
    session.on('error', () => undefined);
    // GOAWAY: the calls that the server has taken go on, new ones need another connection.
    session.once('goaway', () => {
      if (this.#session === session) this.#session = undefined;
    });
    this.#session = session;
    return session;
  }

  #connect(): Duplex {
    const path = this.#socketPath;
    if (this.#tls === undefined) return connectSocket({ path });
    const { certificatePem: cert, privateKeyPem: key, authority: ca } = this.#tls;
    return connectTls({ path, cert, key, ca, servername: SERVER_NAME, ALPNProtocols: ['h2'], minVersion: 'TLSv1.2' });
  }
}
