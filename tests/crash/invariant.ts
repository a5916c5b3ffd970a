/** What holds however a server ended, once its store is open again (DESIGN, invariants 1 and 2). */
import assert from 'node:assert/strict';
import { CofferError, isCofferError, type JsonObject } from '@coffer/base';
import { eventually } from '@coffer/testkit';
import type { TestDatabase } from '@coffer/testkit';
import { tryLogin } from '../logins.ts';
import { CHOSEN_PASSWORD, type Names } from './cases.ts';
import type { CrashServer } from './server.ts';

/** A creation that was cut off is undone after two minutes. */
const CREATION_PATIENCE_MS = 150_000;
/** Everything else is finished without waiting for anybody who is gone. */
const PATIENCE_MS = 30_000;

/** Waits until nothing is left to finish: no lease but live ones, no open rotation, no claim. */
export async function settle(server: CrashServer): Promise<void> {
  await untilEmpty(server, CREATION_PATIENCE_MS, ["SELECT id FROM leases WHERE state = 'creating'"]);
  await untilEmpty(server, PATIENCE_MS, [
    "SELECT id, state, last_error FROM leases WHERE state <> 'active' OR claimed_until > 0",
    `SELECT subject, state, last_error FROM intents
     WHERE state = 'open' OR claimed_until > 0 OR substr(subject, 1, 5) = 'root/'`,
  ]);
}

async function untilEmpty({ store }: CrashServer, patience: number, queries: readonly string[]): Promise<void> {
  const unfinished = async () => (await Promise.all(queries.map((sql) => store.run(sql)))).flatMap(({ rows }) => rows);
  await eventually(
    async () => (await unfinished()).length === 0,
    async () => `left unfinished: ${JSON.stringify(await unfinished())}`,
    { patienceMs: patience },
  );
}

/** @throws AssertionError naming what does not hold. Afterwards every lease has been revoked. */
export async function checkInvariant(server: CrashServer, database: TestDatabase, names: Names): Promise<void> {
  await checkStaticRole(server, database, names);
  const leases = await leaseIds(server);
  const logins = await loginsOf(database, names);
  assert.equal(logins.length, leases.length, `the live logins ${logins.join(', ')} are those of the leases`);
  for (const id of leases) await checkLease(server, database, names, id);
  await checkRoot(server, database, names);
  await checkIdentities(server);
}

/** Nobody is half there: what names an entity names one that is. */
async function checkIdentities(server: CrashServer): Promise<void> {
  const ids = async (kind: string): Promise<string[]> => {
    const answer = await server.request({ operation: 'list', path: `identity/${kind}/id` }).catch(nothingThere);
    return (answer?.data?.['keys'] ?? []) as string[];
  };
  const read = async (kind: string, id: string): Promise<JsonObject> =>
    (await server.request({ operation: 'read', path: `identity/${kind}/id/${id}` }))?.data ?? {};
  const entities = await ids('entity');
  const named: unknown[] = [];
  for (const id of await ids('entity-alias')) named.push((await read('entity-alias', id))['canonical_id']);
  for (const id of await ids('group'))
    named.push(...(((await read('group', id))['member_entity_ids'] ?? []) as string[]));
  for (const id of entities) assert.equal(((await read('entity', id))['aliases'] as unknown[]).length, 1);
  assert.deepEqual(
    named,
    entities.flatMap((id) => [id, id]),
    'an entity is in a group and has an alias, or there is none of the three',
  );
}

function nothingThere(error: unknown): undefined {
  if (CofferError.from(error).code !== 'not-found') throw error;
}

/** The password that is shown logs in; where there is no role, the login has the password that it had. */
async function checkStaticRole(server: CrashServer, database: TestDatabase, { app }: Names): Promise<void> {
  let password = CHOSEN_PASSWORD;
  try {
    const shown = await server.request({ operation: 'read', path: 'database/static-creds/app' });
    password = shown?.data?.['password'] as string;
  } catch (error) {
    if (!isCofferError(error, 'invalid-request')) throw error;
  }
  assert.deepEqual(await tryLogin(database, app, password), { user: app });
}

/** It can be renewed at once, never outlives its login, and its end is the end of one login. */
async function checkLease(server: CrashServer, database: TestDatabase, names: Names, id: string): Promise<void> {
  const data: JsonObject = { lease_id: id };
  await server.request({ operation: 'update', path: 'sys/leases/renew', data });
  const before = await validity(database, names);
  const lease = await server.request({ operation: 'update', path: 'sys/leases/lookup', data });
  await server.request({ operation: 'update', path: 'sys/leases/revoke', data: { ...data, sync: true } });
  const left = await loginsOf(database, names);
  const ended = [...before].filter(([name]) => !left.includes(name));
  assert.equal(ended.length, 1, `${id} names one login`);
  const expireTime = Date.parse(lease?.data?.['expire_time'] as string);
  for (const [name, until] of ended) assert.ok(until >= expireTime, `${name} is not cut off before its lease`);
}

/** The password in the configuration logs in: a new connection issues a credential, and that one logs in as well. */
async function checkRoot(server: CrashServer, database: TestDatabase, names: Names): Promise<void> {
  await server.request({ operation: 'update', path: 'database/reset/yb' });
  const issued = await server.request({ operation: 'read', path: 'database/creds/dynamic' });
  const { username = '', password = '' } = (issued?.data ?? {}) as { username?: string; password?: string };
  assert.deepEqual(await tryLogin(database, username, password), { user: username });
  await server.request({ operation: 'update', path: 'sys/leases/revoke-prefix/database/creds', data: { sync: true } });
  assert.deepEqual(await loginsOf(database, names), [], 'nothing is left after everything was revoked');
  assert.deepEqual(await leaseIds(server), []);
}

async function leaseIds(server: CrashServer): Promise<string[]> {
  const prefix = 'database/creds/dynamic/';
  try {
    const answer = await server.request({ operation: 'list', path: `sys/leases/lookup/${prefix}` });
    return (answer?.data?.['keys'] as string[]).map((key) => prefix + key);
  } catch (error) {
    if (CofferError.from(error).code === 'not-found') return [];
    throw error;
  }
}

async function loginsOf(database: TestDatabase, names: Names): Promise<string[]> {
  return [...(await validity(database, names)).keys()];
}

/** Every login that was issued and its VALID UNTIL, in milliseconds since 1970. */
async function validity(database: TestDatabase, { issued }: Names): Promise<ReadonlyMap<string, number>> {
  const rows = await database.query(
    `SELECT rolname, floor(extract(epoch FROM rolvaliduntil) * 1000) AS until FROM pg_roles
     WHERE rolcanlogin AND starts_with(rolname, $1) ORDER BY rolname`,
    [issued],
  );
  return new Map(rows.map((row) => [String(row['rolname']), Number(row['until'])]));
}
