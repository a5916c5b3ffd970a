import { setTimeout as sleep } from 'node:timers/promises';
import { isOutcomeUnknown, traced } from '@coffer/base';
import type pg from 'pg';
import { Block } from './block.ts';
import { type Backend, Failure, failureOfStatement } from './failure.ts';
import { requestCancel } from './knock.ts';
import { PreparedStatements } from './prepared-statements.ts';
import { type Answer, answerOf, lastOf, type Request, type Row } from './request.ts';
import { WarningsOnConnection } from './server-warnings.ts';
import type { SilenceWatch } from './silence-watch.ts';
import { sqlEnd, sqlSpan } from './traced-statements.ts';

/** How long a server may take to close its side before we simply drop the socket. */
const GOODBYE_MS = 2_000;
/** SQLSTATE idle_in_transaction_session_timeout: the server had nothing to do, and rolled back. */
const IDLE_IN_TRANSACTION = '25P03';

export interface SessionIdentity {
  readonly applicationName: string;
  readonly database: string;
  /** As given by the settings or by yb_servers(). */
  readonly host: string;
  /** The address that `host` was resolved to. */
  readonly address: string;
  readonly port: number;
}

/** Which connection is wanted. */
export interface SessionWish {
  /** Default: the one in the settings. */
  readonly database?: string | undefined;
  /** Key of the only node that will do. */
  readonly node?: string | undefined;
}

/** One connection to the database. It counts as broken as soon as its socket is, even while nobody is using it. */
export class Session {
  readonly identity: SessionIdentity;
  /** The message that makes its settings ours again (see `session-settings.ts`). */
  ourSettings = '';
  readonly openedAt = Date.now();
  /** The key of its node, once we know which one that is. */
  node: string | undefined;
  /** Whether the server asked for a password before letting us in. */
  askedForPassword = true;
  /** Whether the server has `yb_make_next_ddl_statement_nonbreaking`; undefined until we have asked. */
  nonBreakingDdl: boolean | undefined;
  /** Whether the server calls itself a YugabyteDB. */
  isYugabyte = false;
  /** Whether DDL has been seen to be part of the transaction around it here; undefined until we have seen. */
  transactionalDdl: boolean | undefined;
  /** Whether it is a standby that only takes reads, as servers report since version 14. */
  inHotStandby = false;
  /** The database's encoding, by the server's name for it: `UTF8`, `LATIN1`. */
  serverEncoding = 'UTF8';
  /** OID of the database it is connected to; undefined until we have asked. */
  databaseOid: string | undefined;
  /** Whether the server has advisory locks; undefined until we have asked. */
  advisoryLocks: boolean | undefined;
  /** Sees whether the node still answers while an answer is awaited. */
  watch: SilenceWatch | undefined;
  /** Opened for the sake of its node, which load balancing would not choose. */
  onlyForNode = false;
  /** When the pool should ask for another connection in place of this one, in milliseconds; undefined: never. */
  reconsiderAt: number | undefined;
  /** Gets how long each answer took to come, in milliseconds. */
  onAnswer: ((ms: number) => void) | undefined;
  readonly #client: pg.Client;
  readonly #warnings: WarningsOnConnection;
  #broken = false;
  #readOnly = false;
  #tooLong = false;
  #longestBytes = Infinity;
  /** Why we have dropped it, if we have. */
  #why: { readonly text: string; readonly nodeSilent: boolean } | undefined;
  readonly #prepared = new PreparedStatements();
  /** How often the server has said that it has come to a statement, and how many requests are on their way. */
  #reached = 0;
  #awaited = 0;
  /** How many bytes had been read when the request now being answered was sent. */
  #readBefore = 0;
  readonly #onClosed: (() => void)[] = [];
  readonly #onReadOnly: (() => void)[] = [];

  constructor(client: pg.Client, identity: SessionIdentity) {
    this.identity = identity;
    this.#client = client;
    this.#warnings = new WarningsOnConnection(client);
    client.on('error', () => this.#break());
    client.on('end', () => this.#break());
    client.connection.on('parseComplete', () => this.#reached++);
    client.connection.on('bindComplete', () => this.#reached++);
    client.connection.on('parameterStatus', ({ parameterName, parameterValue }: ParameterStatus) => {
      if (parameterName === 'server_encoding') this.serverEncoding = parameterValue;
      if (parameterName === 'in_hot_standby') this.inHotStandby = parameterValue === 'on';
      // "15.2-YB-2025.1.0.0-b0"
      if (parameterName === 'server_version') this.isYugabyte = parameterValue.includes('-YB-');
    });
  }

  /** Limits how long an answer may be. To be called once, after connecting: before TLS the socket is a different one. */
  boundAnswers(longestBytes: number): void {
    this.#longestBytes = longestBytes;
    const { stream } = this.#client.connection;
    stream.on('data', () => {
      if (bytesRead(stream) - this.#readBefore <= longestBytes) return;
      this.#tooLong = true;
      this.#break();
    });
  }

  /** Whether it can be handed to somebody else: alive, on a node that takes writes, and not in a transaction. */
  get reusable(): boolean {
    return !this.#broken && !this.#readOnly && this.#client.getTransactionStatus() === 'I';
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

  /** Calls `callback` once, when the connection is closed or found broken; at once if it already is. */
  whenClosed(callback: () => void): void {
    if (this.#broken) callback();
    else this.#onClosed.push(callback);
  }

  /** Whether its server has refused to write. */
  get readOnly(): boolean {
    return this.#readOnly;
  }

  /** Calls `callback` once, when the server refuses to write. */
  whenReadOnly(callback: () => void): void {
    this.#onReadOnly.push(callback);
  }

  /**
   * Sends one request.
   *
   * @throws Failure
   */
  async query(sql: string, params?: Request['params']): Promise<Answer> {
    const answer = await this.#send({ sql, ...(params && { params }) });
    if (!(answer instanceof Failure)) return answer;
    if (answer.outcomeUnknown) this.destroy();
    throw answer;
  }

  /**
   * Sends all requests in one round trip. Each gets its own answer, in order. A failure does not keep later ones from running,
   * unless they are in the same transaction block (then they fail with 25P02, and the answer to COMMIT is ROLLBACK) or the
   * connection is lost.
   */
  async pipeline(requests: readonly Request[]): Promise<readonly (Answer | Failure)[]> {
    const { stream } = this.#client.connection;
    stream.cork();
    const sent = requests.map((request) => this.#send(request));
    stream.uncork();
    const answers = await Promise.all(sent);
    if (answers.some(isOutcomeUnknown)) this.destroy();
    return answers;
  }

  /**
   * Sends requests of one statement each as one, in one round trip: after one that fails the rest is not run. What is sent again and
   * again is parsed once ({@link PreparedStatements}).
   *
   * @throws Failure of the first that fails
   */
  async block(requests: readonly Request[]): Promise<readonly Omit<Answer, 'warnings'>[]> {
    const block = new Block(requests, this.#prepared);
    this.#warnings.ofNextRequest();
    const send = () =>
      this.#await(true, () => {
        this.#client.query(block);
        return block.results;
      });
    const span = () =>
      sqlSpan(
        this.identity,
        requests.map(({ sql }) => sql),
      );
    const answers = await traced(span, send, sqlEnd);
    if (!(answers instanceof Failure)) return answers.map(answerOf);
    if (answers.outcomeUnknown) this.destroy();
    throw answers;
  }

  async #send({ sql, params }: Request): Promise<Answer | Failure> {
    const warnings = this.#warnings.ofNextRequest();
    const client = this.#client;
    const prepared = params !== undefined && params.length > 0;
    const send = () =>
      this.#await(
        prepared,
        async () => await (params === undefined ? client.query<Row>(sql) : client.query<Row>(sql, [...params])),
      );
    const result = await traced(() => sqlSpan(this.identity, [sql]), send, sqlEnd);
    return result instanceof Failure ? result : { ...answerOf(lastOf(result)), warnings };
  }

  /**
   * What `ask` resolves with, which sends a request and waits for its answer; or why there is none. `prepared`: the server says
   * of each statement when it has come to it.
   */
  async #await<T>(prepared: boolean, ask: () => Promise<T>): Promise<T | Failure> {
    this.watch?.sent();
    const reached = this.#reached;
    const alone = this.#awaited++ === 0;
    const begin = performance.now();
    try {
      this.#readBefore = bytesRead(this.#client.connection.stream);
      return await ask();
    } catch (error) {
      if (this.#why !== undefined) {
        const { text, nodeSilent } = this.#why;
        const { backend } = this;
        return new Failure('outcome-unknown', `connection to the database given up (${text})`, { backend, nodeSilent });
      }
      if (!this.#tooLong) {
        const failure = this.#seen(failureOfStatement(error, this.backend));
        // What it answers is in order: it had not come to the statement when it ended the session.
        const unreached = prepared && this.#reached === reached && /^57P0[1-3]$/.test(failure.sqlstate);
        const unstarted = alone && (unreached || failure.sqlstate === IDLE_IN_TRANSACTION);
        return unstarted ? new Failure(failure.kind, failure.message, { ...failure, unstarted }) : failure;
      }
      const text = `the answer is longer than ${this.#longestBytes / 1024 ** 2} MiB, and nobody reads it`;
      return new Failure('outcome-unknown', text, { backend: this.backend, final: true });
    } finally {
      this.#awaited--;
      this.onAnswer?.(performance.now() - begin);
      this.watch?.answered();
    }
  }

  #seen(failure: Failure): Failure {
    if (failure.kind === 'read-only') {
      this.#readOnly = true;
      for (const callback of this.#onReadOnly.splice(0)) callback();
    }
    return failure;
  }

  /** Drops the connection, and asks the server not to go on with what was asked over it. */
  giveUp(why: string): void {
    if (this.#broken) return;
    const { processID: processId, secretKey } = this.#client as Partial<{ processID: number; secretKey: number }>;
    if (processId != null && secretKey != null) {
      requestCancel(this.identity.address, this.identity.port, { processId, secretKey });
    }
    this.#why = { text: why, nodeSilent: false };
    this.destroy();
  }

  /** Drops the connection, whose node has stopped answering. */
  lose(): void {
    this.#why ??= { text: 'its node does not answer', nodeSilent: true };
    this.destroy();
  }

  /** Says goodbye to the server, then closes. */
  async close(): Promise<void> {
    if (this.#broken) return;
    const patience = new AbortController();
    const goodbye = this.#client.end();
    await Promise.race([goodbye, sleep(GOODBYE_MS, undefined, { signal: patience.signal }).catch(() => undefined)]);
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
