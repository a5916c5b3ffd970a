import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { type Backend, Failure, failureOfStatement } from './failure.ts';

/** How long a server may take to close its side before the socket is simply dropped. */
const GOODBYE_MILLISECONDS = 2_000;
/** Far more than anything that we ask is answered with; statements of a role may ask for anything. */
const MOST_ANSWER_BYTES = 8 * 1024 * 1024;

export interface SessionIdentity {
  readonly applicationName: string;
  readonly database: string;
  /** As it was asked for. */
  readonly host: string;
  /** The address that `host` resolved to. */
  readonly address: string;
  readonly port: number;
}

/** Which connection is wanted. */
export interface SessionWish {
  /** Default: the configured one. */
  readonly database?: string | undefined;
  /** Key of the one node that will do. */
  readonly node?: string | undefined;
}

/** A statement on its way to the server; `params` stand for $1, $2 ... Without them it may be several. */
export interface Request {
  readonly sql: string;
  readonly params?: readonly string[];
}

export type Row = Readonly<Record<string, unknown>>;
/** Of several statements: the last one's. */
export interface Answer {
  readonly rows: readonly Row[];
  /** The command tag's first word: `COMMIT`, `ROLLBACK`, `SELECT`. */
  readonly command: string;
}

/** One connection to the database. It is broken as soon as its socket is, even while nobody uses it. */
export class Session {
  readonly identity: SessionIdentity;
  /** One message that makes the settings ours again (see `session-settings.ts`). */
  readonly ourSettings: string;
  readonly openedAt = Date.now();
  /** The node's key, once it is known which node this is. */
  node: string | undefined;
  /** Whether the server asked for a password before it let us in. */
  askedForPassword = true;
  /** Whether the server takes `yb_make_next_ddl_statement_nonbreaking`; undefined: not asked yet. */
  nonBreakingDdl: boolean | undefined;
  /** Whether DDL here is part of the transaction that it stands in, as it was seen to be; undefined: not seen yet. */
  transactionalDdl: boolean | undefined;
  /** The database's encoding, by the server's name: `UTF8`, `LATIN1`. */
  serverEncoding = 'UTF8';
  /** Of the database that it is connected to; undefined: not asked yet. */
  databaseOid: string | undefined;
  /** Whether the server has advisory locks; undefined: not asked yet. */
  advisoryLocks: boolean | undefined;
  readonly #client: pg.Client;
  #broken = false;
  #tooLong = false;
  /** Bytes read before the message that is being answered. */
  #readBefore = 0;
  readonly #onClosed: (() => void)[] = [];

  constructor(client: pg.Client, identity: SessionIdentity, ourSettings: string) {
    this.identity = identity;
    this.ourSettings = ourSettings;
    this.#client = client;
    client.on('error', () => this.#break());
    client.on('end', () => this.#break());
    client.connection.on('parameterStatus', ({ parameterName, parameterValue }: ParameterStatus) => {
      if (parameterName === 'server_encoding') this.serverEncoding = parameterValue;
      // "15.2-YB-2025.1.0.0-b0". Its DDL transactions are early access, off by default, and told by nothing we can trust.
      if (parameterName === 'server_version' && parameterValue.includes('-YB-')) this.transactionalDdl = false;
    });
  }

  /** To be called once, when connected: before TLS the socket is another one. */
  boundAnswers(): void {
    const { stream } = this.#client.connection;
    stream.on('data', () => {
      if (bytesRead(stream) - this.#readBefore <= MOST_ANSWER_BYTES) return;
      this.#tooLong = true;
      this.#break();
    });
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
   * Runs one message.
   *
   * @throws Failure
   */
  async query(sql: string, params?: Request['params']): Promise<Answer> {
    const answer = await this.#send({ sql, ...(params && { params }) });
    if (!(answer instanceof Failure)) return answer;
    if (answer.kind === 'lost') this.destroy();
    throw answer;
  }

  /**
   * Sends statements all at once: one round trip. Each gets its own answer, in order. A failure does not keep the later
   * ones from running, unless they stand in the same transaction block (then they fail with 25P02, and COMMIT answers
   * ROLLBACK) or the connection is lost.
   */
  async pipeline(requests: readonly Request[]): Promise<readonly (Answer | Failure)[]> {
    const { stream } = this.#client.connection;
    stream.cork();
    const sent = requests.map((request) => this.#send(request));
    stream.uncork();
    const answers = await Promise.all(sent);
    if (answers.some((answer) => answer instanceof Failure && answer.kind === 'lost')) this.destroy();
    return answers;
  }

  async #send({ sql, params }: Request): Promise<Answer | Failure> {
    try {
      const client = this.#client;
      this.#readBefore = bytesRead(client.connection.stream);
      const result = params === undefined ? await client.query<Row>(sql) : await client.query<Row>(sql, [...params]);
      const { rows, command } = lastOf(result);
      return { rows, command };
    } catch (error) {
      if (!this.#tooLong) return failureOfStatement(error, this.backend);
      const text = `the answer is longer than ${MOST_ANSWER_BYTES / 1024 ** 2} MiB, and nobody reads it`;
      return new Failure('lost', text, { backend: this.backend, final: true });
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

function bytesRead(stream: pg.Connection['stream']): number {
  return 'bytesRead' in stream && typeof stream.bytesRead === 'number' ? stream.bytesRead : 0;
}

interface ParameterStatus {
  readonly parameterName: string;
  readonly parameterValue: string;
}

/** `pg` gives a list for several statements, which its types do not say. */
function lastOf(
  result: pg.QueryResult<Row> | readonly pg.QueryResult<Row>[],
): Pick<pg.QueryResult<Row>, 'rows' | 'command'> {
  return 'rows' in result ? result : (result.at(-1) ?? { rows: [], command: '' });
}
