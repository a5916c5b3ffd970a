/**
 * Framing of PostgreSQL's frontend/backend protocol 3.0 (PostgreSQL documentation, chapter 55), as far as a proxy that
 * reads statements and answers errors needs it.
 */

/** What ReadyForQuery says: idle, in a transaction block, in a failed transaction block. */
export type TransactionStatus = 'I' | 'T' | 'E';

export interface Message {
  /** The type byte; empty for a startup packet, which has none. */
  readonly type: string;
  /** After type and length. */
  readonly body: Buffer;
  /** The whole message as it came. */
  readonly bytes: Buffer;
}

export const REQUEST_CODE = { cancel: 80877102, ssl: 80877103, gssEncryption: 80877104 };

/** Far above any statement of a test; a length beyond it means that the stream is not this protocol. */
const LONGEST_MESSAGE = 64 * 1024 * 1024;

/** Cuts a byte stream into messages. */
export class MessageReader {
  /** True while the next packet has no type byte: a client's first packets. */
  startup: boolean;
  #pending: Buffer = Buffer.alloc(0);

  constructor(startup: boolean) {
    this.startup = startup;
  }

  add(chunk: Buffer): void {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
  }

  /** The next whole message, if it has arrived. Throws RangeError when the stream cannot be this protocol. */
  next(): Message | undefined {
    const head = this.startup ? 0 : 1;
    if (this.#pending.length < head + 4) return undefined;
    const length = this.#pending.readInt32BE(head);
    if (length < 4 || length > LONGEST_MESSAGE) throw new RangeError(`message of ${length} bytes`);
    const end = head + length;
    if (this.#pending.length < end) return undefined;
    const bytes = this.#pending.subarray(0, end);
    this.#pending = this.#pending.subarray(end);
    return { type: bytes.toString('latin1', 0, head), body: bytes.subarray(head + 4), bytes };
  }
}

export function encodeMessage(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, 0, 'latin1');
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

export function encodeQuery(sql: string): Buffer {
  return encodeMessage('Q', cString(sql));
}

/** A Parse message with its SQL replaced, its name and parameter types kept. */
export function encodeParse(original: Message, sql: string): Buffer {
  const [name, afterName] = readCString(original.body, 0);
  const [, afterSql] = readCString(original.body, afterName);
  return encodeMessage('P', Buffer.concat([cString(name), cString(sql), original.body.subarray(afterSql)]));
}

export interface InjectedError {
  readonly severity: 'ERROR' | 'FATAL';
  readonly sqlstate: string;
  readonly message: string;
}

export function encodeErrorResponse(error: InjectedError): Buffer {
  const { severity, sqlstate, message } = error;
  const fields = [`S${severity}`, `V${severity}`, `C${sqlstate}`, `M${message}`].map(cString);
  return encodeMessage('E', Buffer.concat([...fields, Buffer.from([0])]));
}

export function encodeReadyForQuery(status: TransactionStatus): Buffer {
  return encodeMessage('Z', Buffer.from(status, 'latin1'));
}

export function readStatus(ready: Message): TransactionStatus {
  const status = ready.body.toString('latin1', 0, 1);
  return status === 'T' || status === 'E' ? status : 'I';
}

/** The zero-terminated string at `offset`, and the offset after it. */
export function readCString(body: Buffer, offset: number): [text: string, after: number] {
  const found = body.indexOf(0, offset);
  const end = found === -1 ? body.length : found;
  return [body.toString('utf8', offset, end), end + 1];
}

/** The parameters of a StartupMessage or, with two strings, of one ParameterStatus. */
export function readParameters(body: Buffer, from: number): Map<string, string> {
  const parameters = new Map<string, string>();
  let offset = from;
  while (offset < body.length && body[offset] !== 0) {
    const [name, afterName] = readCString(body, offset);
    const [value, afterValue] = readCString(body, afterName);
    parameters.set(name, value);
    offset = afterValue;
  }
  return parameters;
}

function cString(text: string): Buffer {
  return Buffer.from(`${text}\0`, 'utf8');
}
