/** Somebody who takes the lines of an audit device. */
import { createServer, type Server, type Socket } from 'node:net';

export interface Collector {
  readonly address: string;
  lines(): string[];
  stop(): void;
  restart(): Promise<void>;
}

/** Somebody who takes lines at a TCP port, or at the path of a socket. */
export async function startCollector(path?: string): Promise<Collector> {
  let text = '';
  const sockets = new Set<Socket>();
  let port = 0;
  let server: Server;
  const start = async (): Promise<void> => {
    server = createServer((socket) => {
      sockets.add(socket.on('error', () => undefined));
      socket.on('data', (chunk) => (text += chunk.toString()));
    });
    await new Promise<void>((done) =>
      path === undefined ? server.listen(port, '127.0.0.1', done) : server.listen(path, done),
    );
    const bound = server.address();
    if (typeof bound === 'object' && bound !== null) port = bound.port;
  };
  await start();
  return {
    address: path ?? `127.0.0.1:${port}`,
    lines: () => text.split('\n').filter((line) => line !== ''),
    stop() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
    restart: start,
  };
}
