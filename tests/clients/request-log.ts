/** A relay between a client and the server that notes what was asked and what came of it, verbs such as LIST included. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** `GET sys/health` and its status. */
export interface LoggedRequest {
  readonly request: string;
  readonly status: number;
}

export interface RequestLog {
  readonly address: string;
  /** In the order in which connections were made and, on each, of the requests. */
  requests(): LoggedRequest[];
  close(): Promise<void>;
}

// The body before a message may end without a line break, so that its first line begins anywhere. No JSON text has one.
const REQUEST_LINE = /([A-Z]+) \/v1\/(\S*) HTTP\/1\.1\r\n/g;
const STATUS_LINE = /HTTP\/1\.1 (\d{3}) .*\r\n/g;

/** @param target `http://host:port` of the server */
export async function startRequestLog(target: string): Promise<RequestLog> {
  const { hostname, port } = new URL(target);
  const streams: { asked: string; answered: string }[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const stream = { asked: '', answered: '' };
    streams.push(stream);
    const upstream = connect(Number(port), hostname);
    client.on('data', (chunk) => (stream.asked += chunk.toString('latin1')));
    upstream.on('data', (chunk) => (stream.answered += chunk.toString('latin1')));
    client.pipe(upstream).pipe(client);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => other.destroy());
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: () =>
      streams.flatMap(({ asked, answered }) => {
        const statuses = [...answered.matchAll(STATUS_LINE)].map(([, status]) => Number(status));
        return [...asked.matchAll(REQUEST_LINE)].map(([, method, url = ''], index) => ({
          request: `${method} ${url.replace(/\?.*/, '')}`,
          status: statuses[index] ?? 0,
        }));
      }),
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
