/**
 * Nodes that share a store are stopped with SIGSTOP in the midst of what they do. After 10 s they are dead, and another node
 * finishes or undoes what they had begun; then they are woken. Whatever they do then, no login is left that nothing names, every
 * stored password logs in, and what they answer is true (DESIGN, invariants 1 and 2).
 *
 * All of them stand still at the same time, each with a mount, a proxy and logins of its own.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { openPostgresStore } from '@coffer/store';
import {
  databaseUnderTest,
  eventually,
  makeAdmin,
  startWireProxy,
  type TestDatabase,
  type WireProxy,
} from '@coffer/testkit';
import { type Names, CHOSEN_PASSWORD, ROOT_PASSWORD } from '../crash/cases.ts';
import { bundleChild } from '../crash/harness.ts';
import { checkInvariant, settle } from '../crash/invariant.ts';
import { lanes } from '../crash/lanes.ts';
import { type CrashRequest, type CrashServer, openServerOn } from '../crash/server.ts';
import type { ZombiePlan, ZombieReport } from './child.ts';
import { ZOMBIE_POINTS, type ZombiePoint } from './zombie-points.ts';

/** A late statement comes when its node has long been dead, and is about to wake. */
const LATE_MS = 40_000;
/** Children that start side by side. */
const STARTS = 3;
/** What came of a request may not be known any more to the node that slept; it says so. */
const ANSWERS = ['ok', 'unavailable'];

interface Zombie {
  readonly point: ZombiePoint;
  readonly names: Names;
  readonly server: CrashServer;
  readonly proxy: WireProxy;
  request: CrashRequest;
  child?: ChildProcess;
  output?: Promise<string>;
}

describe('a node that is stopped, taken for dead and woken', () => {
  let database: TestDatabase;
  let directory: string;
  let program: string;
  let rescuer: CrashServer;
  let url: string;
  const zombies: Zombie[] = [];

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'coffer-zombies-'));
    program = join(directory, 'child.cjs');
    database = await databaseUnderTest({ authMethod: 'md5', settings: { max_connections: '900' } });
    await writeFile(program, await bundleChild('../zombies/child.ts'));
    await database.query(`CREATE DATABASE coffer_zombies OWNER ${database.user}`);
    url = Object.assign(new URL(database.url), { pathname: '/coffer_zombies' }).href;
    rescuer = await openServerOn(await openPostgresStore({ connectionUrl: url }));
  });
  after(async () => {
    for (const { child } of zombies) child?.kill('SIGKILL');
    await rescuer[Symbol.asyncDispose]();
    for (const { proxy } of zombies) await proxy.stop();
    await database.stop();
    await rm(directory, { recursive: true });
  });

  it('has nothing left to do harm with', { timeout: 240_000 }, async (test) => {
    for (const [n, point] of ZOMBIE_POINTS.entries()) zombies.push(await prepare(n, point));
    const starts = lanes(STARTS);
    const stopped = await Promise.allSettled(zombies.map((zombie) => starts(() => stopAtPoint(zombie))));
    for (const one of stopped) if (one.status === 'rejected') throw one.reason;
    const ids = zombies.map(({ child }) => child?.pid);
    test.diagnostic(`${ids.length} nodes stand still`);
    await eventually(
      async () => (await rescuer.store.run('SELECT 1 FROM nodes')).rows.length === 1,
      async () => `they are not dead: ${JSON.stringify((await rescuer.store.run('SELECT * FROM nodes')).rows)}`,
      { patienceMs: 25_000 },
    );
    await settle(rescuer);
    for (const { child } of zombies) child?.kill('SIGCONT');
    const answers = await Promise.all(zombies.map((zombie) => answerOf(zombie)));
    test.diagnostic(answers.map(({ outcome }, at) => `${zombies[at]?.point.title}: ${outcome}`).join('; '));
    for (const [at, { outcome, message }] of answers.entries())
      assert.ok(ANSWERS.includes(outcome), `${zombies[at]?.point.title}: ${outcome} ${message}`);
    await settle(rescuer);
    for (const { point, server, names } of zombies) {
      await checkInvariant(server, database, names).catch((error: unknown) => {
        throw new Error(`${point.title}\n${rescuer.log()}`, { cause: error });
      });
    }
  });

  /** A mount with a connection and a dynamic role, and what the case needs. */
  async function prepare(n: number, point: ZombiePoint): Promise<Zombie> {
    const names: Names = { root: `zombie_root_${n}`, app: `zombie_app_${n}`, issued: `zombie${n}-` };
    await makeAdmin(database, { user: names.root, password: ROOT_PASSWORD });
    await database.query(`CREATE ROLE ${names.app} LOGIN PASSWORD '${CHOSEN_PASSWORD}'`);
    const proxy = await startWireProxy({ target: database, mode: 'yugabytedb' });
    const mount = `db${n}`;
    const server: CrashServer = { ...rescuer, request: (request) => rescuer.request(moved(request, mount)) };
    const write = (path: string, data: JsonObject) => server.request({ operation: 'update', path, data });
    await write('sys/mounts/database', { type: 'database' });
    await write('database/config/yb', {
      ...{ plugin_name: 'ysql-plugin', allowed_roles: '*', host: proxy.host, port: proxy.port },
      ...{ username: names.root, password: ROOT_PASSWORD, db: database.database },
      username_template: `${names.issued}{{random 12}}`,
    });
    await write('database/roles/dynamic', {
      db_name: 'yb',
      creation_statements: "CREATE ROLE \"{{name}}\" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'",
      ...{ default_ttl: '1h', max_ttl: '24h' },
    });
    const request = moved(await point.crashCase.prepare(server, names), mount);
    // Only the node that will be stopped has connections to the target from here on.
    await write('database/reset/yb', {});
    return { point, names, server, proxy, request };
  }

  /** What is due in the background anybody may take: it is tried with another lease then. */
  async function stopAtPoint(zombie: Zombie): Promise<void> {
    const isForAnybody = typeof zombie.point.store?.write === 'string';
    for (let tries = isForAnybody ? 5 : 1; ; tries--) {
      if (await stops(zombie)) return;
      assert.ok(tries > 1, `${zombie.point.title}: the point was not reached: ${await zombie.output}`);
      const issued = await zombie.server.request({ operation: 'read', path: 'database/creds/dynamic' });
      zombie.request = { ...zombie.request, data: { ...zombie.request.data, lease_id: issued?.lease?.id ?? '' } };
    }
  }

  async function stops(zombie: Zombie): Promise<boolean> {
    const { point, proxy, request } = zombie;
    const plan: ZombiePlan = { url, request, ...(point.store && { stop: point.store }) };
    const child = spawn(process.execPath, [program, JSON.stringify(plan)], { stdio: ['ignore', 'pipe', 'inherit'] });
    zombie.child = child;
    zombie.output = text(child.stdout);
    if (point.statement !== undefined) {
      const { sql, moment } = point.statement;
      let isStopped = false;
      proxy.addFault({
        match: (statement) => {
          if (isStopped || !sql.test(statement)) return false;
          isStopped = true;
          child.kill('SIGSTOP');
          return moment === 'late';
        },
        action: { type: 'delay', ms: LATE_MS },
      });
    }
    await eventually(
      async () => child.exitCode !== null || (await stateOf(child)) === 'T',
      `${point.title}: the node neither stopped nor ended`,
      { patienceMs: 30_000 },
    );
    return child.exitCode === null;
  }

  async function answerOf({ point, child, output }: Zombie): Promise<ZombieReport> {
    if (child === undefined || output === undefined) throw new Error('it never ran');
    if (child.exitCode === null) await once(child, 'exit');
    assert.equal(child.exitCode, 0, point.title);
    return JSON.parse(await output) as ZombieReport;
  }
});

/** `T` for a process that is stopped. */
async function stateOf({ pid }: ChildProcess): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return /\) (\S) /.exec(stat)?.[1] ?? '';
}

/** The same request of another mount than `database/`. */
function moved(request: CrashRequest, mount: string): CrashRequest {
  const move = (path: string): string => path.replace(/(^|\/)database(?=\/|$)/, `$1${mount}`);
  const lease = request.data?.['lease_id'];
  return {
    ...request,
    path: move(request.path),
    ...(request.data && {
      data: { ...request.data, ...(typeof lease === 'string' && { lease_id: move(lease) }) },
    }),
  };
}
