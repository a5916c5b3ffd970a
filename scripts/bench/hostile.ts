/**
 * `npm run bench -- hostile`: what others notice while 64 hostile clients, each with an address of its own, do what they can
 * without a token. A durable server from `dist/` with a store file and a real PostgreSQL; 8 other clients log in with a password, each
 * every 8 seconds, and 8 issue a credential four times a second. All run on this machine: what the hostile clients' own thread
 * takes of the processors is missing for the others.
 *
 * BENCH_SECONDS says for how long each attack is measured (default 15). UPDATE_DOCS=1 writes the table into
 * docs/benchmarks.md.
 */
import { Agent, request as httpRequest } from 'node:http';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { startPostgres } from '@coffer/testkit';
import type { DurableServer } from '../../tests/durable-process.ts';
import type { Answers, Attack, HostileClients } from './hostile-clients.ts';
import { cpuMsOf, makeLeaseServer, memoryOf, PROBE_ROLE, start } from './lease-server.ts';
import { machine } from './measurement.ts';
import { Report } from './report.ts';

const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 15);
const HOSTILE = 64;
const GOOD = 8;
const LOGIN_MS = 8_000;
const CREDENTIAL_MS = 250;
/** Requests a second that one address may make: more than any of the good ones does. */
const QUOTA = 5;

const ATTACKS: readonly (readonly [name: string, attack?: Attack, quotaOf?: string])[] = [
  ['do nothing'],
  ['guess the password of a user', 'one user'],
  ['guess users', 'no users'],
  ['guess users; quota', 'no users', 'auth/userpass'],
  ['guess tokens', 'no tokens'],
  ['guess tokens; quota', 'no tokens', ''],
  ['hold bodies', 'bodies'],
];

interface Measured {
  /** Milliseconds of each login, and of each credential; what failed is not among them. */
  readonly logins: number[];
  readonly credentials: number[];
  failed: number;
}

export async function benchHostile(): Promise<void> {
  const report = new Report();
  const database = await startPostgres();
  await database.query('CREATE ROLE app');
  const { home, rootToken } = await makeLeaseServer(database);
  try {
    const server = await start(home);
    const client = server.client(rootToken);
    await client.write('sys/auth/userpass', { type: 'userpass' });
    for (const name of ['good', 'target']) await client.write(`auth/userpass/users/${name}`, { password: 'right' });
    await beGood(server, rootToken, 3_000);
    report.say(`${machine()}; ${SECONDS} s each; the quota is ${QUOTA} requests a second of an address.\n`);
    const [login, credential] = ['a login, p50, p99', 'a credential, p50, p99'];
    report.head('64 hostile clients', 'a second', 'others: failed', login, credential, 'cores', 'memory');
    for (const [name, attack, path] of ATTACKS) {
      if (path !== undefined)
        await client.write('sys/quotas/rate-limit/bench', { path, rate: QUOTA, interval: '1s', block_interval: '10s' });
      report.row(name, ...(await measure(server, rootToken, attack)));
      if (path !== undefined) await client.delete('sys/quotas/rate-limit/bench');
    }
    await server.stop('SIGTERM');
    await report.end('hostile');
  } finally {
    await home.remove();
    await database.stop();
  }
}

/** A row of the table, but for its name. */
async function measure(server: DurableServer, rootToken: string, attack?: Attack): Promise<(string | number)[]> {
  const attackers = attack === undefined ? undefined : await startAttack(server, attack);
  // It takes them a moment to be locked out, or over their quota.
  await sleep(2_000);
  const before = { cpu: cpuMsOf(server), time: performance.now() };
  let most = 0;
  const look = setInterval(() => (most = Math.max(most, memoryOf(server).resident)), 100);
  const { logins, credentials, failed } = await beGood(server, rootToken, SECONDS * 1_000);
  clearInterval(look);
  const cores = (cpuMsOf(server) - before.cpu) / (performance.now() - before.time);
  const answers = (await attackers?.stop()) ?? {};
  const rates = Object.entries(answers).map(([status, count]) => `${(count / (SECONDS + 2)).toFixed(1)} × ${status}`);
  const ms = (values: readonly number[]) => `${quantile(values, 0.5)}, ${quantile(values, 0.99)} ms`;
  return [
    rates.join(', ') || '-',
    failed,
    ms(logins),
    ms(credentials),
    cores.toFixed(2),
    `${(most / 1e6).toFixed(0)} MB`,
  ];
}

async function startAttack({ address }: DurableServer, attack: Attack): Promise<{ stop(): Promise<Answers> }> {
  const { hostname: host, port } = new URL(address);
  const workerData: HostileClients = { attack, clients: HOSTILE, host, port: Number(port) };
  const worker = new Worker(new URL('./hostile-clients.ts', import.meta.url), { workerData });
  await once(worker, 'online');
  return {
    async stop() {
      worker.postMessage('end');
      const [answers] = (await once(worker, 'message')) as [Answers];
      await worker.terminate();
      return answers;
    },
  };
}

/** The other clients, for so long. */
async function beGood(server: DurableServer, rootToken: string, ms: number): Promise<Measured> {
  const measured: Measured = { logins: [], credentials: [], failed: 0 };
  const begin = performance.now();
  const work = async (client: number, paceMs: number, spent: number[], once: Once): Promise<void> => {
    const agent = new Agent({ keepAlive: true, localAddress: `127.0.2.${client}` });
    for (let next = begin + (paceMs / GOOD) * (client % GOOD); next - begin < ms; next += paceMs) {
      await sleep(Math.max(0, next - performance.now()));
      const sent = performance.now();
      try {
        await once(agent);
        spent.push(performance.now() - sent);
      } catch (e) {
        console.error(client, String(e).slice(0, 200));
        measured.failed++;
      }
    }
    agent.destroy();
  };
  const login: Once = (agent) =>
    ask(agent, server, 'PUT', 'auth/userpass/login/good', { body: '{"password":"right"}' });
  const credential: Once = (agent) => ask(agent, server, 'GET', `database/creds/${PROBE_ROLE}`, { token: rootToken });
  const clients = Array.from({ length: GOOD }, (_, client) => [
    work(client + 1, LOGIN_MS, measured.logins, login),
    work(client + 1 + GOOD, CREDENTIAL_MS, measured.credentials, credential),
  ]);
  await Promise.all(clients.flat());
  return measured;
}

type Once = (agent: Agent) => Promise<void>;

async function ask(
  agent: Agent,
  { address }: DurableServer,
  method: string,
  path: string,
  { token, body }: { readonly token?: string; readonly body?: string },
): Promise<void> {
  const headers = token === undefined ? {} : { 'X-Vault-Token': token };
  const answer = await new Promise<{ readonly status: number; readonly said: string }>((resolve, reject) => {
    const request = httpRequest(`${address}/v1/${path}`, { agent, method, headers, timeout: 30_000 }, (message) => {
      text(message).then((said) => resolve({ status: message.statusCode ?? 0, said }), reject);
    });
    request.on('timeout', () => request.destroy(new Error('no answer')));
    request.on('error', reject);
    request.end(body);
  });
  if (answer.status !== 200) throw new Error(answer.said);
}

function quantile(values: readonly number[], share: number): string {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN).toFixed(0);
}
