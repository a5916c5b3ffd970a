/** A PostgreSQL for the tests of one file, proxies before it that pose as its nodes, and stores over them. */
import assert from 'node:assert/strict';
import { after, before, type TestContext } from 'node:test';
import { createLogger, type LogEntry } from '@coffer/base';
import { startPostgres, startWireProxy, type TestPostgres, type WireProxy } from '@coffer/testkit';
import { openPostgresStore, type Store } from './index.ts';

export interface OpenedStore {
  readonly store: Store;
  readonly log: readonly LogEntry[];
}

/** To be made once, at the top of a file. */
export class StoreNodes {
  #server: TestPostgres | undefined;
  #next = 0;

  constructor() {
    before(async () => (this.#server = await startPostgres()));
    after(() => this.#server?.stop());
  }

  get server(): TestPostgres {
    if (this.#server === undefined) throw new Error('there is a server in tests only');
    return this.#server;
  }

  /** A database of its own for one test; its name. */
  async makeDatabase(): Promise<string> {
    const name = `store_${++this.#next}`;
    await this.server.query(`CREATE DATABASE ${name} OWNER ${this.server.user}`);
    return name;
  }

  async proxies(test: TestContext, count: number): Promise<WireProxy[]> {
    const { host, port } = this.server;
    const started = await Promise.all(Array.from({ length: count }, () => startWireProxy({ target: { host, port } })));
    test.after(() => Promise.all(started.map((proxy) => proxy.stop())));
    return started;
  }

  /** A store over these hosts; closed when the test is over. */
  async open(
    test: TestContext,
    hosts: readonly { readonly host: string; readonly port: number }[],
    options: { readonly query?: string; readonly database?: string; readonly maxConnections?: number } = {},
  ): Promise<OpenedStore> {
    const { query = '', database = await this.makeDatabase(), maxConnections = 4 } = options;
    const { user, password } = this.server;
    const authority = hosts.map(({ host, port }) => `${host}:${port}`).join(',');
    const log: LogEntry[] = [];
    const store = await openPostgresStore({
      connectionUrl: `postgres://${user}:${password}@${authority}/${database}${query}`,
      maxConnections,
      logger: createLogger('store', 'debug', (entry) => log.push(entry)),
    });
    test.after(() => store.close());
    return { store, log };
  }
}

export const PUT = 'INSERT INTO entries (mount, name, value) VALUES ($1, $2, $3)';
export const VALUE = new TextEncoder().encode('v');

export async function namesIn(store: Store): Promise<readonly unknown[]> {
  return (await store.run('SELECT name FROM entries ORDER BY name')).rows.map((row) => row['name']);
}

const TICKS = 20;

/**
 * What `work` comes to, which must not take longer than this. Counted is the time in which this process ran: where it stood still,
 * on a machine that is busy, the timers of the work were late as well.
 */
export async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  const { promise: tooLate, reject } = Promise.withResolvers<never>();
  let left = TICKS;
  const ticking = setInterval(() => {
    if (--left === 0) reject(new assert.AssertionError({ message: `it took longer than ${milliseconds} ms` }));
  }, milliseconds / TICKS);
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    clearInterval(ticking);
  }
}
