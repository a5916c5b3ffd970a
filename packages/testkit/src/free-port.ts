import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { CofferError } from '@coffer/base';

const LAST_PORT = 65535;

/** Linux gives outgoing connections ports from 32768 on (ip_local_port_range). */
const [FIRST_CHOSEN, FIRST_OUTGOING] = [15_000, 32_000];

/**
 * The first TCP port at or above `from` that nothing listens on at 127.0.0.1; without `from`, one by chance, below those
 * that the kernel gives to outgoing connections: what is started there again and again finds it free. The
 * port is not reserved: a caller that binds it must be prepared to find it taken.
 *
 * @throws CofferError `failed` when every port up to 65535 is taken
 */
export async function freePort(from?: number): Promise<number> {
  if (from === undefined) return freePort(randomInt(FIRST_CHOSEN, FIRST_OUTGOING));
  for (let port = from; port <= LAST_PORT; port++) {
    try {
      return await bindOnce(port);
    } catch (thrown) {
      if (!isTaken(thrown)) throw thrown;
    }
  }
  throw new CofferError('failed', `no free TCP port on 127.0.0.1 from ${from} to ${LAST_PORT}`);
}

function isTaken(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && (thrown.code === 'EADDRINUSE' || thrown.code === 'EACCES');
}

function bindOnce(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const address = server.address();
      server.close(() => {
        resolve(address !== null && typeof address === 'object' ? address.port : port);
      });
    });
  });
}
