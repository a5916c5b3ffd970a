/**
 * Kills a server at one point of one request, opens its store again and looks at what is left. Each try has a store, a
 * proxy and logins of its own, so that tries can be made side by side.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  databaseUnderTest,
  dropAdmin,
  eventually,
  type FaultAction,
  makeAdmin,
  startWireProxy,
  type TestDatabase,
  type WireProxy,
} from '@coffer/testkit';
import { build } from 'esbuild';
import { type CrashCase, CHOSEN_PASSWORD, type Names, ROOT_PASSWORD } from './cases.ts';
import type { ChildPlan, ChildReport } from './child.ts';
import { describePoint, type FaultPoint, type Rehearsal, type StatementMoment } from './fault-point.ts';
import { configure } from './configure.ts';
import { checkInvariant, settle } from './invariant.ts';
import { ObservedStore } from './observed-store.ts';
import { type CrashRequest, type CrashServer, openServer } from './server.ts';

/** A late statement is carried out after this time; the next server has begun to finish what was open long before. */
const LATE_MS = 2_000;
const LANDING_MS = 500;

/** What becomes of the statement; its answer reaches nobody. */
const ACTIONS: Readonly<Record<StatementMoment, FaultAction>> = {
  before: { type: 'drop-before' },
  after: { type: 'drop-after' },
  late: { type: 'delay', ms: LATE_MS },
};

export interface HarnessOptions {
  /** `yugabytedb`: each DDL commits on its own. */
  readonly mode: 'postgresql' | 'yugabytedb';
  /** True waits until an unfinished creation is due; false puts the clock of its row forward. */
  readonly wholeTime: boolean;
}

export interface Try extends AsyncDisposable {
  readonly names: Names;
  readonly store: string;
  readonly proxy: WireProxy;
  readonly request: CrashRequest;
  /** `onLogin`: called at each login through the proxy. */
  readonly hooks: { onLogin: () => void };
}

export class CrashHarness {
  readonly database: TestDatabase;
  readonly #options: HarnessOptions;
  readonly #directory: string;
  readonly #program: string;
  #tries = 0;
  #background: Promise<readonly string[]> | undefined;

  private constructor(options: HarnessOptions, database: TestDatabase, directory: string, program: string) {
    this.#options = options;
    this.database = database;
    this.#directory = directory;
    this.#program = program;
  }

  static async start(options: HarnessOptions): Promise<CrashHarness> {
    const directory = await mkdtemp(join(tmpdir(), 'coffer-crash-'));
    const program = join(directory, 'child.cjs');
    await writeFile(program, await bundleChild('child.ts'));
    const database = await databaseUnderTest({ authMethod: 'md5', settings: { max_connections: '400' } });
    return new CrashHarness(options, database, directory, program);
  }

  async stop(): Promise<void> {
    await this.database.stop();
    await rm(this.#directory, { recursive: true });
  }

  /** What the request of a case does when nothing happens. */
  async rehearse(crashCase: CrashCase): Promise<Rehearsal> {
    await using prepared = await this.prepare(crashCase);
    const first = prepared.proxy.statements.length;
    let logins = 0;
    prepared.hooks.onLogin = () => (logins += 1);
    const child = this.#spawn(prepared, crashCase, await this.backgroundCalls());
    const output = child.stdout === null ? Promise.resolve('') : text(child.stdout);
    assert.deepEqual(await once(child, 'exit'), [0, null]);
    const { calls, outcome, message } = JSON.parse(await output) as ChildReport;
    assert.equal(outcome, 'ok', message);
    return { calls, statements: prepared.proxy.statements.slice(first).map(({ sql }) => sql), logins };
  }

  /** What a server asks of its store that has nothing to do. */
  backgroundCalls(): Promise<readonly string[]> {
    this.#background ??= (async () => {
      await using prepared = await this.prepare({
        title: 'nothing',
        prepare: async () => ({ operation: 'read', path: '' }),
      });
      let observed: ObservedStore | undefined;
      await using server = await openServer(prepared.store, (store) => (observed = new ObservedStore(store)));
      await server.request({ operation: 'read', path: 'sys/leases/count' });
      return (await observed?.askedWhenIdle()) ?? [];
    })();
    return this.#background;
  }

  /** A store with a connection and a dynamic role, and what the case needs; nobody has it open. */
  async prepare(crashCase: CrashCase): Promise<Try> {
    const n = ++this.#tries;
    const names: Names = { root: `crash_root_${n}`, app: `crash_app_${n}`, issued: `issued${n}-` };
    const store = join(this.#directory, `store-${n}.db`);
    await using left = new AsyncDisposableStack();
    left.defer(async () => {
      await dropAdmin(this.database, names.root);
      await this.database.query(`DROP ROLE IF EXISTS ${names.app}`);
      for (const suffix of ['', '-wal', '-shm']) await rm(store + suffix, { force: true });
    });
    await makeAdmin(this.database, { user: names.root, password: ROOT_PASSWORD });
    await this.database.query(`CREATE ROLE ${names.app} LOGIN PASSWORD '${CHOSEN_PASSWORD}'`);
    const hooks = { onLogin: (): void => undefined };
    const proxy = await startWireProxy({
      target: this.database,
      mode: this.#options.mode,
      onBackend: () => hooks.onLogin(),
    });
    left.defer(() => proxy.stop());
    await using server = await openServer(store);
    const { database } = this.database;
    await configure(server, crashCase, { names, proxy, database, grant: `CONNECT ON DATABASE "${database}"` });
    const request = await crashCase.prepare(server, names);
    const kept = left.move();
    return { names, store, proxy, request, hooks, [Symbol.asyncDispose]: () => kept.disposeAsync() };
  }

  /** Sends the request of a try to a server that is killed at `point`. `held`: until when a late statement is kept from the database. */
  async kill(prepared: Try, crashCase: CrashCase, point: FaultPoint, held?: Promise<unknown>): Promise<void> {
    const first = prepared.proxy.statements.length;
    const background = await this.backgroundCalls();
    const cut = point.at === 'store' ? ({ ...point, signal: 'SIGKILL' } as const) : undefined;
    const child = this.#spawn(prepared, crashCase, background, cut);
    const exit = once(child, 'exit');
    if (point.at === 'login') {
      let logins = 0;
      prepared.hooks.onLogin = () => {
        if (logins++ === point.index) child.kill('SIGKILL');
      };
    } else if (point.at === 'statement') {
      prepared.proxy.addFault({
        match: (_, index) => {
          if (index !== first + point.index) return false;
          child.kill('SIGKILL');
          return true;
        },
        action: isLate(point) && held !== undefined ? { type: 'hold', until: held } : ACTIONS[point.moment],
      });
    }
    assert.deepEqual(await exit, [null, 'SIGKILL'], `the point was reached: ${describePoint(point)}`);
    prepared.hooks.onLogin = () => undefined;
    if (!isLate(point)) await this.untilGone(await this.sessionsOf(prepared));
  }

  /** The server processes that work for a try. */
  async sessionsOf({ names }: Try): Promise<readonly number[]> {
    const sql = 'SELECT pid FROM pg_stat_activity WHERE usename = $1';
    return (await this.database.query(sql, [names.root])).map(({ pid }) => Number(pid));
  }

  /** What a killed process had sent to these has then taken effect, or never will. */
  async untilGone(sessions: readonly number[]): Promise<void> {
    const left = 'SELECT 1 FROM pg_stat_activity WHERE pid = ANY ($1)';
    await eventually(
      async () => (await this.database.query(left, [sessions])).length === 0,
      'the end of the sessions of a killed server',
    );
  }

  /** Starts again after a kill, and checks what must hold. Afterwards the try has nothing left in the database. */
  async recover(prepared: Try, point: FaultPoint): Promise<void> {
    const landed = isLate(point) ? sleep(LATE_MS + LANDING_MS) : undefined;
    await using server = await openServer(prepared.store);
    try {
      if (this.#options.wholeTime) await settle(server);
      await landed;
      if (!this.#options.wholeTime) await passTime(server);
      await settle(server);
      await checkInvariant(server, this.database, prepared.names);
    } catch (error) {
      throw new Error(`killed ${describePoint(point)}\n${server.log()}`, { cause: error });
    }
  }

  #spawn(
    { store, request }: Try,
    { scope = 'request' }: CrashCase,
    background: readonly string[],
    cut?: ChildPlan['cut'],
  ): ChildProcess {
    const plan: ChildPlan = { store, request, scope, background, ...(cut && { cut }) };
    return spawn(process.execPath, [this.#program, JSON.stringify(plan)], { stdio: ['ignore', 'pipe', 'inherit'] });
  }
}

/** The time that a creation may take has passed: it is recovered now. */
async function passTime({ store }: CrashServer): Promise<void> {
  await store.run("UPDATE leases SET claimed_until = 0, next_attempt = 0 WHERE state = 'creating'");
}

function isLate(point: FaultPoint): boolean {
  return point.at === 'statement' && point.moment === 'late';
}

/** One file, which starts in a fifth of the time that the sources take; as scripts/build.ts does. */
export async function bundleChild(program: string): Promise<string> {
  const bundle = async (entry: string, define: Record<string, string> = {}): Promise<string> => {
    const { outputFiles } = await build({
      entryPoints: [join(import.meta.dirname, entry)],
      bundle: true,
      platform: 'node',
      target: 'node24',
      format: 'cjs',
      define: { 'import.meta.url': '"file:///"', ...define },
      external: ['pg-native'],
      write: false,
      logLevel: 'warning',
      logOverride: { 'empty-import-meta': 'silent' },
    });
    return outputFiles[0]?.text ?? '';
  };
  const worker = await bundle('../../packages/store/src/embedded-worker.ts');
  return bundle(program, { COFFER_EMBEDDED_WORKER: JSON.stringify(worker) });
}
