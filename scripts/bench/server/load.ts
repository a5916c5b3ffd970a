/** Clients of a server, in a process of their own: what they compute is not counted as the server's. */
import { join } from 'node:path';
import { Worker } from './worker.ts';

export interface Work {
  readonly host: string;
  readonly port: number;
  readonly clients: number;
  /** Whole HTTP requests: one for every client, or one for each of them. */
  readonly requests?: readonly string[];
  /** In place of them: each of these once, by whichever client is free. */
  readonly each?: readonly string[];
  /** In place of them: each client issues a credential, renews its lease and revokes it, over and over. */
  readonly cycle?: { readonly role: string; readonly token: string };
}

/** When to stop sending; what is under way is waited for, and counts. */
export interface Until {
  readonly ms?: number;
  readonly count?: number;
}

export interface Answered {
  /** Without errors. */
  readonly answered: number;
  /** To the end of the last request. */
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
  /** By status, or by what became of the connection: how often, and what one of them said. */
  readonly errors: Readonly<Record<string, { readonly count: number; readonly sample: string }>>;
}

/** What the process is told. It answers with {@link Answered}. */
export interface Order {
  readonly work: Work;
  readonly until: Until;
}

/** An HTTP request as it goes over the wire, on a connection that stays open. */
export function httpRequest(method: string, path: string, token: string, body?: object): string {
  const text = body === undefined ? '' : JSON.stringify(body);
  const lines = [`${method} /v1/${path} HTTP/1.1`, 'Host: 127.0.0.1'];
  if (token !== '') lines.push(`X-Vault-Token: ${token}`);
  if (text !== '') lines.push('Content-Type: application/json', `Content-Length: ${Buffer.byteLength(text)}`);
  return `${lines.join('\r\n')}\r\n\r\n${text}`;
}

export class Load {
  readonly #worker: Worker<Order, Answered>;

  private constructor(worker: Worker<Order, Answered>) {
    this.#worker = worker;
  }

  static async start(): Promise<Load> {
    return new Load(await Worker.start(join(import.meta.dirname, 'load-process.ts')));
  }

  /** One order at a time. */
  run(work: Work, until: Until): Promise<Answered> {
    return this.#worker.run({ work, until });
  }

  async stop(): Promise<void> {
    await this.#worker.stop();
  }
}
