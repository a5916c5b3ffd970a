/** One of the equal nodes: a `coffer server` process, and the way by which it reaches the store. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '@coffer/client';
import { eventually, freePort, startWireProxy, type TestDatabase, type WireProxy } from '@coffer/testkit';
import { cleanEnvironment, COFFER, ended } from '../coffer-process.ts';
import { NodeLog } from './node-log.ts';

/** A start migrates, unseals and looks after what was left. */
const START_MS = 60_000;
const STARTS = 5;
/** What others on the machine cause, and what passes. */
const PASSING = ['cannot connect to the database', 'the address is already in use'];
/** A clean stop answers what is under way. */
const END_MS = 60_000;

export interface NodeOptions {
  readonly name: string;
  readonly directory: string;
  readonly database: TestDatabase;
  /** The store's URL without the proxy. */
  readonly storeUrl: string;
  /** 32 bytes in base64. */
  readonly sealKey: string;
  readonly logLevel: string;
  readonly report: (violation: string) => void;
}

export type NodeState = 'down' | 'starting' | 'up' | 'stopped' | 'ending';

export class ClusterNode {
  readonly name: string;
  readonly address: string;
  readonly store: WireProxy;
  readonly log: NodeLog;
  readonly #options: NodeOptions;
  #child: ChildProcess | undefined;
  #end: Promise<number> | undefined;
  #state: NodeState = 'down';
  #cutOff = false;

  private constructor(options: NodeOptions, port: number, store: WireProxy) {
    this.#options = options;
    this.name = options.name;
    this.address = `http://127.0.0.1:${port}`;
    this.store = store;
    this.log = new NodeLog(join(options.directory, `${options.name}.log`), (line) =>
      options.report(`${options.name} logged: ${line}`),
    );
  }

  static async make(options: NodeOptions): Promise<ClusterNode> {
    const store = await startWireProxy({ target: options.database, keepStatements: false });
    const node = new ClusterNode(options, await freePort(), store);
    const url = new URL(options.storeUrl);
    url.hostname = store.host;
    url.port = String(store.port);
    await writeFile(
      node.#configuration,
      `listener "tcp" { address = "${new URL(node.address).host}", tls_disable = true }
storage "yugabytedb" { connection_url = ${JSON.stringify(url.href)} }
seal "static" { current_key_id = "cluster", current_key = "env://CLUSTER_SEAL_KEY" }
api_addr = "${node.address}"
log_level = "${options.logLevel}"
`,
    );
    return node;
  }

  get #configuration(): string {
    return join(this.#options.directory, `${this.name}.hcl`);
  }

  get state(): NodeState {
    return this.#state;
  }

  /** Runs, and reaches the store. */
  get working(): boolean {
    return this.#state === 'up' && !this.#cutOff;
  }

  /**
   * Resolves when it listens and is unsealed. One that cannot reach its store, or whose port another process has for a moment, ends, as on a
   * busy machine, and is started again as by systemd.
   *
   * @throws Error with its last lines when it ends for another reason, or takes too long
   */
  async start(): Promise<void> {
    for (let tries = STARTS; ; tries--) {
      try {
        await this.#startOnce();
        return;
      } catch (error) {
        this.#state = 'down';
        if (tries <= 1 || !PASSING.some((reason) => this.log.last.includes(reason))) throw error;
        await sleep(500);
      }
    }
  }

  async #startOnce(): Promise<void> {
    this.#state = 'starting';
    this.log.add('-- start');
    const child = spawn(COFFER, ['server', `-config=${this.#configuration}`], {
      cwd: this.#options.directory,
      env: cleanEnvironment({ CLUSTER_SEAL_KEY: this.#options.sealKey }),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.#end = ended(child);
    const exit = this.#end.then((code) => {
      throw new Error(`${this.name} ended with ${code}:\n${this.log.last}`);
    });
    exit.catch(() => undefined);
    const listening = new Promise<void>((done) => {
      const look = (line: string): void => {
        if (line.includes('server started')) done();
      };
      this.log.follow(child.stdout, look);
      this.log.follow(child.stderr, look);
    });
    await Promise.race([listening, exit, this.#late()]);
    this.#state = 'up';
  }

  async #late(): Promise<never> {
    await sleep(START_MS, undefined, { ref: false });
    throw new Error(`${this.name} has not started after ${START_MS} ms:\n${this.log.last}`);
  }

  async untilOpen(): Promise<void> {
    const client = createClient({ address: this.address, timeoutMs: 2_000 });
    const open = (): Promise<boolean> =>
      client.request('GET', 'sys/health').then(
        ({ status }) => status === 200,
        () => false,
      );
    await eventually(open, () => `${this.name} serves:\n${this.log.last}`, { everyMs: 100 });
  }

  async kill(): Promise<void> {
    this.#state = 'down';
    this.log.add('-- SIGKILL');
    this.#child?.kill('SIGKILL');
    await this.#end;
  }

  stop(): void {
    this.#state = 'stopped';
    this.log.add('-- SIGSTOP');
    this.#child?.kill('SIGSTOP');
  }

  wake(): void {
    this.log.add('-- SIGCONT');
    this.#child?.kill('SIGCONT');
    this.#state = 'up';
  }

  /** SIGTERM. @returns the exit code, or `undefined` when it had to be killed */
  async end(): Promise<number | undefined> {
    this.#state = 'ending';
    this.log.add('-- SIGTERM');
    this.#child?.kill('SIGTERM');
    const code = await Promise.race([this.#end, sleep(END_MS, undefined, { ref: false })]);
    if (code === undefined) await this.kill();
    this.#state = 'down';
    return code;
  }

  dropStore(): void {
    this.log.add('-- connections to the store dropped');
    this.store.dropAll();
  }

  /** True: the store does not answer it; false: it is there again. */
  cutOff(cut: boolean): void {
    this.#cutOff = cut;
    this.log.add(cut ? '-- cut off from the store' : '-- reaches the store again');
    this.store.freeze(cut);
  }

  /** The process and the proxy. */
  async remove(): Promise<void> {
    if (this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null) {
      const exit = once(this.#child, 'exit');
      this.#child.kill('SIGKILL');
      await exit;
    }
    await this.store.stop();
  }
}
