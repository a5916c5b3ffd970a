import { encodeParse, encodeQuery, type Message, readCString } from './wire-protocol.ts';

/** What a client sends in one go: a simple query, or extended-protocol messages up to a Sync or a Flush. */
export interface Request {
  readonly messages: readonly Message[];
  /** How the answer ends: with ReadyForQuery, or without a mark (Flush). */
  readonly ends: 'ready' | 'unknown';
}

export interface ExecutedStatement {
  readonly sql: string;
  readonly protocol: 'simple' | 'extended';
}

/** Collects a client's messages into requests. */
export class RequestReader {
  #pending: Message[] = [];

  /** The request that this message completes, if it does. */
  add(message: Message): Request | undefined {
    this.#pending.push(message);
    if (!'QFSHX'.includes(message.type)) return undefined;
    const messages = this.#pending;
    this.#pending = [];
    return { messages, ends: message.type === 'H' || message.type === 'X' ? 'unknown' : 'ready' };
  }
}

/** Knows a session's prepared statements and portals, so it can tell which SQL an Execute runs. */
export class StatementNames {
  readonly #statements = new Map<string, string>();
  readonly #portals = new Map<string, string>();

  /** The statements that a request runs, in order. Preparing alone runs nothing. */
  executedBy(request: Request): ExecutedStatement[] {
    const executed: ExecutedStatement[] = [];
    for (const { type, body } of request.messages) {
      if (type === 'Q') executed.push({ sql: readCString(body, 0)[0], protocol: 'simple' });
      if (type === 'P') {
        const [name, afterName] = readCString(body, 0);
        this.#statements.set(name, readCString(body, afterName)[0]);
      }
      if (type === 'B') {
        const [portal, afterPortal] = readCString(body, 0);
        this.#portals.set(portal, readCString(body, afterPortal)[0]);
      }
      if (type === 'E') {
        const sql = this.#statements.get(this.#portals.get(readCString(body, 0)[0]) ?? '') ?? '';
        executed.push({ sql, protocol: 'extended' });
      }
    }
    return executed;
  }
}

/** The request's bytes, with `rewrite` applied to each SQL text. */
export function encodeRequest(request: Request, rewrite: (sql: string) => string): Buffer {
  const parts = request.messages.map((message) => {
    if (message.type !== 'Q' && message.type !== 'P') return message.bytes;
    const offset = message.type === 'Q' ? 0 : readCString(message.body, 0)[1];
    const [sql] = readCString(message.body, offset);
    const rewritten = rewrite(sql);
    if (rewritten === sql) return message.bytes;
    return message.type === 'Q' ? encodeQuery(rewritten) : encodeParse(message, rewritten);
  });
  return Buffer.concat(parts);
}
