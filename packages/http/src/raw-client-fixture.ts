import type { Socket } from 'node:net';
import { connect } from 'node:net';

/** For tests: an HTTP/1.1 client that sends exactly the bytes it is given, and reads answers one by one. */
export interface RawResponse {
  /** The first, as in `HTTP/1.1 204 No Content`. */
  readonly line: string;
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

export class RawClient {
  readonly socket: Socket;
  #received = '';
  #ended = false;
  #wake: () => void = () => undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      this.#received += text;
      this.#wake();
    });
    const onEnd = (): void => {
      this.#ended = true;
      this.#wake();
    };
    socket.on('close', onEnd).on('end', onEnd).on('error', onEnd);
  }

  static to(port: number): RawClient {
    return new RawClient(connect(port, '127.0.0.1'));
  }

  send(text: string): Promise<void> {
    return new Promise((resolve) => this.socket.write(text, 'latin1', () => resolve()));
  }

  /** One byte in each packet. */
  async sendSplit(text: string): Promise<void> {
    for (const byte of text) {
      await this.send(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** The next answer. Rejects when the connection ends before it is whole. */
  async response(hasBody = true): Promise<RawResponse> {
    for (;;) {
      const headersEnd = this.#received.indexOf('\r\n\r\n');
      if (headersEnd !== -1) {
        const [statusLine = '', ...lines] = this.#received.slice(0, headersEnd).split('\r\n');
        const headers = new Map(
          lines.map((line) => [line.split(':', 1)[0]?.toLowerCase() ?? '', line.replace(/^[^:]*: */, '')]),
        );
        const end = headersEnd + 4 + (hasBody ? Number(headers.get('content-length') ?? 0) : 0);
        if (this.#received.length >= end) {
          const body = this.#received.slice(headersEnd + 4, end);
          this.#received = this.#received.slice(end);
          return { line: statusLine, status: Number(statusLine.split(' ')[1]), headers, body };
        }
      }
      if (this.#ended) throw new Error(`the connection ended after ${JSON.stringify(this.#received)}`);
      await this.#change();
    }
  }

  /** Resolves when the server has ended the connection; gives what came before. */
  async ended(): Promise<string> {
    while (!this.#ended) await this.#change();
    return this.#received;
  }

  close(): void {
    this.socket.destroy();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
