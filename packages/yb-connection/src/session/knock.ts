import { connect, type Socket } from 'node:net';
import { isSocket } from '../settings/hosts.ts';

/** A server process as its connection knows it: for a cancel request. */
export interface CancelKey {
  readonly processId: number;
  readonly secretKey: number;
}

/** Messages of the frontend/backend protocol 3.0 that may come first on a connection, each with its length before it. */
const SSL_REQUEST = message(80877103);
const CANCEL_REQUEST_CODE = 80877102;
/** Nobody waits for a cancel request, so it must not be there for ever. */
const CANCEL_MS = 5_000;

/**
 * Whether anybody answers at an address within `milliseconds`. Asks whether the server speaks TLS, which takes no login and no
 * connection slot: whatever it says to that, even by closing, it is alive. Never rejects.
 */
export function knock(address: string, port: number, milliseconds: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = begin(address, port, SSL_REQUEST);
    const end = (alive: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(alive);
    };
    const timer = setTimeout(() => end(false), milliseconds).unref();
    socket.once('data', () => end(true));
    socket.once('end', () => end(true));
    socket.once('error', () => end(false));
  });
}

/** Asks the server to cancel what a process of its is doing, and does not wait for it. */
export function requestCancel(address: string, port: number, { processId, secretKey }: CancelKey): void {
  const socket = begin(address, port, message(CANCEL_REQUEST_CODE, processId, secretKey));
  socket.setTimeout(CANCEL_MS, () => socket.destroy());
  socket.on('error', () => undefined);
  socket.resume();
}

/** Keeps no process running. */
function begin(address: string, port: number, first: Buffer): Socket {
  const to = isSocket(address) ? { path: `${address}/.s.PGSQL.${port}` } : { host: address, port };
  const socket = connect(to, () => socket.write(first));
  return socket.unref();
}

function message(...numbers: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 + 4 * numbers.length);
  bytes.writeInt32BE(bytes.length);
  for (const [at, number] of numbers.entries()) bytes.writeInt32BE(number, 4 + 4 * at);
  return bytes;
}
