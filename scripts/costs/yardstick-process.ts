/** The process of {@link Yardstick}: does the same piece of work each time it is told to, and says what that took. */
import { createCipheriv, createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Work } from './yardstick.ts';

const CLIENTS = 16;
const KEPT = 256;
const KEY = Buffer.alloc(32, 'yardstick');
const NONCE = KEY.subarray(0, 12);
const PACKET = Buffer.from('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}');

const kept = new Map<string, unknown>();

/** What a server does for a request, without a server: JSON, digests, a cipher, and a map in which things stay for a while. */
function compute(turn: number): void {
  const text = JSON.stringify({
    request_id: `0d1e2c3b-0000-4000-8000-${turn}`,
    lease_id: `database/creds/app/${turn}`,
    lease_duration: 86_400,
    renewable: true,
    data: { username: `v-token-app-${turn}`, password: 'Yardstick-1234-word-that-is-long' },
    policies: ['default', 'app', 'reports'],
  });
  const name = createHash('sha256').update(text).digest('base64url');
  createHmac('sha256', KEY).update(name).digest();
  const cipher = createCipheriv('aes-256-gcm', KEY, NONCE);
  Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
  kept.set(name, JSON.parse(text));
  if (kept.size <= KEPT) return;
  const [oldest = ''] = kept.keys();
  kept.delete(oldest);
}

/** What the kernel does for a request: a packet there and one back, over connections that stay open. */
async function exchange(clients: readonly Socket[], count: number): Promise<void> {
  let left = count;
  const takeTurns = (client: Socket): Promise<void> =>
    new Promise((done) => {
      const send = (): void => {
        if (left-- > 0) {
          client.write(PACKET);
          return;
        }
        client.off('data', send);
        done();
      };
      client.on('data', send);
      send();
    });
  await Promise.all(clients.map(takeTurns));
}

async function openClients(): Promise<readonly Socket[]> {
  const server = createServer({ noDelay: true }, (socket) => socket.on('data', () => socket.write(PACKET)));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return Array.from({ length: CLIENTS }, () => connect({ host: '127.0.0.1', port, noDelay: true }));
}

/** @returns microseconds of processor time */
async function run({ turns, exchanges }: Work, clients: readonly Socket[]): Promise<number> {
  const before = process.cpuUsage();
  for (let turn = 0; turn < turns; turn++) compute(turn);
  await exchange(clients, exchanges);
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

const clients = await openClients();
process.on('message', (work: Work) => {
  run(work, clients).then(
    (us) => process.send?.(us),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
