import {
  CofferError,
  ExactNumber,
  isJsonObject,
  type JsonObject,
  measureJson,
  type OwnJsonLimits,
  parseExactJson,
} from '@coffer/base';
import type { BodyShare } from './body-budget.ts';
import { cutOff, type EdgeRequest } from './message.ts';

export interface BodyRules {
  /** For a caller whose token is known. */
  readonly maxBytes: number;
  /** For everybody else. */
  readonly strangerBytes: number;
  readonly timeoutMs: number;
  readonly share: BodyShare;
  /** Asked at most once, and only when the body is larger than a stranger's may be, or the strangers' budget is used up. */
  readonly isKnown: () => Promise<boolean>;
  /** Why the parser gave up on the request, once it has. */
  readonly broken: () => Error | undefined;
  /** Called before the first byte is read, once it is clear that the declared length is not too large. */
  readonly begin: () => void;
}

/**
 * The whole body, or why there is none. `stranger`: larger than {@link BodyRules.strangerBytes} from somebody unknown.
 * `busy`: the budget is used up. `malformed`: the parser refused the rest of it. `late`: it took too long. `aborted`: the
 * client went away. After the first three the rest is still unread.
 */
export type BodyOutcome = Buffer | 'too-large' | 'stranger' | 'busy' | 'malformed' | 'late' | 'aborted';

/** Reads a request's body into memory. @throws CofferError what {@link BodyRules.isKnown} fails with, and nothing else */
export async function readBody(request: EdgeRequest, rules: BodyRules): Promise<BodyOutcome> {
  const declared = Number(request.headers['content-length'] ?? 0);
  const body = new BodyBuffer(rules, declared);
  const refusal = await body.refusalOf(declared);
  if (refusal !== undefined) return refusal;
  rules.begin();
  const timer = setTimeout(() => cutOff(request), rules.timeoutMs);
  let wake = (): void => undefined;
  const onChange = (): void => wake();
  for (const name of CHANGES) request.on(name, onChange);
  try {
    for (;;) {
      // Everything that has arrived: a client that sends single bytes must not pile up tiny buffers.
      const chunk = request.read() as Buffer | null;
      const outcome = chunk === null ? endOf(request, body, rules) : await body.add(chunk);
      if (outcome !== undefined) return outcome;
      if (chunk === null) await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    clearTimeout(timer);
    for (const name of CHANGES) request.off(name, onChange);
  }
}

const CHANGES = ['readable', 'end', 'close', 'error'] as const;

/** What became of a request that has nothing to read now; undefined when there may be more to come. */
function endOf(request: EdgeRequest, body: BodyBuffer, { broken }: BodyRules): BodyOutcome | undefined {
  if (request.readableEnded) return body.take();
  const error = broken();
  if (error === undefined && !request.destroyed) return undefined;
  body.free();
  const code = error !== undefined && 'code' in error ? String(error.code) : '';
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'late';
  return code.startsWith('HPE_') ? 'malformed' : 'aborted';
}

const NOTHING = Buffer.alloc(0);

/** A body as it arrives, in a buffer that grows with it and counts against the caller's share. */
class BodyBuffer {
  readonly #rules: BodyRules;
  readonly #declared: number;
  #known: boolean | undefined;
  #buffer: Buffer = NOTHING;
  #size = 0;

  constructor(rules: BodyRules, declared: number) {
    this.#rules = rules;
    this.#declared = declared;
  }

  /** Why a body of this size is not read, if it is not. */
  async refusalOf(size: number): Promise<'too-large' | 'stranger' | undefined> {
    if (size > this.#rules.maxBytes) return 'too-large';
    return size <= this.#rules.strangerBytes || (await this.#isKnown()) ? undefined : 'stranger';
  }

  async add(chunk: Buffer): Promise<'too-large' | 'stranger' | 'busy' | undefined> {
    const size = this.#size + chunk.length;
    const isWhole = size === chunk.length && size === this.#declared && ownsMemory(chunk);
    const refusal = (await this.refusalOf(size)) ?? (await this.#reserve(size, isWhole ? chunk : undefined));
    if (refusal !== undefined) {
      this.free();
      return refusal;
    }
    if (!isWhole) chunk.copy(this.#buffer, this.#size);
    this.#size = size;
    return undefined;
  }

  take(): Buffer {
    return this.#buffer.subarray(0, this.#size);
  }

  free(): void {
    freeBuffer(this.#buffer);
    this.#buffer = NOTHING;
  }

  /** `whole`: what the body is kept in as it is. */
  async #reserve(size: number, whole?: Buffer): Promise<'busy' | undefined> {
    if (size <= this.#buffer.length) return undefined;
    const most = this.#declared > 0 ? this.#declared : this.#rules.maxBytes;
    const comfortable = Math.max(size, Math.min(most, 2 * this.#buffer.length));
    const reserve = (): number | undefined => [comfortable, size].find((bytes) => this.#rules.share.resize(bytes));
    const capacity = reserve() ?? ((await this.#isKnown()) ? reserve() : undefined);
    if (capacity === undefined) return 'busy';
    if (whole !== undefined) {
      this.#buffer = whole;
      return undefined;
    }
    // A buffer of its own: a slice would keep the whole of the shared pool alive.
    const grown = Buffer.allocUnsafeSlow(capacity);
    this.#buffer.copy(grown, 0, 0, this.#size);
    freeBuffer(this.#buffer);
    this.#buffer = grown;
    return undefined;
  }

  async #isKnown(): Promise<boolean> {
    try {
      this.#known ??= await this.#rules.isKnown();
    } catch (thrown) {
      throw CofferError.from(thrown);
    }
    if (this.#known) this.#rules.share.know();
    return this.#known;
  }
}

/** Whether nothing else is in its memory: no other buffer of Node's pool, nor another stream of HTTP/2. */
function ownsMemory({ buffer, length }: Buffer): boolean {
  return buffer.byteLength === length;
}

/** As {@link freeBuffer}, what may be a part of something larger: that is left alone. */
export function freeChunk(chunk: Buffer): void {
  if (ownsMemory(chunk)) freeBuffer(chunk);
}

/** Gives memory back at once: a garbage collector in no hurry would keep it for a long time. */
export function freeBuffer(buffer: Buffer): void {
  if (buffer.buffer instanceof ArrayBuffer && buffer.byteLength > 0) buffer.buffer.transfer(0);
}

const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** What a body holds, and an estimate of its size in memory, in bytes. */
export interface ParsedBody {
  readonly data: JsonObject;
  readonly memoryBytes: number;
}

/**
 * The JSON object in a body; `{}` when the body is empty or `null`. The content type is ignored, as in Vault: `curl -d` sends
 * JSON as a form. A number that would not come back digit for digit is an ExactNumber.
 *
 * @throws CofferError `invalid-request`, also for more than JSON_LIMITS allow, which are checked before anything is
 *   parsed; the message never repeats the input, which may hold a secret
 */
export function parseJsonBody(body: Buffer, limits: OwnJsonLimits = {}): ParsedBody {
  const memoryBytes = measureJson(body, limits);
  let text: string;
  try {
    text = UTF8.decode(body);
  } catch {
    throw invalid('the body is not UTF-8');
  }
  return { data: objectIn(text), memoryBytes };
}

function objectIn(text: string): JsonObject {
  if (text.trim() === '') return {};
  const value = parseJson(text);
  if (value === null) return {};
  if (!isJsonObject(value)) {
    const found = value instanceof ExactNumber ? 'number' : typeof value;
    throw invalid(
      `the body must be an object like {"key": "value"}, not ${Array.isArray(value) ? 'a list' : `a ${found}`}`,
    );
  }
  return value;
}

function parseJson(text: string): unknown {
  try {
    return parseExactJson(text);
  } catch (error) {
    // V8's message quotes the input, so only its position is taken over.
    const message = error instanceof Error ? error.message : '';
    const position = /at position (\d+)/.exec(message)?.[1];
    if (position !== undefined) throw invalid(`invalid JSON at character ${Number(position) + 1} of the body`);
    throw invalid(message.includes('end of JSON input') ? 'the JSON ends too early' : 'the body is not valid JSON');
  }
}

function invalid(problem: string): CofferError {
  return new CofferError('invalid-request', `failed to parse JSON input: ${problem}`);
}
