/** What the bench of leases runs: a durable server from `dist/`, and its store filled while it is down. */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { randomBase62, silentLogger } from '@coffer/base';
import { Core, createStaticSeal, SealableCore } from '@coffer/core';
import type { EngineFactory, Lease, LeaseIssuer } from '@coffer/framework';
import { openEmbeddedStore } from '@coffer/store';
import type { TestPostgres } from '@coffer/testkit';
import { DIST } from '../../tests/coffer-process.ts';
import { configure, type Issued, issue } from '../../tests/dev-server.ts';
import { DurableHome, type DurableServer } from '../../tests/durable-process.ts';
import { cpuMs } from './server/processes.ts';

export const KEY_ID = 'bench';
/** The role of requests that go on beside a burst: its logins are told from the burst's by their name. */
export const PROBE_ROLE = 'probe';
const CREATION = `CREATE ROLE "{{name}}" WITH PASSWORD '{{password}}' VALID UNTIL '{{expiration}}' LOGIN IN ROLE app`;
/** Leases that are written side by side: they share commits. */
const FILL_BATCH = 1000;
const HOUR_MS = 3_600_000;

export interface LeaseServer {
  readonly home: DurableHome;
  readonly rootToken: string;
  readonly key: Uint8Array;
}

/** A store on disk that a static key unseals, with the database engine configured and two roles. */
export async function makeLeaseServer(database: TestPostgres): Promise<LeaseServer> {
  const home = await DurableHome.make();
  try {
    return await initialise(home, database);
  } catch (error) {
    await home.remove();
    throw error;
  }
}

async function initialise(home: DurableHome, database: TestPostgres): Promise<LeaseServer> {
  const key = randomBytes(32);
  await writeFile(home.path('unseal.key'), key, { mode: 0o600 });
  await mkdir(home.path('data'));
  await home.configure(
    `${home.fileStorage}
     plugin_directory = ${JSON.stringify(DIST)}
     seal "static" {
       current_key_id = ${JSON.stringify(KEY_ID)}
       current_key = ${JSON.stringify(`file://${home.path('unseal.key')}`)}
     }`,
  );
  const server = await start(home);
  const answer = await server
    .client()
    .request('PUT', 'sys/init', { body: { recovery_shares: 1, recovery_threshold: 1 } });
  const { root_token: rootToken } = answer.body as { root_token: string };
  const client = server.client(rootToken);
  const { host, port, user: username, password, database: db } = database;
  await configure(client, { host, port, username, password, db }, { creation_statements: CREATION });
  await client.write(`database/roles/${PROBE_ROLE}`, { db_name: 'yugabytedb', creation_statements: CREATION });
  await server.stop('SIGTERM');
  return { home, rootToken, key };
}

/** From now on the plugin is a process of its own: `dist/ysql-plugin`. */
export async function registerPlugin({ home, rootToken }: LeaseServer): Promise<void> {
  const sha256 = createHash('sha256')
    .update(await readFile(join(DIST, 'ysql-plugin')))
    .digest('hex');
  const server = await start(home);
  await server.client(rootToken).write('sys/plugins/catalog/database/ysql-plugin', { sha256, command: 'ysql-plugin' });
  await server.stop('SIGTERM');
}

/** At the log level of production: a debug line for each lease would be measured too. */
export function start(home: DurableHome): Promise<DurableServer> {
  return home.start(['-log-level=info']);
}

/**
 * Adds leases to the store of a server that is down, through the core's own issuer, under the store's own keys: rows
 * that differ from the server's in nothing but that their logins do not exist. They are like one that the server issued.
 */
export async function addLeases({ home, key }: LeaseServer, count: number, like: Issued): Promise<void> {
  const store = await openEmbeddedStore({ path: home.storeFile });
  let issuer: LeaseIssuer | undefined;
  const engine: EngineFactory = ({ leases }) => {
    issuer = leases;
    return { help: '', paths: [], close: () => Promise.resolve() };
  };
  const autoSeal = createStaticSeal({ current: { id: KEY_ID, key } });
  const sealable = new SealableCore({
    store,
    autoSeal,
    build: ({ barrier }) => {
      const core = new Core({ store, barrier, builtinPlugins: [], logger: silentLogger });
      core.install({ engines: new Map([['database', engine]]) });
      return { core, close: () => Promise.resolve() };
    },
    sealedPaths: () => [],
    logger: silentLogger,
  });
  try {
    await sealable.start();
    const model = await sealable.core?.services.leaseList.lookup(like.leaseId);
    if (model === undefined || issuer === undefined) throw new Error('the store has no lease to go by');
    for (let left = count; left > 0; left -= FILL_BATCH) {
      const leases = issuer;
      await Promise.all(Array.from({ length: Math.min(left, FILL_BATCH) }, () => addLease(leases, model)));
    }
  } finally {
    await sealable.stop();
    await store.close();
  }
}

async function addLease(issuer: LeaseIssuer, { path, token, renewable, data }: Lease): Promise<void> {
  const issueTime = Date.now();
  const { username: modelName = '' } = data as { readonly username?: string };
  const username = modelName.replace(/[^-]{20}/, randomBase62(20));
  const creating = await issuer.begin({
    ...{ path, token: { id: token, usesLeft: 0 }, renewable, issueTime },
    data: { ...data, username },
    // In the far future, each at a different time.
    expireTime: issueTime + HOUR_MS + Math.floor(Math.random() * HOUR_MS),
  });
  await creating.activate();
}

/** Real logins and their leases. */
export async function issueMany(server: DurableServer, token: string, count: number): Promise<Issued[]> {
  const client = server.client(token);
  const issued: Issued[] = [];
  let left = count;
  const work = async (): Promise<void> => {
    while (left-- > 0) issued.push(await issue(client));
  };
  await Promise.all(Array.from({ length: 32 }, work));
  return issued;
}

/** Makes these leases end at `time`, in the store of a server that is down: times are in the open. */
export function endAt({ home }: LeaseServer, leases: readonly Issued[], time: number): void {
  const file = new DatabaseSync(home.storeFile);
  try {
    file.exec('BEGIN');
    const update = file.prepare('UPDATE leases SET expire_time = $2, next_attempt = $2 WHERE id = $1');
    for (const { leaseId } of leases) update.run({ $1: leaseId, $2: time });
    file.exec('COMMIT');
  } finally {
    file.close();
  }
}

/** Processor time that the server's process has used, in milliseconds: what a start costs, however busy the machine is. */
export function cpuMsOf({ child }: DurableServer): number {
  return cpuMs([child.pid ?? 0]);
}

/** Memory of the server's process, in bytes: all that is resident, and what is its own. */
export function memoryOf({ child }: DurableServer): { readonly resident: number; readonly own: number } {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  const bytes = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024;
  return { resident: bytes('VmRSS'), own: bytes('RssAnon') };
}
