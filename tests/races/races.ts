/** Races that are decided: one call to the store is held while the other side gets its answer. */
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { databaseUnderTest, eventually, type TestDatabase } from '@coffer/testkit';
import pg from 'pg';
import type { Answer, Api, RequestOptions } from '../auth/api.ts';
import type { Hold } from './held-store.ts';
import { accessorOf, prepare, type RaceServer, startRaceServer } from './race-server.ts';
import { type Storage, type StorageKind, STORAGES } from './storages.ts';

/** A request's first query, where it has one. */
export const ARRIVAL = /^SELECT e\.epoch AS store_epoch/;
export const NEW_TOKEN = /^INSERT INTO tokens/;
export const NEW_LEASE = /^INSERT INTO leases/;
export const ACTIVATION = /^UPDATE leases SET state = 'active'/;
export const TOKEN_RENEWAL = /^UPDATE tokens SET expire_time = \$2, value/;
export const DENIED: Refusal = [403, /permission denied/];

export type Refusal = readonly [status: number, error: string | RegExp];
export type Sent = readonly [
  method: string,
  path: string,
  body?: JsonObject | null | undefined,
  options?: RequestOptions,
];

/** What a second session holds open while it waits to commit. */
const OPEN_KEY = 4711;

/** A suite for each kind of storage, with a server that is there once the tests run. */
export function withEachStorage(suite: (races: Races) => void): void {
  for (const kind of STORAGES) {
    describe(`with the store in ${kind.name}`, () => {
      const races = new Races(kind);
      before(() => races.start());
      after(() => races.stop());
      suite(races);
    });
  }
}

export class Races {
  readonly kind: StorageKind;
  #parts: { readonly database: TestDatabase; readonly storage: Storage; readonly server: RaceServer } | undefined;

  constructor(kind: StorageKind) {
    this.kind = kind;
  }

  async start(): Promise<void> {
    const database = await databaseUnderTest({ authMethod: 'md5' });
    const storage = await this.kind.make(database);
    const server = await startRaceServer(storage);
    this.#parts = { database, storage, server };
    await prepare(server, database);
  }

  async stop(): Promise<void> {
    const { database, storage, server } = this.#running;
    await server.close();
    await storage.remove();
    await database.stop();
  }

  get database(): TestDatabase {
    return this.#running.database;
  }

  get server(): RaceServer {
    return this.#running.server;
  }

  get api(): Api {
    return this.server.api;
  }

  get #running() {
    assert.ok(this.#parts);
    return this.#parts;
  }

  post(path: string, body: JsonObject = {}, token = 'root'): Promise<Answer> {
    return this.api.ok('POST', path, body, { token });
  }

  /** Holds `request` at its call like `pattern` until `first` is over. Returns what came of it. */
  held(pattern: RegExp, request: Sent, first: () => Promise<unknown>): Promise<Answer> {
    return this.#while(this.server.store.hold(pattern), request, first);
  }

  /** The same, but holds it when the call has been answered, before it sees that. */
  heldAfter(pattern: RegExp, request: Sent, first: () => Promise<unknown>): Promise<Answer> {
    return this.#while(this.server.store.holdAnswer(pattern), request, first);
  }

  async #while(hold: Hold, request: Sent, first: () => Promise<unknown>): Promise<Answer> {
    const answer = this.api(...request);
    try {
      await Promise.race([hold.reached, answer.then(({ error }) => assert.fail(`it was not held: ${error}`))]);
      await first();
    } finally {
      hold.release();
    }
    return answer;
  }

  /**
   * Runs `request` up to where its call like `pattern` has done its work and not committed it, then starts `second`, lets the
   * call commit once `second` waits for it (or is over without waiting), and returns what came of `request`.
   */
  async uncommitted(pattern: RegExp, request: Sent, second: () => Promise<unknown>): Promise<Answer> {
    const { storage, server } = this.#running;
    // Advisory locks are a database's own: this is the store's.
    const blocker = new pg.Client({ connectionString: storage.url });
    await blocker.connect();
    try {
      await blocker.query('SELECT pg_advisory_lock($1)', [OPEN_KEY]);
      const wait = { sql: 'SELECT pg_advisory_xact_lock($1)', params: [OPEN_KEY] };
      const { inner } = server.store;
      server.store.holdAround(pattern, (statements) => inner.transaction([...statements, wait]));
      const answer = this.api(...request);
      await eventually(
        () => this.#waits("'advisory'"),
        () => 'it was not held',
      );
      let over = false;
      const end = second().finally(() => (over = true));
      await eventually(
        async () => over || (await this.#waits("'transactionid', 'tuple'")),
        () => 'the second one neither waits nor ends',
      );
      await blocker.query('SELECT pg_advisory_unlock($1)', [OPEN_KEY]);
      await end;
      return await answer;
    } finally {
      await blocker.end();
    }
  }

  /** Whether a session waits for a lock of one of these kinds. */
  async #waits(kinds: string): Promise<boolean> {
    const sql = `SELECT 1 FROM pg_locks WHERE NOT granted AND locktype IN (${kinds})`;
    return (await this.database.query(sql)).length > 0;
  }

  /** What ends a token, by the name of the request. */
  readonly endings: readonly (readonly [string, (token: string) => Promise<unknown>])[] = [
    ['revoke', (token) => this.post('auth/token/revoke', { token })],
    ['revoke-self', (token) => this.post('auth/token/revoke-self', {}, token)],
    ['revoke-orphan', (token) => this.post('auth/token/revoke-orphan', { token })],
    [
      'revoke-accessor',
      async (token) => this.post('auth/token/revoke-accessor', { accessor: await accessorOf(this.api, token) }),
    ],
    ['revoke-prefix', () => this.post('sys/leases/revoke-prefix/auth/token/create')],
  ];
}

export function assertRefused({ status, error }: Answer, [expected, text]: Refusal): void {
  assert.equal(status, expected, error);
  if (typeof text === 'string') assert.equal(error, text);
  else assert.match(error, text);
}
