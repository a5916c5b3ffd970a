import type { Server as HttpServer } from 'node:http';
import type { Http2SecureServer, ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';

/** Keeps track of a server's sockets and of the requests under way, so that it can be drained. */
export class Connections {
  readonly #sockets = new Set<Socket>();
  /** Sockets that speak HTTP/1.1, with the number of their requests that have no complete answer yet. */
  readonly #http1 = new Map<Socket, number>();
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #work = new Set<Promise<void>>();
  #draining = false;

  constructor(server: HttpServer | Http2SecureServer, idleTimeoutMs: number) {
    const secure = 'setSecureContext' in server;
    const addHttp1 = (socket: Socket): void => {
      if ('alpnProtocol' in socket && socket.alpnProtocol === 'h2') return;
      if (this.#draining) socket.destroy();
      this.#http1.set(socket, 0);
      socket.once('close', () => this.#http1.delete(socket));
    };
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      if (!secure) addHttp1(socket);
    });
    server.on('secureConnection', addHttp1);
    server.on('session', (session: ServerHttp2Session) => {
      this.#sessions.add(session);
      session.once('close', () => this.#sessions.delete(session));
      session.setTimeout(idleTimeoutMs, () => session.close());
      if (this.#draining) session.close();
    });
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** Counts a request on an HTTP/1.1 socket until the function returned is called. */
  begin(socket: Socket): () => void {
    this.#count(socket, 1);
    return () => this.#count(socket, -1);
  }

  #count(socket: Socket, change: number): void {
    const count = this.#http1.get(socket);
    if (count === undefined) return;
    this.#http1.set(socket, count + change);
  }

  isBusy(socket: Socket): boolean {
    return (this.#http1.get(socket) ?? 0) > 0;
  }

  /** Holds on to the work of one request; what it throws goes to `report`. */
  track(work: Promise<void>, report: (thrown: unknown) => void): void {
    const reported = work.catch(report).finally(() => this.#work.delete(reported));
    this.#work.add(reported);
  }

  /** Ends every connection without a request under way; the others end with their answers. */
  drain(): void {
    this.#draining = true;
    for (const [socket, count] of this.#http1) if (count === 0) socket.destroy();
    for (const session of this.#sessions) session.close();
  }

  /** Resolves when no request's work is left, including work whose client has gone. */
  async idle(): Promise<void> {
    while (this.#work.size > 0) await Promise.all(this.#work);
  }

  destroy(): void {
    for (const session of this.#sessions) session.destroy();
    for (const socket of this.#sockets) socket.destroy();
  }
}
