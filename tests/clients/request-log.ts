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
  /** In the order in which they were answered. */
  requests(): LoggedRequest[];
  close(): Promise<void>;
}

// The body before a message may end without a line break, so that its first line begins anywhere. No JSON text has one.
const REQUEST_LINE = /([A-Z]+) \/v1\/(\S*) HTTP\/1\.1\r\n/g;
const STATUS_LINE = /HTTP\/1\.1 (\d{3}) .*\r\n/g;

/** @param target `http://host:port` of the server */
export async function startRequestLog(target: string): Promise<RequestLog> {
  const { hostname, port } = new URL(target);
  const answers: { readonly request: () => string; readonly status: number }[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    let [asked, answered, count] = ['', '', 0];
    const requestAt = (index: number): string => {
      const [, method = '', url = ''] = [...asked.matchAll(REQUEST_LINE)][index] ?? [];
      return `${method} ${url.replace(/\?.*/, '')}`;
    };
    const upstream = connect(Number(port), hostname);
    client.on('data', (chunk) => (asked += chunk.toString('latin1')));
    upstream.on('data', (chunk) => {
      answered += chunk.toString('latin1');
      for (const [, status] of [...answered.matchAll(STATUS_LINE)].slice(count)) {
        const index = count++;
        answers.push({ request: () => requestAt(index), status: Number(status) });
      }
    });
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
    requests: () => answers.map(({ request, status }) => ({ request: request(), status })),
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
