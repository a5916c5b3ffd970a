/**
 * Hostile clients, in a thread of their own: each sends its next request when the one before is answered, from an address of its
 * own. Ends with the first message, and answers it with how often each status came back.
 */
import { Agent, request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

/** What they do: guess the password of a user, of users that do not exist, guess tokens, or hold almost all of a body. */
export type Attack = 'one user' | 'no users' | 'no tokens' | 'bodies';

export interface HostileClients {
  readonly attack: Attack;
  readonly clients: number;
  readonly host: string;
  readonly port: number;
}

export type Answers = Readonly<Record<string, number>>;

/** Connections of one client that holds bodies, and the bytes of each of them. */
const HELD = { connections: 8, bytes: 256 * 1024 };

const { attack, clients, host, port } = workerData as HostileClients;
const answers: Record<string, number> = {};
const count = (answer: string): void => void (answers[answer] = (answers[answer] ?? 0) + 1);
let isOver = false;
const agents: Agent[] = [];
const sockets = new Set<Socket>();

function guess(
  client: number,
  turn: number,
): { readonly path: string; readonly token?: string; readonly body?: string } {
  switch (attack) {
    case 'no tokens':
      return { path: 'database/creds/probe', token: `hvs.${client}-${turn}` };
    case 'no users':
      return { path: `auth/userpass/login/nobody-${client}-${turn}`, body: '{"password":"guess"}' };
    default:
      return { path: 'auth/userpass/login/target', body: JSON.stringify({ password: `guess-${client}-${turn}` }) };
  }
}

function send(agent: Agent, { path, token, body }: ReturnType<typeof guess>): Promise<string> {
  return new Promise((resolve) => {
    const headers = token === undefined ? {} : { 'X-Vault-Token': token };
    const options = { host, port, agent, headers, path: `/v1/${path}`, method: body === undefined ? 'GET' : 'PUT' };
    const request = httpRequest(options, (message) => {
      message.resume().on('end', () => resolve(String(message.statusCode)));
      message.on('error', () => resolve('cut off'));
    });
    request.on('error', () => resolve('cut off'));
    request.end(body);
  });
}

async function guessAll(client: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, localAddress: addressOf(client) });
  agents.push(agent);
  for (let turn = 0; !isOver; turn++) {
    const answer = await send(agent, guess(client, turn));
    if (!isOver) count(answer);
  }
}

/** Sends all of a body but its last byte, and comes again when it is cut off. */
function hold(client: number): void {
  if (isOver) return;
  const socket = connect({ host, port, localAddress: addressOf(client) });
  sockets.add(socket);
  socket.on('error', () => undefined);
  socket.once('data', (chunk) => count(chunk.toString().slice(9, 12)));
  socket.on('close', () => {
    sockets.delete(socket);
    setTimeout(() => hold(client), 50);
  });
  const head = `PUT /v1/auth/userpass/login/target HTTP/1.1\r\nHost: x\r\nContent-Length: ${HELD.bytes}\r\n\r\n`;
  socket.write(head + 'x'.repeat(HELD.bytes - 1));
}

const addressOf = (client: number): string => `127.0.1.${client + 1}`;

for (let client = 0; client < clients; client++) {
  if (attack !== 'bodies') guessAll(client).catch(() => undefined);
  else for (let each = 0; each < HELD.connections; each++) hold(client);
}
parentPort?.once('message', () => {
  isOver = true;
  for (const agent of agents) agent.destroy();
  for (const socket of sockets) socket.destroy();
  parentPort?.postMessage(answers);
});
