/** A relay between Terraform and the server that keeps what was asked and answered. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { JsonValue } from '@coffer/base';

/** One request and its answer. */
export interface Exchange {
  readonly method: string;
  /** Below `/v1/`, with its query. */
  readonly path: string;
  readonly body?: JsonValue;
  readonly status: number;
  readonly answer?: JsonValue;
}

export interface Recorder {
  readonly address: string;
  /** In the order of the answers. */
  readonly exchanges: readonly Exchange[];
  close(): Promise<void>;
}

/** @param target `http://host:port` of the server */
export async function startRecorder(target: string): Promise<Recorder> {
  const exchanges: Exchange[] = [];
  const relay = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const { method = 'GET', url = '/' } = incoming;
    const body = await text(incoming);
    const headers = Object.entries(incoming.headers).filter(
      (entry): entry is [string, string] => /^(x-vault-|content-type$)/.test(entry[0]) && typeof entry[1] === 'string',
    );
    const answer = await fetch(target + url, { method, headers, ...(body !== '' && { body }) });
    const content = await answer.text();
    exchanges.push({
      method,
      path: url.replace(/^\/v1\//, ''),
      ...(body !== '' && { body: JSON.parse(body) as JsonValue }),
      status: answer.status,
      ...(content !== '' && { answer: JSON.parse(content) as JsonValue }),
    });
    outgoing.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'application/json' });
    outgoing.end(content);
  };
  const server = createServer((incoming, outgoing) => {
    relay(incoming, outgoing).catch((error: unknown) => outgoing.destroy(error as Error));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    exchanges,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Whether it says that something is not finished yet, which is asked again until it is. */
export function isUnderWay({ path, answer }: Pick<Exchange, 'path' | 'answer'>): boolean {
  return path.startsWith('sys/remount/status/') && JSON.stringify(answer).includes('"status":"in-progress"');
}
