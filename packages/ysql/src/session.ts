import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { Backend } from './failure.ts';
import { failureOfStatement } from './failure.ts';

/** How long a server may take to close its side before the socket is simply dropped. */
const GOODBYE_MILLISECONDS = 2_000;

export interface SessionIdentity {
  readonly applicationName: string;
  readonly database: string;
  /** As it was asked for. */
  readonly host: string;
  /** The address that `host` resolved to. */
  readonly address: string;
  readonly port: number;
}

export type Row = Readonly<Record<string, unknown>>;
export interface Answer {
  readonly rows: readonly Row[];
  /** The command tag's first word: `COMMIT`, `ROLLBACK`, `SELECT`. */
  readonly command: string;
}

/** One connection to the database. It is broken as soon as its socket is, even while nobody uses it. */
export class Session {
  readonly identity: SessionIdentity;
  readonly openedAt = Date.now();
  /** The node's key, once it is known which node this is. */
  node: string | undefined;
  /** Whether the server takes `yb_make_next_ddl_statement_nonbreaking`; undefined: not asked yet. */
  nonBreakingDdl: boolean | undefined;
  readonly #client: pg.Client;
  #broken = false;
  readonly #onClosed: (() => void)[] = [];

  constructor(client: pg.Client, identity: SessionIdentity) {
    this.identity = identity;
    this.#client = client;
    client.on('error', () => this.#break());
    client.on('end', () => this.#break());
  }

  /** Whether it can serve another user: alive, and in no transaction. */
  get reusable(): boolean {
    return !this.#broken && this.#client.getTransactionStatus() === 'I';
  }

  get inTransaction(): boolean {
    return this.#client.getTransactionStatus() !== 'I';
  }

  get broken(): boolean {
    return this.#broken;
  }

  get backend(): Backend {
    return { applicationName: this.identity.applicationName, node: this.node };
  }

  /** `callback` is called once, when the connection is closed or found broken (at once when it is already). */
  whenClosed(callback: () => void): void {
    if (this.#broken) callback();
    else this.#onClosed.push(callback);
  }

  /**
   * Runs one statement (never several, whose results would come as a list).
   *
   * @throws Failure
   */
  async query(sql: string, params?: readonly string[]): Promise<Answer> {
    try {
      const client = this.#client;
      const result = params === undefined ? await client.query<Row>(sql) : await client.query<Row>(sql, [...params]);
      return { rows: result.rows, command: result.command };
    } catch (error) {
      const failure = failureOfStatement(error, this.backend);
      if (failure.kind === 'lost') this.destroy();
      throw failure;
    }
  }

  /** Says goodbye to the server and closes. */
  async close(): Promise<void> {
    if (this.#broken) return;
    const patience = new AbortController();
    const goodbye = this.#client.end();
    await Promise.race([
      goodbye,
      sleep(GOODBYE_MILLISECONDS, undefined, { signal: patience.signal }).catch(() => undefined),
    ]);
    patience.abort();
    this.destroy();
  }

  /** Drops the connection at once. */
  destroy(): void {
    this.#break();
  }

  #break(): void {
    if (this.#broken) return;
    this.#broken = true;
    this.#client.connection.stream.destroy();
    for (const callback of this.#onClosed.splice(0)) callback();
  }
}
