import { createServer, type Server, type Socket } from 'node:net';
import { CofferError, errorText } from '@coffer/base';
import { type Fault, FaultList, type InstalledFault } from './fault.ts';
import type { ExecutedStatement } from './request.ts';
import type { Target } from './server-connection.ts';
import { WireSession } from './wire-session.ts';

export interface StatementRecord extends ExecutedStatement {
  /** Order among all statements of this proxy, from 0. */
  readonly index: number;
  /** The client connection, from 1. */
  readonly connection: number;
  /** What the server knows at that moment: from the startup packet, or a later SET. */
  readonly applicationName: string;
}

export interface WireProxyOptions {
  /** A PostgreSQL that takes plain connections. */
  readonly target: Target;
  /**
   * `postgresql` (default) passes transactions as they are. `yugabytedb`: each DDL statement in a transaction block
   * commits on its own and ROLLBACK undoes none of it, YugabyteDB's default (ysql_yb_ddl_transaction_block_enabled off).
   * Limits: what the block did before the DDL commits with it; savepoints and the isolation level of BEGIN are lost with it; only texts of one statement are recognised, and DO blocks that name DDL, as a whole.
   */
  readonly mode?: 'postgresql' | 'yugabytedb';
  /** Loopback address to listen on. Default 127.0.0.1. */
  readonly host?: string;
  /** Default: any free port. */
  readonly port?: number;
  /** Shown in errors. Default `host:port`. */
  readonly nodeName?: string;
  /** Applied to each SQL text before the server gets it; records and faults see the original. */
  readonly rewrite?: (sql: string) => string;
  /** Told the process id of each server process that serves a client of this proxy. */
  readonly onBackend?: (pid: number) => void;
  /** False keeps no {@link WireProxy.statements}, for runs of hours. Default true. */
  readonly keepStatements?: boolean;
  readonly onStatement?: (statement: StatementRecord) => void;
}

export interface WireProxy {
  readonly nodeName: string;
  readonly host: string;
  readonly port: number;
  /** Every statement that clients have asked to run, in order (Query and Execute; preparing alone does not count). */
  readonly statements: readonly StatementRecord[];
  /** Open client connections. */
  readonly connections: number;
  /** Client connections so far, those among them that were never answered. */
  readonly taken: number;
  addFault(fault: Fault): InstalledFault;
  clearFaults(): void;
  /** Closes every connection on both sides, without a message. */
  dropAll(): void;
  /** True: new connections are refused by the kernel, as when the node's process is down. False: back on the same port. */
  refuse(refused: boolean): Promise<void>;
  /** True: new connections are taken and never answered, as by a node that hangs. */
  hang(hanging: boolean): void;
  /**
   * True: as {@link hang}, and what clients send on connections they have is not read either, as from a node that is cut off.
   * False: what they have sent meanwhile is read; connections made meanwhile stay dead.
   */
  freeze(frozen: boolean): void;
  /** Closes everything. Safe to call again. */
  stop(): Promise<void>;
}

/**
 * Starts a TCP proxy before a PostgreSQL that reads the frontend/backend protocol 3.0 and makes chosen statements fail.
 * Clients speak plain to it: SSLRequest and GSSENCRequest are answered `N`. Faults hit requests that end with
 * ReadyForQuery: simple queries, and extended ones up to Sync (a request of several Executes as a whole, at the first
 * that matches); requests that end with Flush pass unharmed.
 *
 * @throws CofferError `failed` when the address cannot be listened on
 */
export async function startWireProxy(options: WireProxyOptions): Promise<WireProxy> {
  const proxy = new ListeningProxy(options);
  await proxy.listen();
  return proxy;
}

class ListeningProxy implements WireProxy {
  readonly host: string;
  readonly statements: StatementRecord[] = [];
  readonly #options: WireProxyOptions;
  readonly #faults = new FaultList();
  readonly #open = new Map<Socket, WireSession | undefined>();
  #port: number;
  #listener: Server | undefined;
  #connectionsSeen = 0;
  #taken = 0;
  #statementsSeen = 0;
  #hanging = false;

  constructor(options: WireProxyOptions) {
    this.#options = options;
    this.host = options.host ?? '127.0.0.1';
    this.#port = options.port ?? 0;
  }

  get port(): number {
    return this.#port;
  }

  get nodeName(): string {
    return this.#options.nodeName ?? `${this.host}:${this.#port}`;
  }

  get connections(): number {
    return this.#open.size;
  }

  get taken(): number {
    return this.#taken;
  }

  listen(): Promise<void> {
    const listener = createServer({ noDelay: true }, (client) => {
      this.#accept(client);
    });
    return new Promise((resolve, reject) => {
      listener.on('error', (cause) => {
        reject(new CofferError('failed', `wire proxy ${this.nodeName} cannot listen: ${errorText(cause)}`, { cause }));
      });
      listener.listen({ host: this.host, port: this.#port, exclusive: true }, () => {
        const address = listener.address();
        if (address !== null && typeof address === 'object') this.#port = address.port;
        this.#listener = listener;
        resolve();
      });
    });
  }

  #accept(client: Socket): void {
    this.#taken++;
    client.on('error', () => undefined);
    client.once('close', () => this.#open.delete(client));
    if (this.#hanging) {
      this.#open.set(client, undefined);
      client.resume();
      return;
    }
    const session = new WireSession(client, this.#context(++this.#connectionsSeen));
    this.#open.set(client, session);
    session.run().catch((thrown: unknown) => {
      process.emitWarning(`wire proxy ${this.nodeName}: ${errorText(thrown)}`);
    });
  }

  #context(connection: number): ConstructorParameters<typeof WireSession>[1] {
    const {
      target,
      mode = 'postgresql',
      rewrite = (sql) => sql,
      onBackend = () => undefined,
      onStatement,
    } = this.#options;
    return {
      target,
      mode,
      faults: this.#faults,
      rewrite,
      onBackend,
      record: (statement, applicationName) => {
        const index = this.#statementsSeen++;
        const record = { ...statement, index, connection, applicationName };
        if (this.#options.keepStatements !== false) this.statements.push(record);
        onStatement?.(record);
        return index;
      },
    };
  }

  addFault(fault: Fault): InstalledFault {
    return this.#faults.add(fault);
  }

  clearFaults(): void {
    this.#faults.clear();
  }

  dropAll(): void {
    for (const [client, session] of this.#open) {
      session?.drop();
      client.destroy();
    }
  }

  async refuse(refused: boolean): Promise<void> {
    if (!refused) {
      if (this.#listener === undefined) await this.listen();
      return;
    }
    const listener = this.#listener;
    this.#listener = undefined;
    // close() stops listening at once; its callback would wait for the connections that stay open.
    listener?.close();
  }

  hang(hanging: boolean): void {
    this.#hanging = hanging;
  }

  freeze(frozen: boolean): void {
    this.#hanging = frozen;
    for (const [client, session] of this.#open) {
      if (session === undefined) continue;
      if (frozen) client.pause();
      else client.resume();
    }
  }

  async stop(): Promise<void> {
    await this.refuse(true);
    this.dropAll();
  }
}
