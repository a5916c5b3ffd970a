import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultAction, FaultList } from './fault.ts';
import { Mailbox } from './mailbox.ts';
import { encodeRequest, type ExecutedStatement, type Request, RequestReader, StatementNames } from './request.ts';
import { ServerConnection, type Target } from './server-connection.ts';
import { isCommit, isDdl, isLocalSetting } from './statement-kind.ts';
import {
  encodeErrorResponse,
  encodeQuery,
  encodeReadyForQuery,
  type InjectedError,
  type Message,
  MessageReader,
  readParameters,
  REQUEST_CODE,
  type TransactionStatus,
} from './wire-protocol.ts';

/** What a session needs of its proxy. */
export interface SessionContext {
  readonly target: Target;
  readonly mode: 'postgresql' | 'yugabytedb';
  readonly faults: FaultList;
  rewrite(sql: string): string;
  /** Records the statement and returns its index. */
  record(statement: ExecutedStatement, applicationName: string): number;
  onBackend(pid: number): void;
}

/** Makes the server fail its transaction block; its log shows where the error came from. */
const FAIL_BLOCK = encodeQuery('fault injected by the wire proxy');
/** StartupMessage: protocol version, then the parameters. */
const PARAMETERS_OFFSET = 4;

/** One client's connection through the proxy, from its first packet to its end. */
export class WireSession {
  readonly #client: Socket;
  readonly #context: SessionContext;
  readonly #requests = new Mailbox<Request>();
  readonly #names = new StatementNames();
  readonly #abandoned = new AbortController();
  /** SET LOCAL of the client's open transaction block: it outlives the commit of a DDL statement. */
  #localSettings: string[] = [];
  #server: ServerConnection | undefined;
  #authenticated = false;

  constructor(client: Socket, context: SessionContext) {
    this.#client = client;
    this.#context = context;
  }

  /** Resolves when the connection is over. Never rejects: whatever fails closes both sides, as a network would. */
  async run(): Promise<void> {
    const startup = this.#listen();
    try {
      const packet = await startup;
      if (packet === undefined) return;
      await this.#serve(packet);
      this.#server?.end();
      await this.#server?.closed;
    } catch {
      this.#server?.destroy();
    } finally {
      this.#client.end();
    }
  }

  /** Closes both sides at once. */
  drop(): void {
    this.#abandoned.abort();
    this.#client.destroy();
    this.#server?.destroy();
    this.#requests.close();
  }

  /** Reads the client: resolves with its startup packet, undefined when it left before; then fills the mailbox. */
  #listen(): Promise<Message | undefined> {
    const reader = new MessageReader(true);
    const requests = new RequestReader();
    return new Promise((resolve) => {
      this.#client.on('data', (chunk: Buffer) => {
        reader.add(chunk);
        try {
          for (let message = reader.next(); message !== undefined; message = reader.next()) {
            if (reader.startup) this.#negotiate(message, reader, resolve);
            else this.#dispatch(message, requests);
          }
        } catch {
          this.drop();
        }
      });
      this.#client.on('error', () => undefined);
      this.#client.once('close', () => {
        this.#requests.close();
        // Otherwise the server would wait a minute for the password.
        if (!this.#authenticated) this.#server?.destroy();
        resolve(undefined);
      });
    });
  }

  /** The answer to encryption requests is no: the client goes on in plain. */
  #negotiate(packet: Message, reader: MessageReader, begin: (packet: Message) => void): void {
    const code = packet.body.readInt32BE(0);
    if (code === REQUEST_CODE.ssl || code === REQUEST_CODE.gssEncryption) {
      this.#client.write('N');
      return;
    }
    reader.startup = false;
    begin(packet);
  }

  /** Password and COPY messages belong to the request under way; everything else waits for its turn. */
  #dispatch(message: Message, requests: RequestReader): void {
    if ('pdcf'.includes(message.type)) {
      this.#server?.send(message.bytes);
      return;
    }
    const request = requests.add(message);
    if (request !== undefined) this.#requests.push(request);
  }

  async #serve(packet: Message): Promise<void> {
    const forward = (message: Message): void => {
      this.#client.write(message.bytes);
    };
    const server = new ServerConnection(this.#context.target, forward, (pid) => {
      this.#context.onBackend(pid);
    });
    this.#server = server;
    if (packet.body.readInt32BE(0) === REQUEST_CODE.cancel) {
      server.end(packet.bytes);
      return;
    }
    server.applicationName = readParameters(packet.body, PARAMETERS_OFFSET).get('application_name') ?? '';
    const closeClient = server.closed.then(() => {
      this.#client.end();
    });
    await server.exchange(packet.bytes, forward);
    this.#authenticated = true;
    for (let request = await this.#requests.next(); request !== undefined; request = await this.#requests.next()) {
      await this.#handle(request, server);
    }
    server.end();
    await closeClient;
  }

  async #handle(request: Request, server: ServerConnection): Promise<void> {
    const executed = this.#names.executedBy(request);
    if (request.ends === 'unknown') {
      for (const statement of executed) this.#context.record(statement, server.applicationName);
      server.send(encodeRequest(request, (sql) => this.#context.rewrite(sql)));
      return;
    }
    let hit: { action: FaultAction; sql: string } | undefined;
    for (const statement of executed) {
      const index = this.#context.record(statement, server.applicationName);
      const action = hit === undefined ? this.#context.faults.take(statement.sql, index) : undefined;
      if (action !== undefined) hit = { action, sql: statement.sql };
    }
    if (hit === undefined) await this.#pass(request, server, executed);
    else await this.#inject(hit.action, hit.sql, request, server, executed);
    if (server.status === 'I') this.#localSettings = [];
    else this.#localSettings.push(...executed.map(({ sql }) => sql).filter(isLocalSetting));
  }

  async #inject(
    action: FaultAction,
    sql: string,
    request: Request,
    server: ServerConnection,
    executed: readonly ExecutedStatement[],
  ): Promise<void> {
    switch (action.type) {
      case 'delay':
        await sleep(action.ms, undefined, { signal: this.#abandoned.signal, ref: false });
        return this.#pass(request, server, executed);
      case 'hold':
        await Promise.race([action.until, this.#untilAbandoned()]);
        return this.#pass(request, server, executed);
      case 'drop-before':
        return this.drop();
      case 'drop-after':
        await this.#perform(request, server, executed);
        return this.drop();
      case 'fatal':
        this.#client.end(encodeErrorResponse({ severity: 'FATAL', ...action }));
        server.destroy();
        return;
      case 'error':
        if (server.status === 'T') await command(server, isCommit(sql) ? encodeQuery('ROLLBACK') : FAIL_BLOCK);
        return this.#answerError({ severity: 'ERROR', ...action }, server.status);
      case 'error-after': {
        const { answers, failed } = await this.#perform(request, server, executed);
        if (failed) return this.#answer(answers, server.status);
        if (server.status === 'T') await command(server, FAIL_BLOCK);
        return this.#answerError({ severity: 'ERROR', ...action }, server.status);
      }
    }
  }

  #untilAbandoned(): Promise<never> {
    const { signal } = this.#abandoned;
    return new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
  }

  async #pass(request: Request, server: ServerConnection, executed: readonly ExecutedStatement[]): Promise<void> {
    if (this.#commitsAlone(executed) && server.status === 'T') {
      const { answers } = await this.#perform(request, server, executed);
      this.#answer(answers, server.status);
      return;
    }
    const bytes = encodeRequest(request, (sql) => this.#context.rewrite(sql));
    await server.exchange(bytes, (message) => this.#client.write(message.bytes));
  }

  /**
   * Runs the request and keeps its answers. A DDL statement of a transaction block is committed with what came before
   * it in yugabytedb mode, and a new block replaces the old one.
   */
  async #perform(
    request: Request,
    server: ServerConnection,
    executed: readonly ExecutedStatement[],
  ): Promise<{ answers: readonly Message[]; failed: boolean }> {
    const answers: Message[] = [];
    const bytes = encodeRequest(request, (sql) => this.#context.rewrite(sql));
    const status = await server
      .exchange(bytes, (message) => answers.push(message))
      .catch((thrown: unknown) => {
        for (const message of answers) this.#client.write(message.bytes);
        throw thrown;
      });
    const failed = answers.some((message) => message.type === 'E');
    if (failed || status !== 'T' || !this.#commitsAlone(executed)) return { answers, failed };
    const commitError = await command(server, encodeQuery('COMMIT'));
    for (const sql of ['BEGIN', ...this.#localSettings]) await command(server, encodeQuery(sql));
    if (commitError === undefined) return { answers, failed };
    await command(server, FAIL_BLOCK);
    return { answers: [commitError], failed: true };
  }

  #commitsAlone(executed: readonly ExecutedStatement[]): boolean {
    return this.#context.mode === 'yugabytedb' && executed.some((statement) => isDdl(statement.sql));
  }

  #answer(answers: readonly Message[], status: TransactionStatus): void {
    const withoutReady = answers.filter((message) => message.type !== 'Z').map((message) => message.bytes);
    this.#client.write(Buffer.concat([...withoutReady, encodeReadyForQuery(status)]));
  }

  #answerError(error: InjectedError, status: TransactionStatus): void {
    this.#client.write(Buffer.concat([encodeErrorResponse(error), encodeReadyForQuery(status)]));
  }
}

/** Sends a statement of the proxy's own, of which the client learns nothing. Returns the server's error, if any. */
async function command(server: ServerConnection, query: Buffer): Promise<Message | undefined> {
  let error: Message | undefined;
  await server.exchange(query, (message) => {
    if (message.type === 'E') error = message;
  });
  return error;
}
