import { connect, type Socket } from 'node:net';
import { type Message, MessageReader, readParameters, readStatus, type TransactionStatus } from './wire-protocol.ts';

export interface Target {
  readonly host: string;
  readonly port: number;
}

interface Exchange {
  onMessage(message: Message): void;
  resolve(status: TransactionStatus): void;
  reject(error: Error): void;
}

/**
 * The proxy's connection to the server for one client: sends, and hands each answer to the request that waits for it.
 */
export class ServerConnection {
  /** Of the last ReadyForQuery. */
  status: TransactionStatus = 'I';
  applicationName = '';
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #unasked: (message: Message) => void;
  readonly #onBackend: (pid: number) => void;
  #exchange: Exchange | undefined;

  /** `unasked` gets what the server says on its own: notices, parameter changes, the FATAL error of a termination. */
  constructor(target: Target, unasked: (message: Message) => void, onBackend: (pid: number) => void) {
    this.#unasked = unasked;
    this.#onBackend = onBackend;
    this.#socket = connect({ host: target.host, port: target.port, noDelay: true });
    const reader = new MessageReader(false);
    this.#socket.on('data', (chunk: Buffer) => {
      this.#read(reader, chunk);
    });
    let failure: Error | undefined;
    this.#socket.on('error', (error) => (failure = error));
    this.closed = new Promise((resolve) => {
      this.#socket.once('close', () => {
        this.#exchange?.reject(failure ?? new Error('the server closed the connection'));
        resolve();
      });
    });
  }

  #read(reader: MessageReader, chunk: Buffer): void {
    reader.add(chunk);
    try {
      for (let message = reader.next(); message !== undefined; message = reader.next()) this.#receive(message);
    } catch (thrown) {
      this.#socket.destroy(thrown instanceof Error ? thrown : undefined);
    }
  }

  #receive(message: Message): void {
    if (message.type === 'K') this.#onBackend(message.body.readInt32BE(0));
    if (message.type === 'S')
      this.applicationName = readParameters(message.body, 0).get('application_name') ?? this.applicationName;
    const exchange = this.#exchange;
    if (exchange === undefined) {
      this.#unasked(message);
      return;
    }
    exchange.onMessage(message);
    if (message.type !== 'Z') return;
    this.status = readStatus(message);
    this.#exchange = undefined;
    exchange.resolve(this.status);
  }

  send(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  /**
   * Sends and waits for ReadyForQuery, handing over every message up to and with it. Rejects when the connection
   * closes first.
   */
  exchange(bytes: Buffer, onMessage: (message: Message) => void): Promise<TransactionStatus> {
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) {
        reject(new Error('the connection to the server is closed'));
        return;
      }
      this.#exchange = { onMessage, resolve, reject };
      this.#socket.write(bytes);
    });
  }

  end(lastWords: Buffer = Buffer.alloc(0)): void {
    this.#socket.end(lastWords);
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
