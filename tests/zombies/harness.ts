/**
 * Stops a node with SIGSTOP at one point of one request, lets another node finish what it had begun, and wakes it. Each has a
 * mount, a proxy and logins of its own, so that many can stand still at the same time.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { PROCESS_ID } from '@coffer/base';
import { openPostgresStore } from '@coffer/store';
import {
  databaseUnderTest,
  dropAdmin,
  eventually,
  makeAdmin,
  startWireProxy,
  type StatementRecord,
  type TestDatabase,
  type WireProxy,
  type WireProxyOptions,
} from '@coffer/testkit';
import { CHOSEN_PASSWORD, type CrashCase, type Names, ROOT_PASSWORD } from '../crash/cases.ts';
import type { ChildPlan, ChildReport } from '../crash/child.ts';
import { configure } from '../crash/configure.ts';
import type { Rehearsal } from '../crash/fault-point.ts';
import { bundleChild } from '../crash/harness.ts';
import { checkInvariant, settle } from '../crash/invariant.ts';
import { lanes } from '../crash/lanes.ts';
import { ObservedStore } from '../crash/observed-store.ts';
import { type CrashRequest, type CrashServer, openServerOn } from '../crash/server.ts';
import { moved } from './moved.ts';
import { stateOf } from './process-state.ts';
import type { StopPoint, ZombiePoint } from './zombie-points.ts';

/** A late statement comes while the others take over what its node had begun: 10 s after its last heartbeat, or a little later. */
const LATE_MS = 10_000;

/** How long a node may take until it stops or ends. */
const PATIENCE_MS = 60_000;
/** Checks side by side. */
const CHECKS = 3;
const PROGRAM = 'child.cjs';
/** The heartbeats and whatever goes on with them. */
const OF_NODES = /\bnodes\b/;

/** A mount with a connection and a dynamic role, what the case needs, and a request that nobody has sent yet. */
export interface Try {
  readonly names: Names;
  readonly server: CrashServer;
  readonly proxy: WireProxy;
  readonly request: CrashRequest;
  /** `onLogin`: called at each login through the proxy. */
  readonly hooks: { onLogin: () => void };
  /** Takes all of it away. */
  readonly remove: () => Promise<void>;
}

export interface Zombie extends Try {
  readonly point: ZombiePoint;
  readonly child: ChildProcess;
  /** What it answered, once it was woken. @throws AssertionError when it failed */
  readonly answer: () => Promise<ChildReport>;
  /** What it had sent and was held arrives as well. */
  readonly wake: () => void;
}

export class ZombieHarness {
  readonly database: TestDatabase;
  /** The node that takes over. */
  readonly rescuer: CrashServer;
  readonly #store: ObservedStore;
  readonly #url: string;
  readonly #directory: string;
  readonly #mode: WireProxyOptions['mode'] & string;
  readonly #children = new Set<ChildProcess>();
  readonly #proxies = new Set<WireProxy>();
  #tries = 0;
  #background: Promise<readonly string[]> | undefined;

  private constructor(
    mode: WireProxyOptions['mode'] & string,
    opened: { database: TestDatabase; rescuer: CrashServer; store: ObservedStore; url: string; directory: string },
  ) {
    this.#mode = mode;
    this.database = opened.database;
    this.rescuer = opened.rescuer;
    this.#store = opened.store;
    this.#url = opened.url;
    this.#directory = opened.directory;
  }

  static async start(mode: 'postgresql' | 'yugabytedb'): Promise<ZombieHarness> {
    const directory = await mkdtemp(join(tmpdir(), 'coffer-zombies-'));
    await writeFile(join(directory, PROGRAM), await bundleChild('child.ts'));
    const database = await databaseUnderTest({ authMethod: 'md5', settings: { max_connections: '900' } });
    await database.query(`CREATE DATABASE coffer_zombies OWNER ${database.user}`);
    const url = Object.assign(new URL(database.url), { pathname: '/coffer_zombies' }).href;
    const store = new ObservedStore(await openPostgresStore({ connectionUrl: url }));
    const rescuer = await openServerOn(store);
    return new ZombieHarness(mode, { database, rescuer, store, url, directory });
  }

  async stop(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    await this.rescuer[Symbol.asyncDispose]();
    for (const proxy of this.#proxies) await proxy.stop();
    await this.database.stop();
    await rm(this.#directory, { recursive: true });
  }

  /** What the request of a case does when nothing happens. */
  async rehearse(crashCase: CrashCase): Promise<Rehearsal> {
    const background = await this.#backgroundCalls();
    const prepared = await this.prepare(crashCase);
    let logins = 0;
    prepared.hooks.onLogin = () => (logins += 1);
    const { exited, output } = this.#spawn(prepared, crashCase, { background });
    await exited;
    const { calls, outcome, message } = JSON.parse(await output) as ChildReport;
    assert.equal(outcome, 'ok', message);
    const statements = prepared.proxy.statements.filter((one) => this.#isOfNode(one)).map(({ sql }) => sql);
    const rehearsal = { calls: calls.filter(({ sql }) => !OF_NODES.test(sql)), statements, logins };
    await prepared.remove();
    return rehearsal;
  }

  /** What a node asks of the store that has nothing to do. */
  #backgroundCalls(): Promise<readonly string[]> {
    this.#background ??= (async () => {
      const prepared = await this.prepare({ title: 'nothing', prepare: async () => ({ operation: 'read', path: '' }) });
      const unasked = await this.#store.askedWhenIdle();
      await prepared.remove();
      return unasked;
    })();
    return this.#background;
  }

  async prepare(crashCase: CrashCase): Promise<Try> {
    const n = ++this.#tries;
    const names: Names = { root: `zombie_root_${n}`, app: `zombie_app_${n}`, issued: `zombie${n}-` };
    await makeAdmin(this.database, { user: names.root, password: ROOT_PASSWORD });
    await this.database.query(`CREATE ROLE ${names.app} LOGIN PASSWORD '${CHOSEN_PASSWORD}'`);
    const hooks = { onLogin: (): void => undefined };
    const proxy = await startWireProxy({
      target: this.database,
      mode: this.#mode,
      onBackend: () => hooks.onLogin(),
    });
    this.#proxies.add(proxy);
    const mount = `db${n}`;
    const { rescuer } = this;
    const server: CrashServer = { ...rescuer, request: (request) => rescuer.request(moved(request, mount)) };
    // Not CONNECT ON DATABASE: there is one row of it, and who grants it in a transaction that stands still keeps all others waiting.
    await configure(server, crashCase, { names, proxy, database: this.database.database, grant: names.app });
    const request = moved(await crashCase.prepare(server, names), mount);
    // Only the node that will be stopped has connections to the target from here on.
    await server.request({ operation: 'update', path: 'database/reset/yb' });
    const remove = async (): Promise<void> => {
      await server.request({ operation: 'delete', path: 'sys/mounts/database' });
      await proxy.stop();
      this.#proxies.delete(proxy);
      await dropAdmin(this.database, names.root);
      await this.database.query(`DROP ROLE ${names.app}`);
    };
    return { names, server, proxy, request, hooks, remove };
  }

  /** Sends the request of a point to a node that stops there; undefined when the node came to its end without being there. */
  async stopAt(point: ZombiePoint): Promise<Zombie | undefined> {
    const prepared = await this.prepare(point.crashCase);
    const { at } = point;
    const background =
      at.at === 'store' && 'sql' in at.call && point.crashCase.scope !== 'everything'
        ? await this.#backgroundCalls()
        : [];
    const cut = at.at === 'store' ? { call: at.call, moment: at.moment, signal: 'SIGSTOP' as const } : undefined;
    const { promise: awake, resolve: onAwake } = Promise.withResolvers<undefined>();
    const { child, output } = this.#spawn(prepared, point.crashCase, { background, ...(cut && { cut }) });
    const stop = (): unknown => child.kill('SIGSTOP');
    if (at.at === 'login') {
      let logins = 0;
      prepared.hooks.onLogin = () => logins++ === at.index && stop();
    } else if (at.at === 'statement') {
      this.#stopAtStatement(prepared.proxy, at, { stop, awake });
    }
    await eventually(
      async () => child.exitCode !== null || (await stateOf(child)) === 'T',
      `${point.title}: the node neither stopped nor ended`,
      { patienceMs: PATIENCE_MS },
    );
    prepared.hooks.onLogin = () => undefined;
    if (child.exitCode !== null) {
      assert.equal(child.exitCode, 0, point.title);
      await prepared.remove();
      return undefined;
    }
    const wake = (): void => {
      child.kill('SIGCONT');
      onAwake(undefined);
    };
    const answer = async (): Promise<ChildReport> => {
      await eventually(() => child.exitCode !== null, `${point.title}: the end of the node that was woken`);
      assert.equal(child.exitCode, 0, point.title);
      return JSON.parse(await output) as ChildReport;
    };
    return { ...prepared, point, child, wake, answer };
  }

  #stopAtStatement(
    proxy: WireProxy,
    { which, moment }: StopPoint & { at: 'statement' },
    { stop, awake }: { stop: () => unknown; awake: Promise<unknown> },
  ): void {
    let isStopped = false;
    let seen = 0;
    proxy.addFault({
      match: (sql, index) => {
        const statement = proxy.statements[index];
        if (isStopped || statement === undefined || !this.#isOfNode(statement)) return false;
        const isIt = typeof which === 'number' ? seen++ === which : which.test(sql);
        if (!isIt) return false;
        isStopped = true;
        stop();
        return moment !== 'after';
      },
      action: moment === 'late' ? { type: 'delay', ms: LATE_MS } : { type: 'hold', until: awake },
    });
  }

  /** Whether it is not one of the node that takes over. */
  #isOfNode({ applicationName }: StatementRecord): boolean {
    return !applicationName.includes(PROCESS_ID);
  }

  #spawn({ request }: Try, { scope = 'request' }: CrashCase, more: Pick<ChildPlan, 'background' | 'cut'>): Spawned {
    const plan: ChildPlan = { store: this.#url, request, scope, ...more };
    const child = spawn(process.execPath, [join(this.#directory, PROGRAM), JSON.stringify(plan)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#children.add(child);
    const exited = once(child, 'exit').then(() => this.#children.delete(child));
    return { child, exited, output: text(child.stdout) };
  }

  /** Lets all of them die, and what they had begun be finished; then wakes them, and looks at what is left of each. */
  async wakeAll(zombies: readonly Zombie[]): Promise<readonly Woken[]> {
    const nodes = async () => (await this.rescuer.store.run('SELECT * FROM nodes')).rows;
    await eventually(
      async () => (await nodes()).length === 1,
      async () => `they are not dead: ${JSON.stringify(await nodes())}`,
      { patienceMs: 30_000 },
    );
    await settle(this.rescuer);
    for (const { wake } of zombies) wake();
    const answers = await Promise.all(zombies.map(({ answer }) => answer()));
    await settle(this.rescuer);
    const checks = lanes(CHECKS);
    return Promise.all(
      zombies.map(async (zombie, at) => {
        const { outcome = '', message } = answers[at] ?? {};
        const broken = await checks(() => this.#check(zombie));
        return { title: zombie.point.title, outcome, ...(message && { message }), ...(broken && { broken }) };
      }),
    );
  }

  async #check({ point, server, names, remove }: Zombie): Promise<Error | undefined> {
    try {
      await checkInvariant(server, this.database, names);
      await remove();
      return undefined;
    } catch (cause) {
      return new Error(`${point.title}\n${this.rescuer.log()}`, { cause });
    }
  }
}

/** What came of a request whose node was woken. */
export interface Woken {
  readonly title: string;
  readonly outcome: string;
  readonly message?: string;
  /** What does not hold. */
  readonly broken?: Error;
}

interface Spawned {
  readonly child: ChildProcess;
  readonly exited: Promise<unknown>;
  readonly output: Promise<string>;
}
