/**
 * A process killed with SIGKILL at any statement of a rotation, before or after its effect: the next start finishes what
 * was begun, every password that is shown logs in, and the connection is not locked out (DESIGN invariant 1).
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type JsonObject, isCofferError } from '@coffer/base';
import { databaseUnderTest, startWireProxy, type TestDatabase, type WireProxy } from '@coffer/testkit';
import { tryLogin } from './logins.ts';
import { type FileCore, openFileCore } from './rotation-core.ts';

/** With CRASH_POINTS=all at every statement, which takes minutes; else around those that have an effect. */
const EVERY_STATEMENT = process.env['CRASH_POINTS'] === 'all';
const STATEMENTS = 'SELECT 1; ALTER ROLE "{{name}}" PASSWORD \'{{password}}\'; SELECT 2';

describe('a server killed in the middle of a rotation', () => {
  let database: TestDatabase;
  let proxy: WireProxy;
  let directory: string;
  let counter = 0;

  before(async () => {
    database = await databaseUnderTest();
    proxy = await startWireProxy({ target: database });
    directory = await mkdtemp(join(tmpdir(), 'coffer-crash-'));
  });
  after(async () => {
    await proxy.stop();
    await database.stop();
    await rm(directory, { recursive: true });
  });

  interface Prepared {
    readonly store: string;
    readonly root: string;
    readonly app: string;
  }

  /** A store with a connection, a dynamic role and, unless `withRole` is false, a static role. */
  async function prepare(withRole: boolean): Promise<Prepared> {
    const n = ++counter;
    const prepared = { store: join(directory, `store-${n}`), root: `crash_root_${n}`, app: `crash_app_${n}` };
    await database.query(`CREATE ROLE ${prepared.root} SUPERUSER LOGIN PASSWORD 'root-chosen'`);
    await database.query(`CREATE ROLE ${prepared.app} LOGIN PASSWORD 'chosen'`);
    await using core = await openFileCore(prepared.store);
    await core.request('update', 'sys/mounts/database', { type: 'database' });
    await core.request('update', 'database/config/yb', {
      plugin_name: 'ysql-plugin',
      allowed_roles: '*',
      host: proxy.host,
      port: proxy.port,
      username: prepared.root,
      password: 'root-chosen',
      db: database.database,
      root_rotation_statements: STATEMENTS,
    });
    await core.request('update', 'database/roles/dynamic', {
      db_name: 'yb',
      creation_statements: "CREATE ROLE \"{{name}}\" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'",
    });
    if (withRole) await core.request('update', 'database/static-roles/app', staticRole(prepared));
    return prepared;
  }

  const staticRole = ({ app }: Prepared): JsonObject => ({
    db_name: 'yb',
    username: app,
    rotation_period: 86_400,
    rotation_statements: STATEMENTS,
  });

  /** Does one request in a process of its own. */
  function start(store: string, path: string, data: JsonObject): ChildProcess {
    const program = join(import.meta.dirname, 'rotation-core.ts');
    return spawn(process.execPath, [program, store, path, JSON.stringify(data)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  }

  /** The statements that the request sends when nothing happens to it. */
  async function statementsOf(prepared: Prepared, path: string, data: JsonObject): Promise<string[]> {
    const first = proxy.statements.length;
    const child = start(prepared.store, path, data);
    assert.deepEqual(await once(child, 'exit'), [0, null]);
    return proxy.statements.slice(first).map(({ sql }) => sql);
  }

  async function killAt(
    prepared: Prepared,
    path: string,
    data: JsonObject,
    offset: number,
    late: boolean,
  ): Promise<void> {
    const first = proxy.statements.length;
    const child = start(prepared.store, path, data);
    const exit = once(child, 'exit');
    const fault = proxy.addFault({
      match: (_, index) => {
        if (index !== first + offset) return false;
        // Later: the statement reaches the server before the process is gone. What it answers reaches nobody.
        if (!late) child.kill('SIGKILL');
        return true;
      },
      action: late ? { type: 'drop-after' } : { type: 'drop-before' },
    });
    if (late) {
      for (let i = 0; i < 1_000 && fault.fired === 0; i++) await sleep(5);
      child.kill('SIGKILL');
    }
    assert.deepEqual(await exit, [null, 'SIGKILL'], `statement ${offset + 1} was reached`);
    proxy.clearFaults();
  }

  /** What must hold once the store is open again; a claim of the dead process first has to run out. */
  async function check(core: FileCore, { app }: Prepared): Promise<void> {
    const creds = await eventually(() => core.request('read', 'database/static-creds/app'));
    if (creds !== undefined) {
      assert.deepEqual(await tryLogin(database, app, creds['password'] as string), { user: app });
    }
    const issued = await eventually(async () => {
      await core.request('update', 'database/reset/yb');
      return core.request('read', 'database/creds/dynamic');
    });
    assert.ok(issued, 'the connection logs in');
    await core.request('update', 'sys/leases/revoke-prefix/database/creds');
  }

  /** Undefined when there is no such role. */
  async function eventually(work: () => Promise<JsonObject>): Promise<JsonObject | undefined> {
    for (let i = 0; ; i++) {
      try {
        return await work();
      } catch (error) {
        if (isCofferError(error, 'invalid-request')) return undefined;
        if (i === 300) throw error;
        await sleep(100);
      }
    }
  }

  const CASES: readonly { readonly title: string; readonly path: string; readonly withRole: boolean }[] = [
    { title: 'rotate-role', path: 'database/rotate-role/app', withRole: true },
    { title: 'rotate-root', path: 'database/rotate-root/yb', withRole: true },
    { title: 'static role creation', path: 'database/static-roles/app', withRole: false },
  ];

  /** Kills a process before and after each statement of one case; answers the stores that are left. */
  async function killEverywhere({ path, withRole }: (typeof CASES)[number]): Promise<Prepared[]> {
    const dataOf = (prepared: Prepared): JsonObject => (withRole ? {} : staticRole(prepared));
    const rehearsal = await prepare(withRole);
    const statements = await statementsOf(rehearsal, path, dataOf(rehearsal));
    assert.ok(statements.some((sql) => sql.startsWith('ALTER ROLE')));
    const left: Prepared[] = [];
    for (const [offset, sql] of statements.entries()) {
      if (!EVERY_STATEMENT && !/^(ALTER ROLE|COMMIT)/.test(sql)) continue;
      for (const late of [false, true]) {
        const prepared = await prepare(withRole);
        await killAt(prepared, path, dataOf(prepared), offset, late);
        left.push(prepared);
      }
    }
    return left;
  }

  it('loses nothing', async (test) => {
    const killed: Prepared[] = [];
    for (const each of CASES) {
      const left = await killEverywhere(each);
      test.diagnostic(`${each.title}: ${left.length} kills`);
      killed.push(...left);
    }
    // The claims of the dead processes have to run out: side by side.
    await Promise.all(
      killed.map(async (prepared) => {
        await using core = await openFileCore(prepared.store);
        await check(core, prepared);
      }),
    );
  });
});
