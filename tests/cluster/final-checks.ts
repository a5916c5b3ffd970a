/** What holds when everything is whole again and nobody asks for anything (DESIGN, invariants 1 and 2). */
import { eventually } from '@coffer/testkit';
import { UNRECORDED } from './balancer.ts';
import type { Clients } from './clients.ts';
import type { ClusterUnderTest } from './cluster-under-test.ts';
import type { Worker } from './work.ts';

/** Everything that a node can finish without waiting for anybody who is gone. */
const PATIENCE_MS = 45_000;
/** An unfinished creation whose process is not known to be dead keeps its time of two minutes. */
const CREATION_MS = 180_000;
const OVER_MS = 5_000;

export async function finalChecks(worker: Worker, clients: Clients, options: { wholeTime: boolean }): Promise<void> {
  const check = async (what: string, run: () => Promise<void>): Promise<void> => {
    await run().catch((error: unknown) => {
      worker.findings.violation(`in the end, ${what}: ${error instanceof Error ? error.message : String(error)}`);
    });
  };
  await check('policies', () => clients.policies.everywhere(worker));
  await check('mounts', () => clients.mounts.everywhere(worker));
  await check('entries', () => clients.entries.everywhere(worker));
  await check('static roles', () => clients.staticRoles.everywhere(worker));
  await check('leases', () => validLeases(worker, clients));
  await check('what is unfinished', () => settle(worker.cluster, options));
  await check('leases that are over', () => noneIsOver(worker.cluster));
  await check('logins', () => explained(worker, clients));
  for (const history of worker.histories.all) history.check();
}

/** Each that is valid, at each node. */
async function validLeases(worker: Worker, clients: Clients): Promise<void> {
  const { credentials } = clients;
  const now = Date.now();
  for (const lease of credentials.book.current) {
    if (lease.validUntil < now && lease.endAnswered === undefined) continue;
    for (const node of worker.cluster.nodes) await credentials.lookUp(worker, lease, { node });
  }
}

async function settle(cluster: ClusterUnderTest, { wholeTime }: { wholeTime: boolean }): Promise<void> {
  // Nobody creates any more, and the processes that did are dead or have nothing under way.
  const passTime = "UPDATE leases SET claimed_until = 0, next_attempt = 0 WHERE state = 'creating'";
  if (!wholeTime) await cluster.store(passTime);
  const none = async (sql: string, patienceMs: number): Promise<void> => {
    const left = (): Promise<Record<string, unknown>[]> => cluster.store(sql);
    await eventually(
      async () => (await left()).length === 0,
      async () => `unfinished: ${JSON.stringify((await left()).slice(0, 10))}`,
      { patienceMs, everyMs: 200 },
    );
  };
  await none(
    "SELECT id, state, last_error FROM leases WHERE state = 'creating'",
    wholeTime ? CREATION_MS : PATIENCE_MS,
  );
  await none(
    "SELECT subject, state, last_error FROM intents WHERE state = 'open' OR claimed_until > 0 OR substr(subject, 1, 5) = 'root/'",
    PATIENCE_MS,
  );
}

async function noneIsOver(cluster: ClusterUnderTest): Promise<void> {
  const over = (): Promise<Record<string, unknown>[]> =>
    cluster.store(
      `SELECT id, state, expire_time, claimed_until, next_attempt, attempts, last_error FROM leases
       WHERE expire_time < floor(extract(epoch FROM clock_timestamp()) * 1000) - $1`,
      [OVER_MS],
    );
  await eventually(
    async () => (await over()).length === 0,
    async () => `still there: ${JSON.stringify((await over()).slice(0, 10))}`,
    { patienceMs: PATIENCE_MS, everyMs: 200 },
  );
}

/** Every login is that of a lease: as many of one as of the other, and none of either once all were revoked. */
async function explained(worker: Worker, { credentials }: Clients): Promise<void> {
  const logins = async (): Promise<string[]> =>
    (await worker.cluster.database.query("SELECT rolname FROM pg_roles WHERE starts_with(rolname, 'cluster-')")).map(
      ({ rolname }) => String(rolname),
    );
  const leases = (): Promise<Record<string, unknown>[]> =>
    worker.cluster.store("SELECT id, state, last_error FROM leases WHERE starts_with(id, 'database/creds/')");
  await eventually(
    async () => (await logins()).length === (await leases()).length,
    async () => {
      const [names, rows] = [await logins(), await leases()];
      const known = new Map(credentials.book.all.map((lease) => [lease.username, lease.id]));
      const ids = new Set(rows.map(({ id }) => id));
      const strange = names.filter((name) => !ids.has(known.get(name)));
      return `${names.length} logins, ${rows.length} leases; of no known lease: ${strange.join(', ')}`;
    },
    { patienceMs: PATIENCE_MS, everyMs: 500 },
  );
  const path = 'sys/leases/revoke-prefix/database/creds';
  const { answer } = await worker.balancer.send(
    worker.random,
    { kind: 'revoke-prefix', method: 'PUT', path, body: { sync: true } },
    UNRECORDED,
  );
  if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${answer.errors.join('; ')}`);
  await eventually(
    async () => (await logins()).length === 0 && (await leases()).length === 0,
    async () => `after all was revoked: ${(await logins()).join(', ')} ${JSON.stringify(await leases())}`,
    { patienceMs: PATIENCE_MS, everyMs: 200 },
  );
}

/** No password that was answered is in any log. Ends the logs. */
export async function noPasswordShown(cluster: ClusterUnderTest, clients: Clients): Promise<string[]> {
  const issued = new Set([...clients.credentials.book.passwords, ...clients.staticRoles.passwords]);
  const shown: string[] = [];
  for (const { name, log } of cluster.nodes) {
    const found = await log.shown(issued);
    if (found.length > 0) shown.push(`the log of ${name} shows ${found.length} passwords, such as ${found[0]}`);
  }
  return shown;
}
