/** The kinds of work. */
import { type Cell, measured } from './cell.ts';
import { type Answered, httpRequest, type Load, type Until, type Work } from './load.ts';
import { PEER } from './host.ts';
import type { Subject } from './subjects.ts';
import { type Method, REVOKED_ROLE, type Shape, SHAPES, STATIC_ROLE, type Target } from './target.ts';

export const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 3);
export const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 4);
export const MIXED_SECONDS = Number(process.env['BENCH_MIXED_SECONDS'] ?? 60);
export const REVOKED = Number(process.env['BENCH_REVOKED'] ?? 2_000);
/** What the peer revokes together: it takes its time, and the rate is what counts. */
export const PEER_REVOKED = Number(process.env['BENCH_PEER_REVOKED'] ?? 300);
/**
 * Credentials issued with the statements of the page, for each second of BENCH_SECONDS, by one client and by several: the
 * same number by every server, since each GRANT takes longer than the one before, and whoever is fast would be slowed down.
 */
const SEED_A_SECOND = { one: 75, several: 200 };
const CLIENTS = [1, 16, 64];
const CROWD = 64;
const SOME = 16;
const WARM_UP_MS = 1_000;

export interface Bench {
  readonly load: Load;
  readonly target: Target;
}
export interface Row {
  readonly name: string;
  readonly method: Method;
  readonly rounds: number;
  measure(bench: Bench, subject: Subject): Promise<Cell>;
  /** The same without a server, a second. */
  limit?(bench: Bench): Promise<number>;
}

type Requests = (subject: Subject, clients: number) => Promise<readonly string[]> | readonly string[];

async function runLoad({ load, target }: Bench, subject: Subject, work: Work, until: Until): Promise<Cell> {
  return measured(subject, target, () => load.run(work, until));
}

/** The same requests again and again. */
function loadRow(name: string, method: Method, clients: number, requestsOf: Requests): Row {
  return {
    ...{ name: `${name}, ${clientsText(clients)}`, method, rounds: ROUNDS },
    measure: async (bench, subject) => {
      await bench.target.clear();
      const work = { ...subject.place, clients, requests: await requestsOf(subject, clients) };
      await bench.load.run(work, { ms: WARM_UP_MS });
      return runLoad(bench, subject, work, { ms: SECONDS * 1000 });
    },
  };
}

function clientsText(clients: number): string {
  return clients === 1 ? '1 client' : `${clients} clients`;
}

function issueRow(shape: Shape, method: Method, clients: number): Row {
  const { role } = SHAPES[shape];
  const count = Math.ceil(SECONDS * (clients === 1 ? SEED_A_SECOND.one : SEED_A_SECOND.several));
  return {
    ...{ name: `issue, ${shape}, ${method}, ${clientsText(clients)}`, method, rounds: ROUNDS },
    measure: async (bench, subject) => {
      await bench.target.clear();
      const requests = [httpRequest('GET', `database/creds/${role}`, subject.access.token)];
      const work = { ...subject.place, clients, requests };
      await bench.load.run(work, { ms: WARM_UP_MS });
      await bench.target.clear();
      return runLoad(bench, subject, work, shape === 'seed' ? { count } : { ms: SECONDS * 1000 });
    },
    limit: async ({ target }) => {
      await target.clear();
      return target.issueLimit(shape, clients, shape === 'seed' ? { count } : { seconds: SECONDS });
    },
  };
}

async function newLease({ client }: Subject): Promise<string> {
  return (await client.read(`database/creds/${SHAPES['IN ROLE'].role}`))?.leaseId ?? '';
}

const renewals: Requests = async (subject, clients) => {
  const requests: string[] = [];
  for (let client = 0; client < clients; client++) {
    const body = { lease_id: await newLease(subject), increment: 7200 };
    requests.push(httpRequest('PUT', 'sys/leases/renew', subject.access.token, body));
  }
  return requests;
};

function revokeRow(): Row {
  return {
    ...{ name: 'lease revoke -prefix -sync', method: 'md5', rounds: ROUNDS },
    measure: async (bench, subject) => {
      const { load, target } = bench;
      await target.clear();
      const count = subject.name === PEER ? PEER_REVOKED : REVOKED;
      const requests = [httpRequest('GET', `database/creds/${REVOKED_ROLE}`, subject.access.token)];
      const made = await load.run({ ...subject.place, clients: SOME, requests }, { count });
      const cell = await measured(subject, target, () => revokeAll(subject, made.answered));
      const left = await target.countLogins();
      if (made.answered === count && left === 0) return cell;
      return { ...cell, errors: cell.errors + 1, samples: [`${made.answered} of ${count} issued, ${left} left`] };
    },
    limit: async ({ target }) => {
      await target.clear();
      return target.dropLimit(REVOKED);
    },
  };
}

async function revokeAll({ client }: Subject, count: number): Promise<Omit<Answered, 'p50' | 'p99'>> {
  const begin = performance.now();
  const path = `sys/leases/revoke-prefix/database/creds/${REVOKED_ROLE}`;
  await client.request('PUT', path, { body: { sync: true } });
  return { answered: count, seconds: (performance.now() - begin) / 1000, errors: {} };
}

function mixedRow(): Row {
  return {
    name: `issue, renew, revoke, ${SOME} clients, ${MIXED_SECONDS} s`,
    // Long enough by itself.
    ...{ method: 'md5', rounds: 1 },
    measure: async (bench, subject) => {
      await bench.target.clear();
      const cycle = { role: SHAPES['IN ROLE'].role, token: subject.access.token };
      const work = { ...subject.place, clients: SOME, cycle };
      await bench.load.run(work, { ms: WARM_UP_MS });
      return runLoad(bench, subject, work, { ms: MIXED_SECONDS * 1000 });
    },
  };
}

const read =
  (path: string): Requests =>
  ({ access }) => [httpRequest('GET', path, access.token)];

const lookup: Requests = async (subject) => [
  httpRequest('PUT', 'sys/leases/lookup', subject.access.token, { lease_id: await newLease(subject) }),
];

const login =
  (method: 'approle' | 'userpass'): Requests =>
  ({ access }) => [httpRequest('PUT', access[method].path, '', access[method].body)];

export function rows(only = process.env['BENCH_CASES'] ?? ''): readonly Row[] {
  const issues = (['scram', 'md5'] as const).flatMap((method) =>
    (['seed', 'IN ROLE'] as const).flatMap((shape) => CLIENTS.map((clients) => issueRow(shape, method, clients))),
  );
  const all = [
    ...issues,
    ...CLIENTS.map((clients) => loadRow('renew', 'md5', clients, renewals)),
    revokeRow(),
    mixedRow(),
    loadRow('static-creds', 'md5', CROWD, read(`database/static-creds/${STATIC_ROLE}`)),
    loadRow('token/lookup-self', 'md5', CROWD, read('auth/token/lookup-self')),
    loadRow('sys/leases/lookup', 'md5', CROWD, lookup),
    loadRow('database/roles/NAME', 'md5', CROWD, read(`database/roles/${SHAPES.seed.role}`)),
    loadRow('sys/health', 'md5', CROWD, () => [httpRequest('GET', 'sys/health', '')]),
    loadRow('login, approle', 'md5', SOME, login('approle')),
    loadRow('login, userpass', 'md5', SOME, login('userpass')),
  ];
  return all.filter(({ name }) => only.split(';').some((part) => name.includes(part)));
}
