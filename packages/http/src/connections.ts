import type { Server as HttpServer } from 'node:http';
import type { Http2SecureServer, ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { callerNetwork } from '@coffer/framework';
import { freeChunk } from './body.ts';
import type { EdgeRequest } from './message.ts';

export interface ConnectionLimits {
  /** Of all callers together. */
  readonly total: number;
  /** Of one address; of one /64 for IPv6. */
  readonly perNetwork: number;
  /** Requests waiting for their answers on one HTTP/1.1 connection. HTTP/2 has a limit of its own. */
  readonly pipelined: number;
  readonly idleTimeoutMs: number;
}

interface Connection {
  readonly network: string;
  /** Closes it, whatever it speaks. */
  readonly socket: Socket;
  readonly name: string;
  /** Where it speaks HTTP/1.1: the socket, or the one inside TLS. */
  http1?: Socket;
  session?: ServerHttp2Session;
  /** Requests without a complete answer. */
  underWay: number;
  /** Grows with each connection that begins to be idle. */
  idleSince: number;
  latest?: EdgeRequest;
  /** Set when nothing more is accepted from it: what is sent after the answers under way. */
  farewell?: string;
}

/**
 * A server's connections, with the requests under way on each. No caller can have all of them: beyond the limits the one
 * that has been idle longest is closed, those of the newcomer's own network first. One with a request under way is never cut.
 */
export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #onCrowd: (network: string) => void;
  readonly #all = new Set<Connection>();
  /** The same for each network. */
  readonly #networks = new Map<string, Set<Connection>>();
  readonly #byName = new Map<string, Connection>();
  readonly #of = new WeakMap<object, Connection>();
  readonly #work = new Set<Promise<void>>();
  #draining = false;
  #isLocal = false;
  #idleCount = 0;

  /** `onCrowd` is told the network for whose sake a connection was closed or refused. */
  constructor(server: HttpServer | Http2SecureServer, limits: ConnectionLimits, onCrowd: (network: string) => void) {
    this.#limits = limits;
    this.#onCrowd = onCrowd;
    // Only then is it known; the other end of a Unix socket has no address.
    server.once('listening', () => (this.#isLocal = typeof server.address() === 'string'));
    const secure = 'setSecureContext' in server;
    const addHttp1 = (socket: Socket, connection: Connection | undefined): void => {
      if ('alpnProtocol' in socket && socket.alpnProtocol === 'h2') return;
      if (connection === undefined || this.#draining) {
        socket.destroy();
        return;
      }
      connection.http1 = socket;
      this.#of.set(socket, connection);
      socket.on('data', giveBack);
    };
    server.on('connection', (socket: Socket) => {
      const connection = this.#add(socket);
      if (!secure) addHttp1(socket, connection);
    });
    server.on('secureConnection', (socket: Socket) => addHttp1(socket, this.#byName.get(nameOf(socket))));
    server.on('session', (session: ServerHttp2Session) => {
      const connection = this.#byName.get(nameOf(session.socket));
      if (connection === undefined) {
        session.destroy();
        return;
      }
      connection.session = session;
      this.#of.set(session, connection);
      session.setTimeout(limits.idleTimeoutMs, () => session.close());
      if (this.#draining) session.close();
    });
  }

  get draining(): boolean {
    return this.#draining;
  }

  #add(socket: Socket): Connection | undefined {
    const { remoteAddress = this.#isLocal ? '' : undefined } = socket;
    if (remoteAddress === undefined) {
      socket.destroy();
      return undefined;
    }
    const connection: Connection = {
      ...{ network: callerNetwork(remoteAddress), socket, name: nameOf(socket) },
      ...{ underWay: 0, idleSince: this.#idleCount++ },
    };
    const mates = this.#networks.get(connection.network) ?? new Set();
    this.#networks.set(connection.network, mates.add(connection));
    this.#all.add(connection);
    this.#byName.set(connection.name, connection);
    socket.once('close', () => this.#remove(connection));
    if (mates.size > this.#limits.perNetwork) this.#makeRoom(mates, connection);
    if (this.#all.size > this.#limits.total) this.#makeRoom(this.#all, connection);
    return this.#all.has(connection) ? connection : undefined;
  }

  /** Closes the longest idle of a network with more connections, else of one with as many; the newcomer when all are busy. */
  #makeRoom(among: ReadonlySet<Connection>, newcomer: Connection): void {
    this.#onCrowd(newcomer.network);
    const sizeOf = ({ network }: Connection): number => this.#networks.get(network)?.size ?? 0;
    const size = sizeOf(newcomer);
    const enough = among === this.#all ? size + 1 : size;
    const idle = [...among].filter((each) => each.underWay === 0);
    const goes =
      longestIdle(idle.filter((each) => sizeOf(each) >= enough)) ??
      longestIdle(idle.filter((each) => sizeOf(each) >= size)) ??
      newcomer;
    this.#remove(goes);
    goes.session?.destroy();
    goes.socket.destroy();
  }

  #remove(connection: Connection): void {
    const mates = this.#networks.get(connection.network);
    mates?.delete(connection);
    if (mates?.size === 0) this.#networks.delete(connection.network);
    this.#all.delete(connection);
    if (this.#byName.get(connection.name) === connection) this.#byName.delete(connection.name);
  }

  /** Whether a request may be worked on. One that may not is not answered: the connection ends before its turn. */
  admits(request: EdgeRequest): boolean {
    if ('stream' in request) return true;
    const connection = this.#of.get(request.socket);
    if (connection === undefined || connection.farewell !== undefined) return false;
    if (connection.underWay < this.#limits.pipelined) return true;
    this.refuse(request.socket, '429 Too Many Requests');
    return false;
  }

  /** Counts a request until the returned function is called. */
  begin(request: EdgeRequest): () => void {
    const connection = this.#of.get('stream' in request ? (request.stream.session ?? request.socket) : request.socket);
    if (connection === undefined) return () => undefined;
    connection.underWay++;
    connection.latest = request;
    return () => {
      connection.underWay--;
      if (connection.underWay > 0) return;
      connection.idleSince = this.#idleCount++;
      if (connection.farewell !== undefined) bid(connection);
    };
  }

  /**
   * Accepts no more from an HTTP/1.1 connection, and ends it with an answer of this status once everything asked before it
   * is answered. `error`: why the parser gave up; whoever waits for the rest of a body is told.
   */
  refuse(socket: Socket, status: string, error?: Error): void {
    const connection = this.#of.get(socket);
    if (connection === undefined || !socket.writable) {
      socket.destroy();
      return;
    }
    if (connection.farewell !== undefined) return;
    const { latest } = connection;
    // After half a request there can be no answer to another.
    const inside = latest !== undefined && 'complete' in latest && !latest.complete;
    connection.farewell = inside ? '' : `HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`;
    // What still arrives is thrown away unread.
    socket.removeAllListeners('data');
    socket.resume();
    if (inside && error !== undefined) latest.emit('error', error);
    if (connection.underWay === 0) bid(connection);
  }

  /** Says something in the open to a client that does not speak TLS, and ends its connection. */
  answerPlain(socket: Socket, text: string): void {
    this.#byName.get(nameOf(socket))?.socket.end(text);
  }

  /** {@link refuse}s after `milliseconds`, unless another request has come by then. */
  refuseUnlessMore(socket: Socket, status: string, milliseconds: number): void {
    const connection = this.#of.get(socket);
    const { latest } = connection ?? {};
    const timer = setTimeout(() => {
      if (connection === undefined || connection.latest === latest) this.refuse(socket, status);
    }, milliseconds);
    socket.once('close', () => clearTimeout(timer));
  }

  /** Keeps track of the work of one request; what it throws goes to `report`. */
  track(work: Promise<void>, report: (thrown: unknown) => void): void {
    const over = (): void => void this.#work.delete(tracked);
    const tracked = work.then(over, (thrown: unknown) => {
      over();
      report(thrown);
    });
    this.#work.add(tracked);
  }

  /** Ends every connection that has no request under way; the others end with their answers. */
  drain(): void {
    this.#draining = true;
    for (const { session, http1, underWay } of this.#all) {
      if (session !== undefined) session.close();
      else if (underWay === 0) http1?.destroy();
    }
  }

  /** Resolves when no request's work is left, including work whose client has gone. */
  async idle(): Promise<void> {
    while (this.#work.size > 0) await Promise.all(this.#work);
  }

  destroy(): void {
    for (const { session, socket } of this.#all) {
      session?.destroy();
      socket.destroy();
    }
  }
}

/** What the system is read with at once is 64 KiB; headers and small bodies are no matter. */
const LARGE_READ_BYTES = 16 * 1024;

/**
 * Gives back what a large read has brought, as soon as the parser has gone through it: it copies what it passes on
 * (nodejs/node:src/node_http_parser.cc, on_body).
 */
function giveBack(chunk: Buffer): void {
  if (chunk.length >= LARGE_READ_BYTES) setImmediate(freeChunk, chunk);
}

function longestIdle(connections: readonly Connection[]): Connection | undefined {
  let longest: Connection | undefined;
  for (const each of connections) if (longest === undefined || each.idleSince < longest.idleSince) longest = each;
  return longest;
}

function bid({ http1, farewell = '' }: Connection): void {
  if (http1 === undefined) return;
  http1.once('error', () => http1.destroy());
  http1.end(farewell, () => http1.destroy());
}

/** Identifies a connection of a server. A socket inside TLS and an HTTP/2 session have the name of what carries them. */
function nameOf({ localAddress, remoteAddress, remotePort }: Partial<Socket>): string {
  return `${localAddress} ${remoteAddress} ${remotePort}`;
}
