import { connect, type Socket } from 'node:net';
import { failure, type Sink } from './line-queue.ts';

export type SocketAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/** Writes to a connection, which it makes when there is something to write, and makes once more when it has failed. */
export class SocketSink implements Sink {
  readonly #address: SocketAddress;
  readonly #timeoutMs: number;
  #socket: Socket | undefined;

  /** `timeoutMs`: for connecting, and again for writing. */
  constructor(address: SocketAddress, timeoutMs: number) {
    this.#address = address;
    this.#timeoutMs = timeoutMs;
  }

  async write(bytes: Buffer, signal: AbortSignal): Promise<void> {
    try {
      await this.#send(bytes, signal);
    } catch {
      signal.throwIfAborted();
      await this.reset();
      await this.#send(bytes, signal);
    }
  }

  reset(): Promise<void> {
    const socket = this.#socket;
    this.#socket = undefined;
    // What was written before is still sent; one who does not read does not keep the connection.
    socket?.end().setTimeout(this.#timeoutMs, () => socket.destroy());
    return Promise.resolve();
  }

  async #send(bytes: Buffer, signal: AbortSignal): Promise<void> {
    const socket = this.#socket ?? (await this.#connect(signal));
    await this.#within('write', socket, signal, (done) => socket.write(bytes, done));
  }

  async #connect(signal: AbortSignal): Promise<Socket> {
    const socket = connect({ ...this.#address, noDelay: true });
    socket.unref();
    const forget = (): void => {
      if (this.#socket === socket) this.#socket = undefined;
      socket.destroy();
    };
    // The other side has gone: better known before the next line than by losing it. What it sends is thrown away.
    socket.on('error', forget).on('end', forget).on('close', forget).resume();
    await this.#within('connect', socket, signal, (done) => socket.once('connect', () => done()));
    this.#socket = socket;
    return socket;
  }

  /** Destroys the socket when it fails or takes too long. */
  async #within(
    what: string,
    socket: Socket,
    signal: AbortSignal,
    begin: (done: (error?: Error | null) => void) => void,
  ): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const fail = (cause: unknown): void => {
      reject(cause);
      socket.destroy();
    };
    const late = (): void => fail(failure(`${what}: i/o timeout after ${this.#timeoutMs / 1000} s`));
    const closed = (): void => fail(failure(`${what}: the connection was closed`));
    const timer = setTimeout(late, this.#timeoutMs);
    socket.once('error', fail).once('close', closed);
    signal.addEventListener('abort', late, { once: true });
    try {
      if (socket.destroyed) closed();
      else begin((error) => (error ? fail(error) : resolve()));
      await promise;
    } finally {
      clearTimeout(timer);
      socket.off('error', fail).off('close', closed);
      signal.removeEventListener('abort', late);
    }
  }
}
